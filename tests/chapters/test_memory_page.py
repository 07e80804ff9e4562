"""Chapter 10: what its tables and its figure say is what the estimate gives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from t5study.chapters import memory
from t5study.experiments.questions import MEMORY_CASES, MemoryPeaks
from t5study.training.memory import peak


def test_every_rung_of_the_ladder_needs_less_than_the_one_before():
    table = memory.ladder_table()
    assert len(table) == 5
    for _, row in table.iterrows():
        assert list(row) == sorted(row, reverse=True)
        assert row.is_unique
    for column in table:
        assert table[column].is_monotonic_increasing


def test_what_fits_is_the_first_rung_that_leaves_room_for_the_driver():
    ladder, fitting = memory.ladder_table(), memory.fits_table()
    for card in memory.CARDS:
        for model, name in fitting[f"in {card} GB"].items():
            room = ladder.loc[model] <= memory.room(card)
            assert room.any() == (name != "no recipe")
            assert not room.any() or room.idxmax() == name


def test_a_larger_card_never_asks_for_more_savings():
    rungs = [*memory.LADDER, "no recipe"]
    for _, row in memory.fits_table().iterrows():
        places = [rungs.index(name) for name in row]
        assert places == sorted(places, reverse=True)


def test_the_estimate_stands_beside_each_case_that_was_measured():
    estimates = [
        peak(memory.shape_of(c["model"]), memory.recipe_of(c), c["target"], "cpu").total
        for c in MEMORY_CASES
    ]
    run = SimpleNamespace(
        config=MemoryPeaks().config(), metrics={"peak_bytes": [0.8 * e for e in estimates]}
    )
    table = memory.checked_table(run)
    assert len(table) == len(MEMORY_CASES) >= 8
    assert table["error, %"].tolist() == pytest.approx([25.0] * len(table))
    assert not table.duplicated(["model", "what differs", "micro-batch"]).any()


def test_a_micro_batch_is_a_part_of_its_update():
    case = {"model": "t5-small", "rows": 2, "source": 512, "target": 2, "micro_batches": 3}
    recipe = memory.recipe_of(case)
    assert (recipe.batch_size, recipe.tokens_per_micro_batch) == (6, 1024)


def test_the_estimate_is_within_a_tenth_of_the_gpu():
    assert memory.gpu_table()["error, %"].abs().max() < 10


def test_the_bars_add_up_and_the_cards_are_marked():
    parts, sizes = memory.plot_memory().axes
    steps = memory.savings()
    ends = [0.0] * len(steps)
    for bars in parts.containers:
        ends = [end + bar.get_width() for end, bar in zip(ends, bars, strict=True)]
    assert ends == pytest.approx([moment.total / memory.GB for moment in steps.values()])
    assert ends == sorted(ends, reverse=True)
    for axes in (parts, sizes):
        marked = {line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"}
        assert marked == {card * 2**30 / 1e9 for card in memory.CARDS}
    assert sizes.get_xscale() == "log"
