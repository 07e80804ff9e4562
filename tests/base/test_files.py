"""Files and folders are written whole, with plain modes, under a lock, and debris is no content."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from t5study.base.errors import StudyError
from t5study.base.files import content, locked, replacing, write_json, write_text


def modes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): int(f"{path.stat().st_mode & 0o777:o}")
        for path in sorted(folder.rglob("*"))
    }


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "metrics.json"
    write_json(path, {"b": np.float32(0.5), "a": np.arange(2)})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == '{\n "a": [\n  0,\n  1\n ],\n "b": 0.5\n}\n'
    assert os.listdir(path.parent) == [path.name]


def test_a_text_keeps_its_letters_and_line_ends(tmp_path):
    write_text(tmp_path / "page.md", "old, and longer")
    write_text(tmp_path / "page.md", "é\r\nü\n")
    assert (tmp_path / "page.md").read_bytes() == "é\r\nü\n".encode()


def test_a_folder_takes_the_place_of_another_only_when_it_is_filled(tmp_path):
    place = tmp_path / "model"
    with replacing(place) as draft:
        draft.mkdir()
        (draft / "weights").write_text("one")

    def interrupted() -> None:
        with replacing(place) as draft:
            draft.mkdir()
            (draft / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (place / "weights").read_text() == "one"
    with replacing(place) as draft:
        draft.mkdir()
        (draft / "other").write_text("two")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "other"]


@pytest.mark.parametrize(("umask", "file", "folder"), [("022", 644, 755), ("027", 640, 750)])
def test_what_is_written_has_the_modes_of_the_umask(tmp_path, umask, file, folder):
    script = """\
import os, sys
from pathlib import Path
from t5study.base.files import replacing, write_text
os.umask(int(sys.argv[1], 8))
write_text(Path("alone/page.md"), "")
with replacing(Path("run")) as draft:
    (draft / "model").mkdir(parents=True)
    os.chmod(draft / "model", 0o700)
    for name in ("metrics.json", "model/model.safetensors"):
        # As safetensors and tempfile write: for the owner only.
        os.close(os.open(draft / name, os.O_CREAT | os.O_WRONLY, 0o600))
"""
    subprocess.run([sys.executable, "-c", script, umask], cwd=tmp_path, check=True)
    assert modes(tmp_path) == {
        "alone": folder,
        "alone/page.md": file,
        "run": folder,
        "run/metrics.json": file,
        "run/model": folder,
        "run/model/model.safetensors": file,
    }


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "page.md", tmp_path / "folder"):
        with pytest.raises(StudyError, match=rf"{path} cannot be written \(.*\): free some space"):
            write_text(path, "")
    with pytest.raises(StudyError, match="file cannot be written"), locked(tmp_path / "file/lock"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_one_holds_the_lock_and_the_other_is_refused_or_waits(tmp_path):
    path, order = tmp_path / "new" / "lock", []

    def wait() -> None:
        with locked(path):
            order.append("second")

    with locked(path):
        with pytest.raises(StudyError, match="somebody else"), locked(path, "somebody else"):
            pass
        second = threading.Thread(target=wait)
        second.start()
        second.join(0.2)
        order.append("first")
    second.join()
    assert order == ["first", "second"]
    assert os.listdir(path.parent) == []


def test_a_killed_holder_frees_the_lock(tmp_path):
    path = tmp_path / "lock"
    script = (
        "import sys, time; from pathlib import Path; from t5study.base.files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StudyError, match="held"), locked(path, "It is held."):
        pass
    holder.kill()
    holder.communicate()
    with locked(path, "It is held."):
        pass


def test_what_a_system_or_an_editor_leaves_is_no_content(tmp_path):
    wanted = ["a.py", "notes.txt", "sub/b.yaml"]
    left = [".DS_Store", "._a.py", ".nfs0001", "Thumbs.db", "sub/desktop.ini", "a.py~", "#a.py#"]
    left += [".a.py.swp", "sub/__pycache__/b.pyc", ".ipynb_checkpoints/a.py", "a.py.orig"]
    for name in wanted + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.relative_to(tmp_path).as_posix() for path in content(tmp_path)] == wanted
