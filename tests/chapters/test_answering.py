"""What a trained model answers to texts of one's own is kept as a record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import no_hub, tiny_bert, tiny_experiment

from t5study.chapters.observations import answer
from t5study.commands import asking
from t5study.experiments.questions import Answering
from t5study.runs.store import RunStore
from t5study.training.finetune import finetune


def test_answers_are_those_of_the_command_line(tmp_path) -> None:
    store = RunStore(tmp_path / "runs")
    experiment = replace(tiny_experiment(tiny_bert(tmp_path / "bert")), architecture="bert")
    run = store.obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )
    asked = Answering(run, ("a dull film", "what a wonderful story"))
    kept = store.obtain(asked.config(), lambda work: answer(asked, work))
    shares = np.array(kept.values["shares"])
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    said = asking.predict(run.path, list(asked.texts))
    words = kept.values["words"]
    assert [line.split()[0] for line in said] == [words[i] for i in shares.argmax(axis=1)]
    assert Answering(run, ("a dull film",)).config() != asked.config()
