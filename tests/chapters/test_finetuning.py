"""Chapters 6 and 7: figures and tables say what the record says."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import drawn

from t5study.chapters import finetuning
from t5study.experiments.recipes import Recipe
from t5study.judging.metrics import (
    classification_metrics,
    classification_report,
    label_words,
    prediction_table,
)
from t5study.runs.store import RunStore

WORDS = ("sadness", "joy", "anger")
GOLD = [0, 0, 0, 1, 1, 2]
PREDICTED = [0, 2, 2, 1, 1, 2]


@pytest.fixture
def run(tmp_path):
    def produce(work):
        work.save_metrics(classification_metrics(GOLD, PREDICTED, WORDS))
        scores = np.log(np.full((6, 3), 0.1) + 0.7 * np.eye(3)[PREDICTED])
        table = prediction_table(range(6), GOLD, scores, WORDS)
        work.save_predictions(table.assign(tokens=range(3, 9)))
        return {"device": "test"}

    return RunStore(tmp_path).obtain({"kind": "finetune", "task": "toy"}, produce)


def test_labels_keep_their_order_although_json_sorts_its_keys(run):
    assert list(run.metrics["per_label"]) == sorted(WORDS)
    assert label_words(run.predictions) == list(WORDS)
    assert finetuning.largest_confusion(run) == ("sadness", "anger", 2)


def test_the_confusion_matrix_is_drawn_under_its_own_labels(run):
    axes = drawn(finetuning.plot_confusion(run))[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(WORDS)
    assert [int(text.get_text()) for text in axes.texts][:3] == [1, 0, 2]


def test_the_report_has_a_row_a_label_and_the_averages(run):
    table = classification_report(run.metrics)
    assert table.loc["anger", "support"] == 1
    assert table.loc["sadness", "recall"] == pytest.approx(1 / 3)
    assert table.loc["accuracy", "f1"] == pytest.approx(4 / 6)
    macro = (table.loc[list(WORDS), "f1"]).mean()
    assert table.loc["macro avg", "f1"] == pytest.approx(macro)
    weighted = (3 * table.loc["sadness", "f1"] + 2 * 1 + table.loc["anger", "f1"]) / 6
    assert table.loc["weighted avg", "f1"] == pytest.approx(weighted)


def finished(folder, accuracy: float):
    def produce(work):
        work.save_metrics({"accuracy": accuracy, "intervals": {"accuracy": [0.7, 0.9]}})
        return {"device": "test"}

    return RunStore(folder).obtain({"seed": accuracy}, produce)


def test_prose_quotes_the_mean_over_seeds(tmp_path):
    assert finetuning.mean_score([finished(tmp_path, 0.75), finished(tmp_path, 0.85)]) == "0.800"


def test_the_steps_go_from_the_best_run_down_and_leave_out_what_was_not_run(tmp_path):
    first, *_, last = finetuning.STEPS["sentiment"]
    answers = {last: [finished(tmp_path, 0.75)], first: [finished(tmp_path, 0.85)], "other": []}
    table = finetuning.step_table(answers, "sentiment")
    assert table["accuracy"].tolist() == [0.85, 0.75]
    assert table.index[1] == "random weights"


def test_the_surest_mistakes_come_first_and_are_mistakes(run):
    table = finetuning.surest_mistakes(run, count=2)
    assert (table["actual"] != table["answered"]).all()
    assert table["probability"].is_monotonic_decreasing


def test_a_recipe_is_shown_by_what_it_sets_and_beside_the_reports_arguments():
    recipe = Recipe(epochs=5, learning_rate=0.005, optimizer="adafactor")
    (row,) = finetuning.recipe_table(recipe).to_dict("records")
    assert row == {"epochs": 5, "learning_rate": 0.005, "optimizer": "adafactor"}
    beside = finetuning.argument_table(recipe)
    assert beside.loc["num_train_epochs", ["report", "this page"]].tolist() == ["2", "5"]
    assert beside.loc["early_stop_callback", "this page"] == "none"
