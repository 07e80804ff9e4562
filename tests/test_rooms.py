"""The rooms of the package: imports go down, and the page that shows them shows what is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from t5study.book import rooms

ROOT = Path(__file__).resolve().parents[1]
ORDER = list(rooms.ROOMS)
SHORT = (
    "data",
    "models",
    "experiments",
    "judging",
    "training",
    "pretraining",
    "claims",
    "chapters",
)
"""Rooms whose files have at most 400 lines, and functions at most 50."""


def test_a_room_imports_from_those_below_it_alone():
    upwards = [
        f"{module.path} imports {room}"
        for module in rooms.modules()
        for room in module.imports
        if ORDER.index(room) < ORDER.index(module.room)
    ]
    assert upwards == []


def test_late_imports_count_and_those_of_type_checkers_do_not(tmp_path):
    (tmp_path / "t5study" / "base").mkdir(parents=True)
    (tmp_path / "t5study" / "base" / "files.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from t5study.study import Study\n"
        "def late():\n    from t5study import claims\n    import t5study.runs.store\n"
    )
    (module,) = rooms.modules(tmp_path / "t5study")
    assert module.imports == {"claims", "runs"}


def test_every_module_has_a_room_and_says_what_it_holds():
    found = rooms.modules()
    assert {module.room for module in found} == set(ORDER)
    assert [str(module.path) for module in found if not module.about.endswith((".", "?"))] == []


def test_what_trains_loads_no_plotting_no_jupyter_and_no_claims():
    code = (
        "import sys, t5study.training.finetune, t5study.training.mixture, t5study.pretraining.run\n"
        "print(*sorted(name for name in sys.modules if name.startswith('t5study.')))\n"
        "print(*{'matplotlib', 'seaborn', 'IPython', 'papermill', 'nbformat'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    ours, tools = done.stdout.split("\n")[:2]
    assert tools == ""
    loaded = {name.split(".")[1] for name in ours.split()}
    assert loaded <= set(ORDER[ORDER.index("pretraining") :])


def test_the_picture_and_the_table_show_every_room_and_file():
    drawn = ElementTree.fromstring(rooms.picture())
    texts = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert set(ORDER) < set(texts)
    table = rooms.table()
    assert all(f"| `{module.path.as_posix()}` |" in table for module in rooms.modules())


def test_the_page_has_a_paragraph_a_room():
    page = (ROOT / "book" / "architecture.md").read_text("utf-8")
    section = page.partition("## The rooms")[2].partition("\n## ")[0]
    assert all(f"**{room}**" in section for room in ORDER)


def test_files_and_functions_are_short():
    package, long = ROOT / "t5study", []
    for path in (path for room in SHORT for path in (package / room).rglob("*.py")):
        text = path.read_text("utf-8")
        long += [path.name] if len(text.splitlines()) > 400 else []
        long += [
            f"{path.name}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 50
        ]
    assert long == []
