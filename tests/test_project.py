"""The project's own files agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from conftest import stale_pairs
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import t5study
from t5study.book import Layout, find_chapters
from t5study.book.notebooks import read_source, title_of
from t5study.profiles import load_profile

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
CHAPTERS = find_chapters(Layout.of("pocket", ROOT))
PROFILES = sorted((ROOT / "notebooks" / "profiles").glob("*.yaml"))


def locked() -> dict[str, str]:
    return {plain(name): version for name, _, version in (line.partition("==") for line in LOCK)}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted() -> list[Requirement]:
    project = PYPROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    everything = [Requirement(line) for group in groups for line in group]
    return [requirement for requirement in everything if requirement.name != project["name"]]


def test_the_lock_holds_names_and_exact_versions_only():
    assert sorted(set(LOCK), key=str.lower) == LOCK
    for line in LOCK:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_the_lock_satisfies_what_the_package_asks_for(requirement):
    assert requirement.specifier.contains(locked()[plain(requirement.name)])


def test_the_environment_is_that_of_the_lock():
    other = {}
    for name, version in locked().items():
        here = metadata.version(name).split("+")[0]
        if here != version:
            other[name] = here
    assert other == {}


def test_conda_and_binder_take_the_lock_and_have_no_list_of_their_own():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == ["-r requirements.lock", "-e ."]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    python = next(entry.partition("=")[2] for entry in conda if entry.startswith("python="))
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(python)
    assert not [entry for entry in conda if plain(entry.partition("=")[0]) in locked()]


def test_the_version_is_the_same_everywhere():
    version = PYPROJECT["project"]["version"]
    assert t5study.__version__ == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest[1] == version


def test_pairs_are_in_sync_and_published_outputs_belong_to_their_cells():
    assert stale_pairs(ROOT) == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_can_be_run_by_papermill_and_has_a_title(chapter):
    notebook = read_source(chapter)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata.get("tags", [])
    names = re.findall(r"^(\w+)\s*=", code[0].source, re.M)
    assert names == ["profile", "seed"]
    assert notebook.cells[0].cell_type == "markdown"
    assert title_of(notebook, "") != ""


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_is_a_papermill_parameter_file(path):
    parameters = yaml.safe_load(path.read_text())
    assert set(parameters) == {"profile", "seed"}
    assert load_profile(parameters["profile"]).name == path.stem


def test_make_lists_its_commands():
    said = subprocess.run(["make", "-C", ROOT, "-s"], capture_output=True, text=True, check=True)
    commands = set(re.findall(r"^  make (\w+) ", said.stdout, re.M))
    assert commands == {
        "help",
        "book",
        "test",
        "lab",
        "html",
        "pdf",
        "weights",
        "bench",
        "faults",
        "clean",
    }


def test_make_refuses_an_old_python_in_one_sentence(tmp_path):
    for name in ("requirements.lock", "pyproject.toml", "Makefile"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    command = ["make", "-C", tmp_path, "-s", f"PYTHON={old}", "book"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()


def tracked_text() -> dict[str, str]:
    """Every text file of the project that is or will be in the repository, by path."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    texts = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png", ".parquet", ".npz", ".safetensors"):
            texts[name] = path.read_text("utf-8")
    return texts


def test_no_file_names_a_folder_of_the_machine_it_was_written_on():
    home = f"{Path.home()}{os.sep}"
    found = [
        name for name, text in tracked_text().items() if f"{ROOT}{os.sep}" in text or home in text
    ]
    assert found == []


def test_published_notebooks_hold_no_debris():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = path.read_text("utf-8")
        found = re.findall(r"it/s\]|\w*Warning:|Traceback|site-packages", text)
        assert found == [], path.name
