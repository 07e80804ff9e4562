"""JupyterLab on the chapters: what the set-up tells it, and what a save leaves in a notebook."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat.sign import NotebookNotary
from traitlets import import_item

from t5study.book import Layout, lab
from t5study.book.lab import leave_no_noise

JUPYTER = Path(lab.__file__).parent / "jupyter"
PAIR = "notebooks/06_sentiment.ipynb"


def test_the_set_up_names_the_hook_and_settings_that_jupyterlab_has():
    settings = json.loads((JUPYTER / "jupyter_server_config.json").read_text())
    assert import_item(settings["FileContentsManager"]["pre_save_hook"]) is leave_no_noise
    schemas = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"
    for plugin, values in json.loads((JUPYTER / "overrides.json").read_text()).items():
        package, _, name = plugin.partition(":")
        known = json.loads((schemas / package / f"{name}.json").read_text())["properties"]
        assert set(values) <= set(known)


def test_a_save_in_the_editor_writes_what_publishing_wrote(published):
    before, saved = (nbformat.read(published / PAIR, as_version=4) for _ in range(2))
    saved["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    saved["metadata"]["kernelspec"]["display_name"] = "Mine"
    for count, cell in enumerate(saved["cells"], 11):
        cell["metadata"].pop("user_expressions", None)
        for counted in [cell, *cell.get("outputs", [])]:
            if counted.get("execution_count"):
                counted["execution_count"] = count
    model = {"type": "notebook", "content": saved}
    leave_no_noise(model, PAIR, SimpleNamespace(root_dir=str(published)))
    assert model["content"] == before


def test_a_notebook_that_is_no_chapter_is_saved_as_it_is():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=7)])
    model = {"type": "notebook", "content": notebook}
    leave_no_noise(model, "mine.ipynb", SimpleNamespace(root_dir="."))
    assert model["content"].cells[0].execution_count == 7


def test_lab_trusts_the_outputs_that_were_published_and_no_others(published, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    layout = Layout(published, "tiny", published / "x.yaml", published / "_build")
    monkeypatch.setattr(lab.Layout, "of", lambda *_: layout)
    edited = published / "notebooks" / "07_emotion.ipynb"
    edited.write_text(edited.read_text().replace("text/plain", "text/html"))
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["lab", "--no-browser"])
    lab.main()
    (command,) = started
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={published}" in command
    assert command[-1] == "--no-browser"
    notary = NotebookNotary()
    read = nbformat.read(published / PAIR, as_version=4)
    assert notary.check_signature(read)
    assert not notary.check_signature(nbformat.read(edited, as_version=4))
