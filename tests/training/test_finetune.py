"""Fine-tuning: the record, its golden numbers, and what is settled before the first update."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from tiny import no_hub, tiny_experiment

from t5study.base.errors import StudyError
from t5study.experiments.data import TaskData
from t5study.judging.answers import write_texts
from t5study.models.loading import load_tokenizer
from t5study.runs.store import RunStore
from t5study.training.finetune import finetune, plan_settings

GOLDEN_LOSS = 4.3458


def test_golden_metrics(checkpoint, tmp_path):
    """Fails when a change alters results: then raise runs.RESULT_VERSION and the numbers here."""
    experiment = replace(tiny_experiment(checkpoint), seed=1)
    run = RunStore(tmp_path).obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )
    assert run.metrics["validation_loss"] == pytest.approx(GOLDEN_LOSS, abs=2e-3)


def test_only_a_t5_on_a_processor_lets_texts_share_rows(checkpoint, monkeypatch):
    experiment = tiny_experiment(checkpoint)
    assert plan_settings(experiment, 96)["cutting"] == "shared rows"
    assert plan_settings(replace(experiment, architecture="bert"), 96)["cutting"] == "lengths"
    monkeypatch.setattr("t5study.training.finetune.usual_device", lambda: "cuda")
    assert plan_settings(experiment, 96)["cutting"] == "buckets"


def test_a_tokenizer_without_padding_is_refused_before_texts_share_a_batch(checkpoint):
    tokenizer = load_tokenizer(checkpoint)
    tokenizer.pad_token = None
    with pytest.raises(StudyError, match="has no padding token"):
        TaskData.load(tiny_experiment(checkpoint), no_hub(), tokenizer)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_texts_are_written_in_the_precision_of_the_run(checkpoint, monkeypatch, precision):
    mixed = []
    monkeypatch.setattr(
        "t5study.judging.answers.generate",
        lambda *_, **__: mixed.append(torch.is_autocast_enabled("cpu")),
    )
    write_texts(tiny_experiment(checkpoint, precision=precision), None, None, [])
    assert mixed == [precision == "bf16"]


def test_runs_that_share_their_rows_load_them_once(checkpoint, tmp_path, monkeypatch):
    loaded = []
    load = TaskData.load
    monkeypatch.setattr(TaskData, "load", lambda *asked: loaded.append(asked) or load(*asked))
    hub, usual = no_hub(), tiny_experiment(checkpoint)

    def run(experiment, folder):
        store = RunStore(folder)
        return store.obtain(experiment.config(hub), lambda work: finetune(experiment, hub, work))

    experiments = [usual, replace(usual, seed=5), replace(usual, init="scratch")]
    runs = [run(experiment, tmp_path / str(i)) for i, experiment in enumerate(experiments)]
    assert len(loaded) == 1
    assert len({str(each.metrics["validation_loss"]) for each in runs}) == 3
    longer = usual.recipe.model_copy(update={"max_source_length": 24})
    fewer = usual.settings.model_copy(update={"train": 32})
    for other in (usual.settings.model_copy(update={"recipe": longer}), fewer):
        run(replace(usual, settings=other), tmp_path / "others")
    assert len(loaded) == 3


def test_a_gpu_loads_nothing_of_what_a_processor_needs():
    script = "import sys, t5study.training.finetune; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "t5study.training.loop" in loaded
    assert not loaded & {"t5study.training.cpu", "t5study.training.packing"}
