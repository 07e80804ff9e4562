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
    assert finetuning.label_words(run) == list(WORDS)
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


def test_prose_quotes_the_mean_over_seeds_and_the_loss_of_the_first(run, tmp_path):
    def finished(accuracy: float, **more):
        def produce(work):
            work.save_metrics({"accuracy": accuracy, **more})
            return {"device": "test"}

        return RunStore(tmp_path).obtain({"seed": accuracy}, produce)

    pair = [finished(0.75, validation_loss=0.5), finished(0.85, validation_loss=0.1)]
    assert finetuning.mean_score(pair) == "0.800"
    groups = {"T5": pair, "TF-IDF": [finished(0.9)]}
    assert finetuning.validation_losses(groups) == "T5 0.500"


def test_examples_are_of_all_labels_as_evenly_as_they_allow_and_in_the_order_of_rows(run):
    table = finetuning.examples(run, count=4)
    assert table["actual"].value_counts().to_dict() == {"sadness": 2, "anger": 1, "joy": 1}
    assert list(table.index) == sorted(table.index)
    assert len(finetuning.examples(run, count=100)) == 6


def test_a_recipe_is_shown_by_what_it_sets_and_beside_the_reports_arguments():
    recipe = Recipe(epochs=5, learning_rate=0.005, optimizer="adafactor")
    (row,) = finetuning.recipe_table(recipe).to_dict("records")
    assert row == {"epochs": 5, "learning_rate": 0.005, "optimizer": "adafactor"}
    beside = finetuning.argument_table(recipe)
    assert beside.loc["num_train_epochs", ["report", "this page"]].tolist() == ["2", "5"]
    assert beside.loc["early_stop_callback", "this page"] == "none"
