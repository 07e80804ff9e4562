"""Chapter 2's figures say what their records say, on records made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import TOKENS, drawn, labels, record

from t5study.chapters import gpt


def test_exactly_the_untouched_cells_are_hatched():
    moved = np.tril(np.full((3, 3), 0.25))
    seen = record({"influence": moved}, tokens=TOKENS[1:4])
    (axes,) = drawn(gpt.plot_influence([seen], ["GPT"]))
    hatched = {(int(p.get_y()), int(p.get_x())) for p in axes.patches if p.get_hatch()}
    assert hatched == {(0, 1), (0, 2), (1, 2)}


def test_token_losses_leave_out_the_start():
    seen = record(tokens=["</s>", "▁The", "▁film"], losses=[1.0, 3.0], loss=2.0)
    (axes,) = drawn(gpt.plot_token_losses(seen))
    assert [bar.get_height() for bar in axes.patches] == [1.0, 3.0]
    assert labels(axes.xaxis) == ["The", "film"]


@pytest.mark.parametrize("nucleus", [2, 500])
def test_truncation_names_both_cuts(nucleus):
    seen = record(
        {"tempered": np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])},
        tokens=["▁a", "▁b", "▁c"],
        temperatures=[0.5, 1.0],
        top_k=1,
        nucleus_size=nucleus,
    )
    (axes,) = drawn(gpt.plot_truncation(seen))
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"top-k keeps 1", f"nucleus keeps {nucleus}", "T = 0.5", "T = 1"} == set(said)
    assert sum(map(len, axes.containers)) == 6
