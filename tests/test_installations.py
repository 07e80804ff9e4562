"""What the package does where only a part of it is installed, or only a part of it is wanted."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_t5

import t5study

ROOT = Path(__file__).resolve().parents[1]
BOOK_TOOLS = (
    *("matplotlib", "IPython", "ipykernel", "jupyterlab", "jupytext", "papermill"),
    *("nbclient", "nbformat", "myst_nb", "jupyter_book", "sphinx"),
)
"""What the extra `book` brings."""

LACKING = f"""
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BOOK_TOOLS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Lacking())
"""


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules(*rooms: str) -> list[str]:
    """Every module of the package, or of some of its rooms."""
    walked = pkgutil.walk_packages(t5study.__path__, "t5study.")
    return [m.name for m in walked if not rooms or m.name.split(".")[1] in rooms]


def test_all_but_the_book_and_the_chapters_imports_without_their_tools():
    wanted = [name for name in modules() if name.split(".")[1] not in ("book", "chapters")]
    assert {"t5study.cli", "t5study.commands", "t5study.training.finetune"} < set(wanted)
    imports = "".join(f"import {name}\n" for name in wanted if not name.endswith("__main__"))
    run_python(LACKING + imports)


def test_a_node_without_the_books_tools_trains_judges_and_answers(tmp_path):
    mirror, record = tmp_path / "mirror", tmp_path / "record"
    checkpoint = mirror / "models" / "google-t5" / "t5-small"
    checkpoint.parent.mkdir(parents=True)
    tiny_t5(tmp_path).folder.rename(checkpoint)
    command = LACKING + "from t5study.cli import main\nmain()"
    (tmp_path / "recipe.yaml").write_text("{epochs: 1, batch_size: 8, max_source_length: 32}")
    few = ["--train", "16", "--validation", "8", "--test", "8"]
    asked = ["--task", "pocket-emotion", "--recipe", str(tmp_path / "recipe.yaml")]
    placed = ["--source", str(mirror), "--out", str(record)]
    assert "accuracy" in run_python(command, "finetune", *asked, *placed, *few)
    assert "accuracy" in run_python(command, "evaluate", str(record))
    answer = run_python(command, "predict", str(record), "--text", "what a good day")
    assert answer.count("0.") == 6


@pytest.mark.parametrize("words", ["--help", "finetune --help"])
def test_the_command_line_answers_without_the_books_tools(words):
    run_python(LACKING + "from t5study.cli import main\nmain()", *words.split())


def test_a_page_drawn_from_records_waits_for_no_library_that_trains():
    # Pages show these modules as text; observations compute.
    computing = ("observations", "plain_loop", "distilling", "sharding")
    drawn = [m for m in modules("chapters", "claims") if not any(word in m for word in computing)]
    imports = "".join(f"import {name}\n" for name in ["sys", "t5study.study", *drawn])
    heavy = {"torch", "transformers", "datasets", "accelerate", "sklearn"}
    assert run_python(f"{imports}print(*{heavy} & set(sys.modules))").strip() == ""
