"""Every machine draws the same pictures, whatever its settings say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from t5study.chapters.style import drawn as in_style
from t5study.chapters.style import panels, plain_numbers

ROOT = Path(__file__).resolve().parents[2]

SHOWN = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.display_pub.publish = lambda data, **_: print(sorted(data), data["image/svg+xml"])
from t5study.chapters.recurrence import plot_parallelism
from types import SimpleNamespace as Run
data = {name: [1.0, 2.0] for name in ("lstm", "attention", "chain_lstm", "chain_attention")}
picture = plot_parallelism(Run(metrics={"lengths": [16, 32], **data}))
print(shell.display_formatter.format(picture))
"""


@pytest.fixture(scope="module")
def usual() -> str:
    return shown({})


def shown(environment: dict[str, str]) -> str:
    """What a notebook shows of a picture: the types of its output, and the picture."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_picture_is_shown_once_and_as_svg(usual):
    assert usual.startswith("['image/svg+xml', 'text/plain'] <?xml")
    assert usual.count("<svg") == 1
    assert usual.rstrip().endswith("({}, {})")


def test_a_backend_changes_nothing(usual):
    assert shown({"MPLBACKEND": "agg"}) == usual
    assert shown({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}) == usual


def test_a_users_settings_change_nothing(usual, tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 30\naxes.grid: False\nsvg.fonttype: none\nlines.linewidth: 9\n"
        "savefig.transparent: True\nfigure.constrained_layout.use: False\n"
    )
    assert shown({"MATPLOTLIBRC": str(tmp_path)}) == usual


def test_a_picture_does_not_say_when_it_was_drawn(usual):
    assert "<dc:date>" not in usual
    assert "matplotlib.org" not in usual


def test_the_settings_of_who_draws_stay_as_they_were():
    @in_style
    def picture():
        assert mpl.rcParams["svg.hashsalt"] == "t5study"
        figure, (axes,) = panels(1, 1, 20, 2)
        axes.plot([1, 10], [0.5, 5000])
        plain_numbers(axes)
        return figure

    before = dict(mpl.rcParams)
    figure = picture()
    assert figure.svg() == figure.svg()
    assert dict(mpl.rcParams) == before
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"1", "50", "1,000"} <= set(labels)
