"""What a record says of its answers."""

from __future__ import annotations

import numpy as np
import pytest

from t5study.judging.metrics import classification_metrics, prediction_table


def test_the_numbers_of_a_classification():
    gold, predicted = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0]
    numbers = classification_metrics(gold, predicted, ("a", "b", "c"))
    assert numbers["accuracy"] == pytest.approx(4 / 6)
    assert numbers["per_label"]["a"] == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "support": 3,
    }
    assert numbers["per_label"]["c"]["f1"] == 0.0
    assert numbers["macro_f1"] == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    assert numbers["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    low, high = numbers["intervals"]["accuracy"]
    assert 0 <= low < numbers["accuracy"] < high <= 1


def test_a_label_that_does_not_occur_counts_in_no_macro_average():
    some, more = (
        classification_metrics([0, 0, 1, 1], [0, 1, 1, 1], words)
        for words in (("a", "b"), ("a", "b", "c"))
    )
    for name in ("macro_precision", "macro_recall", "macro_f1"):
        assert more[name] == some[name] > 0.5


def test_probabilities_are_normalised_over_the_labels():
    table = prediction_table(
        [7, 9], [0, 1], np.log(np.array([[0.1, 0.3], [0.2, 0.2]])), ("no", "yes")
    )
    assert table["prediction"].tolist() == [1, 0]
    assert table["p_yes"].tolist() == pytest.approx([0.75, 0.5])
    assert table["row"].tolist() == [7, 9]
