"""Published records: changed, missing and added files are seen and named; debris is not content."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from t5study.base.checksums import SUMS, check_checksums, difference, write_checksums
from t5study.base.errors import StudyError
from t5study.runs.record import FILES, records_below

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "0123abcd"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"accuracy": 0.8}))
    (folder / "history.csv").write_text("step,loss\n1,0.5\n")
    write_checksums(folder)
    return folder


def test_a_record_as_it_was_published_passes(record):
    check_checksums(record)
    write_checksums(record)
    check_checksums(record, FILES)
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=record, check=True)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda r: (r / "metrics.json").write_text('{"accuracy": 0.9}'), "metrics.json is another"),
        (lambda r: (r / "history.csv").unlink(), "lacks history.csv"),
        (lambda r: (r / "values.json").write_text("{}"), "holds values.json"),
        (lambda r: (r / SUMS).unlink(), f"has no {SUMS}"),
        (lambda r: (r / SUMS).write_text("0123"), f"has a damaged {SUMS}"),
    ],
)
@pytest.mark.parametrize("known", [None, FILES])
def test_what_was_done_to_a_record_is_one_sentence(record, harm, says, known):
    harm(record)
    with pytest.raises(StudyError, match=f"record 0123abcd .*{says}") as caught:
        check_checksums(record, known)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [".DS_Store", "._metrics.json", ".nfs01", "Thumbs.db", "a.csv~"])
def test_what_a_system_or_an_editor_leaves_changes_nothing(record, name):
    sums = (record / SUMS).read_text()
    (record / name).write_bytes(b"\0")
    assert difference(record) == ""
    write_checksums(record)
    assert (record / SUMS).read_text() == sums


@pytest.mark.parametrize("name", ["metrics-Copy1.json", "metrics (1).json", "notes.txt"])
def test_a_file_that_is_never_read_is_no_part_of_a_record_but_of_a_checkpoint(record, name):
    (record / name).write_text("{}")
    assert difference(record, FILES) == ""
    assert difference(record) == f"holds {name}, which was not published with it"


def test_a_clone_has_the_bytes_of_the_records_whatever_git_is_set_to(tmp_path):
    """With a record of its own, since the clone of the whole project takes a while."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    record = next(records_below(ROOT / "results"))
    shutil.copytree(record, origin / "record")
    shutil.copy(ROOT / ".gitattributes", origin)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(origin))
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one record")):
        subprocess.run([*git, *words], check=True)
    command = ["git", "clone", "-q", "-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    subprocess.run([*command, str(origin), str(clone)], check=True)
    for path in sorted(record.iterdir()):
        assert (clone / "record" / path.name).read_bytes() == path.read_bytes()


def test_git_knows_every_binary_file_of_the_project_as_one():
    command = ["git", "-C", str(ROOT), "ls-files", "--eol"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    binary = [line for line in lines if line.startswith("i/-text")]
    assert [line for line in binary if "attr/-text" not in line] == []
    assert [line for line in lines if line.startswith(("i/crlf", "i/mixed"))] == []


def test_the_records_of_this_project_are_as_they_were_published():
    records = list(records_below(ROOT / "results"))
    assert records
    for record in records:
        check_checksums(record, FILES)
