"""Adapters: only they are learnt and saved, and beside their checkpoint they answer the same."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import no_hub, tiny_bert, tiny_experiment
from transformers import BertModel

from t5study.base.errors import StudyError
from t5study.book import card
from t5study.commands import asking
from t5study.experiments.identity import Experiment
from t5study.judging import answers
from t5study.models.adapters import adapted_model
from t5study.models.architectures import ARCHITECTURES, saved_model
from t5study.models.loading import load_tokenizer
from t5study.models.opening import checkpoint_in
from t5study.runs.record import Run
from t5study.runs.store import RunStore
from t5study.training.finetune import finetune

BASE = "someone/tiny-bert"


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch) -> Experiment:
    folder = tmp_path / "mirror" / "models" / BASE
    checkpoint = replace(tiny_bert(folder), name=BASE)
    monkeypatch.setenv("T5STUDY_HUB", str(tmp_path / "mirror"))
    return replace(tiny_experiment(checkpoint, lora_rank=2), architecture="bert")


def trained(experiment: Experiment, store: Path) -> Run:
    return RunStore(store).obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )


def test_adapters_are_saved_alone_and_answer_beside_their_checkpoint(experiment, tmp_path) -> None:
    run = trained(experiment, tmp_path / "runs")
    saved = load_file(run.model / "adapter_model.safetensors")
    assert all("lora_" in name or "classifier" in name for name in saved)
    assert sum(weight.numel() for weight in saved.values()) == run.metrics["trained_parameters"]
    assert run.metrics["trained_parameters"] < run.metrics["parameters"] / 2

    again = replace(experiment, checkpoint=checkpoint_in(run.model, weights=True))
    metrics, _ = answers.evaluate_again(again, no_hub(), "test")
    assert metrics["accuracy"] == run.metrics["accuracy"]

    with warnings.catch_warnings():  # none reaches who asks a model
        warnings.simplefilter("error", FutureWarning)
        model = saved_model("bert", again.checkpoint)
    plain = BertModel.from_pretrained(experiment.checkpoint.folder)
    same = torch.equal(
        model.bert.embeddings.word_embeddings.weight, plain.get_input_embeddings().weight
    )
    assert same
    assert not torch.equal(
        model.bert.encoder.layer[0].attention.self.query.weight,
        plain.encoder.layer[0].attention.self.query.weight,
    )


def test_what_is_saved_names_the_checkpoint_and_no_folder(experiment, tmp_path) -> None:
    run = trained(experiment, tmp_path / "runs")
    assert f'"base_model_name_or_path": "{BASE}"' in (run.model / "adapter_config.json").read_text()
    for path in run.model.glob("*.json"):
        assert str(tmp_path) not in path.read_text()
    assert len(load_tokenizer(run.model)) == len(load_tokenizer(experiment.checkpoint))


def test_a_damaged_adapter_is_named(experiment, tmp_path) -> None:
    run = trained(experiment, tmp_path / "runs")
    file = run.model / "adapter_model.safetensors"
    save_file(
        {name: weight[..., :1].contiguous() for name, weight in load_file(file).items()}, file
    )
    with pytest.raises(StudyError, match=r"adapters in .*adapter_model.safetensors cannot be load"):
        adapted_model(checkpoint_in(run.model), ARCHITECTURES["bert"].trained_as)


def test_a_published_model_answers_and_its_card_names_base_data_and_terms(
    experiment, tmp_path, monkeypatch
) -> None:
    run = trained(experiment, tmp_path / "runs")
    folder = card.publish_model("reviews", run, tmp_path / "models")
    text = "a wonderful film"
    assert asking.predict(folder, [text]) == asking.predict(run.path, [text])
    said = (folder / "README.md").read_text()
    assert f"of `{BASE}`" in said
    assert f"| accuracy | {run.metrics['accuracy']:.3f} |" in said
    assert "`pocket`: made by this study" in said
    assert not (folder / "predictions.parquet").exists()
    monkeypatch.setattr(card, "LARGEST", 1000)
    with pytest.raises(StudyError, match="give its recipe a lora_rank"):
        card.publish_model("emotion", run, tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["reviews"]
