"""Files and folders: written whole or not at all, locked, hashed, and told apart from debris."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from t5study.base.errors import StudyError

_UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EFBIG),
}
_DEBRIS = re.compile(
    r"\..*|.*~|#.*#|.*\.(pyc|swp|bak|orig|rej)|__pycache__|Thumbs\.db|desktop\.ini"
)


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what keeps a file or folder from being written into one sentence.

    Raises:
        StudyError: the disk is full, or `place` is not to be written to.
    """
    try:
        yield
    except OSError as error:
        # copytree gathers its errors in a list, as texts.
        gathered = isinstance(error, shutil.Error)
        if not gathered and error.errno not in _UNWRITABLE:
            raise
        reason = error.args[0][0][2] if gathered else error.strerror
        raise StudyError(
            f"{place} cannot be written ({reason}): free some space, or choose a folder that you "
            "may write to."
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place beside `path`: the file or folder put there replaces `path` in the end.

    After an error, `path` stands as it was. Missing parents are made.

    Raises:
        StudyError: as `writing`.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield draft
            put_in_place(draft, path)
    finally:
        remove(draft)


def put_in_place(draft: Path, path: Path) -> None:
    """Rename a finished file or folder to `path`, with the modes that the umask wants.

    What was there before is removed once the new one stands.
    """
    if not draft.is_dir():
        os.replace(draft, path)
        return
    _settle_modes(draft)
    before = path.with_name(f".{path.name}.{os.getpid()}.before.partial")
    if path.is_dir():
        os.replace(path, before)
    os.replace(draft, path)
    remove(before)


def _settle_modes(folder: Path) -> None:
    """Give all that lies in a folder the modes of plain files and folders under the umask.

    Some libraries write files that only their owner may read. The folder itself was made by us, so
    its mode says what the umask is.
    """
    mode = folder.stat().st_mode & 0o777
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(mode if path.is_dir() else mode & 0o666)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8 with the line ends of `text`, so that it is the old or the new one.

    Raises:
        StudyError: as `writing`.
    """
    with replacing(path) as draft:
        draft.write_bytes(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` (numpy's numbers and arrays as well) as readable JSON, keys in order.

    Raises:
        StudyError: as `writing`.
    """
    write_text(path, json.dumps(value, indent=1, sort_keys=True, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"not JSON: {type(value)}")


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as it is there and can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def locked(path: Path, refusal: str | None = None) -> Iterator[None]:
    """Hold the lock file `path`, which the system frees when the process ends, however it ends.

    Without a `refusal` this waits for whoever holds it.

    Raises:
        StudyError: another process holds it, in the words of `refusal`; or as `writing`.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=-1 if refusal is None else 0)
        try:
            lock.acquire()
        except Timeout:
            raise StudyError(refusal) from None
    try:
        yield
    finally:
        # While it is held: who waits sees that the file has gone, and makes a new one.
        remove(path)
        lock.release()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hex digits.

    Raises:
        StudyError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> StudyError:
    """Return the error of a file that is there and cannot be read."""
    return StudyError(
        f"{path} cannot be read ({error.strerror or error}): see to its permissions and the disk, "
        "or take another copy."
    )


def debris(names: Iterable[str]) -> set[str]:
    """Return the names of what a system, an editor or Python leaves in a folder.

    That is hidden files and folders (`.DS_Store`, `._x`, `.nfs1`, `.ipynb_checkpoints`), backups,
    `Thumbs.db` and Python's caches.
    """
    return {name for name in names if _DEBRIS.fullmatch(name)}


def content(folder: Path) -> list[Path]:
    """Return the files below a folder, in order, without debris."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not debris(path.relative_to(folder).parts))
