"""Where data and checkpoints come from: a mirror, the hub's own cache, or the hub; verified.

Data sets are read from parquet files, whose place is found by name (``<config>/train-*`` and so
on); no loading script runs and no code of a repository is trusted. What was read is compared with
a fingerprint of its content kept in ``pins.yaml``, so that a mirror written with other compression
is the same data and a changed row is not. Weights are safetensors only.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from t5study.base.checksums import SUMS, read_checksums, save_checksums
from t5study.base.errors import StudyError
from t5study.base.files import replacing, sha256

if TYPE_CHECKING:
    from datasets import Dataset

POCKET = "pocket"
CHECKPOINT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*.safetensors",
)
VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt", "vocab.json")
_REMEDY = "give a mirror with --source DIR (or T5STUDY_HUB=DIR), or make one with"


@dataclass(frozen=True)
class Need:
    """One repository that a profile needs: a data set's configuration, or a checkpoint."""

    kind: Literal["datasets", "models"]
    repo: str
    config: str = ""


class Hub:
    """Data sets and checkpoints by their hub names, from the first place that has them.

    Args:
        source: a mirror, laid out as ``SOURCE/datasets/<repo>/...``, ``SOURCE/models/<repo>/...``.
            Without it T5STUDY_HUB is used; without that the hub's cache, then the hub.

    Raises:
        StudyError: the folder does not exist.
    """

    def __init__(self, source: Path | str | None = None) -> None:
        named = source or os.environ.get("T5STUDY_HUB") or None
        self.source = Path(named).expanduser() if named else None
        if self.source and not self.source.is_dir():
            raise StudyError(
                f"The mirror {self.source} is not a folder: check --source or T5STUDY_HUB, "
                f"or make it with `t5study fetch --to {self.source}`."
            )
        self._verified: set[Path] = set()

    # Data sets

    def dataset(self, repo: str, config: str, split: str) -> Dataset:
        """All rows of a split, verified against the pinned content fingerprint.

        Raises:
            StudyError: an unknown data set or split, a lacking or damaged file, no network.
        """
        if repo == POCKET:
            return _pocket_dataset(config, split)
        pin = _split_pin(repo, config, split)
        files = self._split_files(repo, config, split)
        table = _read_parquet(files)
        missing = [name for name in pin["columns"] if name not in table.column_names]
        if missing or content_fingerprint(table, pin["columns"]) != pin["fingerprint"]:
            raise StudyError(
                f"{files[0]} holds damaged or different data: {table.num_rows} rows that do not "
                f"match the pinned content of {repo} ({config}, {split}, {pin['rows']} rows): "
                "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
            )
        from datasets import Dataset

        return Dataset(table)

    def fingerprint(self, repo: str, config: str, split: str) -> str:
        """What identifies a split's content, without loading it."""
        if repo == POCKET:
            return f"pocket-v{_pocket().VERSION}-{config}-{split}"
        return _split_pin(repo, config, split)["fingerprint"]

    def found(self, need: Need) -> str:
        """Where a data set or checkpoint would come from, in words, without asking the network."""
        if need.repo == POCKET:
            return "bundled"
        try:
            folder = self._folder(need) if self.source else self._cached(need)
            here = folder is not None and _is_complete(folder, need)
        except StudyError:
            here = False
        if not here:
            return "not here" if self.source or not _on_the_hub(need) else "on the hub"
        return "in the mirror" if self.source else "in the hub's cache"

    def revision(self, repo: str) -> str:
        """The pinned commit of a repository; what stands for it where there is none."""
        if repo == POCKET:
            return f"v{_pocket().VERSION}"
        pins = _pins()
        for kind in ("datasets", "models"):
            if repo in pins[kind]:
                return pins[kind][repo].get("revision") or "not on the hub"
        raise StudyError(f"No revision of '{repo}' is pinned: add it to t5study/pins.yaml.")

    def _split_files(self, repo: str, config: str, split: str) -> list[Path]:
        folder = self._folder(Need("datasets", repo, config))
        files = _parquet_files(folder, repo, config, split)
        if not files:
            raise StudyError(
                f"{folder} has no parquet file for the split '{split}' of {repo} ({config}): "
                "fetch it with `t5study fetch --profile PROFILE --to DIR`."
            )
        return files

    # Checkpoints

    def checkpoint(self, repo: str) -> Path:
        """A folder with configuration, tokenizer and, where they can be had, weights.

        Args:
            repo: a hub name such as ``google-t5/t5-small``, or the path of such a folder; see
                :func:`is_folder`.
        """
        folder = Path(repo) if is_folder(repo) else self._folder(Need("models", repo))
        if not (folder / "config.json").is_file():
            raise StudyError(
                f"The checkpoint {folder} has no config.json: name the folder of a saved model, "
                "or fetch it with `t5study fetch --profile PROFILE --to DIR`."
            )
        self._verify_sums(folder, [path for path in folder.iterdir() if path.is_file()])
        return folder

    # Places

    def _folder(self, need: Need) -> Path:
        if self.source:
            folder = self.source / need.kind / need.repo
            if not folder.is_dir():
                raise StudyError(
                    f"The mirror {self.source} lacks {need.kind}/{need.repo}: add it with "
                    f"`t5study fetch --profile PROFILE --to {self.source}`."
                )
            return folder
        return self._download(need)

    def _download(self, need: Need) -> Path:
        """The snapshot of a repository at its pinned revision, from the hub's cache or the hub."""
        from huggingface_hub import HfApi

        cached = self._cached(need)
        if cached:
            return cached
        try:
            # Asked first because it fails at once, where a download tries again for half a minute.
            HfApi().repo_info(
                need.repo,
                repo_type=need.kind.removesuffix("s"),
                revision=_hub_revision(need),
                timeout=20,
            )
            print(f"Downloading {need.repo} from the hub ...", file=sys.stderr, flush=True)
            return self._snapshot(need)
        except Exception as error:  # the client raises many kinds, all meaning: not to be had
            raise StudyError(
                f"{need.repo} is not in the hub's cache and could not be downloaded "
                f"({type(error).__name__}): connect to the network, {_REMEDY} "
                "`t5study fetch --profile PROFILE --to DIR` on a machine that has one."
            ) from error

    def _cached(self, need: Need) -> Path | None:
        """The folder in the hub's cache, where all that is needed is there."""
        try:
            folder = self._snapshot(need, local_files_only=True)
        except OSError:
            return None
        try:
            return folder if _is_complete(folder, need) else None
        except StudyError:
            # A shard that is lacking here, or weights that are pickled, the hub may have as wanted.
            return None

    def _snapshot(self, need: Need, local_files_only: bool = False) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        data = need.kind == "datasets"
        folder = snapshot_download(
            need.repo,
            repo_type=need.kind.removesuffix("s"),
            revision=_hub_revision(need),
            allow_patterns=[f"{need.config}/*", "data/*"] if data else list(CHECKPOINT_FILES),
            local_files_only=local_files_only,
        )
        return Path(folder)

    def _verify_sums(self, folder: Path, files: Iterable[Path]) -> None:
        """Compare files with the mirror's SHA256SUMS, once each; a folder without it passes."""
        if not (folder / SUMS).is_file():
            return
        sums = read_checksums(folder)
        present = {path.relative_to(folder).as_posix() for path in files}
        for name in sorted(set(sums) - {p.relative_to(folder).as_posix() for p in _walk(folder)}):
            raise StudyError(
                f"The mirror lacks {folder / name}, which its {SUMS} lists: "
                "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
            )
        for name in sorted(present & set(sums)):
            path = folder / name
            if path not in self._verified and sha256(path) != sums[name]:
                raise StudyError(
                    f"{path} is damaged (its checksum differs from {SUMS}): "
                    "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
                )
            self._verified.add(path)

    # Making a mirror

    def fetch(self, needs: Iterable[Need], to: Path | str) -> list[Path]:
        """Copy or download repositories into the mirror ``to``, each with SHA256SUMS.

        Every file is written beside its place and renamed, the list of checksums last; files that
        are whole already are kept, so a broken fetch continues with the same command.

        Returns:
            The folders of the repositories, in the order asked for.

        Raises:
            StudyError: a repository that cannot be had or read, a path in place of a repository's
                name, or a folder that cannot be written.
        """
        made = []
        for need in needs:
            if need.repo == POCKET:
                continue
            _refuse_a_path(need.repo)
            target = Path(to) / need.kind / need.repo
            self._fetch_one(need, target)
            made.append(target)
        return made

    def _fetch_one(self, need: Need, target: Path) -> None:
        folder = self._folder(need)
        files = _wanted_files(folder, need)
        if not files:
            raise StudyError(
                f"{folder} holds none of the files of {need.repo} {need.config}: "
                "choose another --source, or none to use the hub."
            )
        # Data is known by its content, whatever the files; a checkpoint by its files' checksums.
        if need.kind == "models":
            self._verify_sums(folder, files)
        else:
            for split in _splits(need):
                self.dataset(need.repo, need.config, split)
        known = read_checksums(target) if (target / SUMS).is_file() else {}
        sums = {name: digest for name, digest in known.items() if (target / name).is_file()}
        for path in files:
            name = path.relative_to(folder).as_posix()
            sums[name] = sha256(path)
            if not (target / name).is_file() or sha256(target / name) != sums[name]:
                with replacing(target / name) as draft:
                    shutil.copyfile(path, draft)
        save_checksums(target, sums)


def has_vocabulary(folder: Path) -> bool:
    """Whether a checkpoint brings a tokenizer."""
    return any((folder / name).is_file() for name in VOCABULARIES)


def has_weights(folder: Path | str) -> bool:
    """Whether a checkpoint folder holds safetensors weights.

    Raises:
        StudyError: it holds only pickled weights, which are not read, or a shard is missing.
    """
    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return True
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StudyError(f"{index} is damaged: fetch the checkpoint again.") from None
        lacking = sorted(name for name in shards if not (folder / name).is_file())
        if lacking:
            raise StudyError(
                f"The checkpoint {folder} lacks its weight file {lacking[0]}: fetch it again."
            )
        return True
    pickles = sorted(folder.glob("*.bin")) + sorted(folder.glob("*.ckpt"))
    if pickles:
        raise StudyError(
            f"The checkpoint {folder} has its weights in {pickles[0].name} only, a pickle, which "
            "is not read because it can run code: save it as model.safetensors."
        )
    return False


# Content fingerprints


def content_fingerprint(table: pa.Table, columns: list[str]) -> str:
    """SHA-256 over the values of ``columns``, rows in order, whatever the storage.

    Each column is hashed as lengths and bytes: text as UTF-8 without blanks at its ends (a cast
    drops those too), integers as int64, floats in units of 1e-4 (so that float32 and float64 files
    agree), lists as their lengths and then their items. A missing value has length -1.
    """
    digest = hashlib.sha256()
    for name in columns:
        digest.update(f"{name}\0{table.num_rows}\0".encode())
        for part in _canonical(table.column(name).combine_chunks()):
            digest.update(part)
    return digest.hexdigest()


def _canonical(column: pa.Array | pa.ChunkedArray) -> Iterator[bytes]:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield _int_bytes(pc.fill_null(pc.list_value_length(column), -1))
        yield from _canonical(pc.list_flatten(column))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
        yield _int_bytes(pc.fill_null(pc.binary_length(text), -1))
        yield "".join(pc.fill_null(text, "").to_pylist()).encode()
    elif pa.types.is_floating(kind):
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        yield np.nan_to_num(np.round(values * 1e4), nan=-1e9).astype("<i8").tobytes()
    else:
        yield _int_bytes(pc.fill_null(column.cast(pa.int64()), -(2**62)))


def _int_bytes(values: pa.Array) -> bytes:
    return values.cast(pa.int64()).to_numpy(zero_copy_only=False).astype("<i8").tobytes()


# Pins


def terms(repo: str) -> str:
    """Under which terms a data set is given, in a few words."""
    if repo == POCKET:
        return "made by this study"
    return _pins()["datasets"][repo]["terms"]


def known_checkpoints() -> list[str]:
    """The hub names of the checkpoints whose revisions are pinned."""
    return list(_pins()["models"])


def is_folder(checkpoint: str) -> bool:
    """Whether a checkpoint is named by the path of a folder.

    A pinned name never is, whatever lies below the working folder: under it a claim about that
    checkpoint is judged, so its weights come from the mirror or the hub. ``./`` before it or an
    absolute path means the folder.
    """
    return checkpoint not in _pins()["models"] and Path(checkpoint).is_dir()


@functools.cache
def _pins() -> dict[str, Any]:
    path = Path(__file__).with_name("pins.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _split_pin(repo: str, config: str, split: str) -> dict[str, Any]:
    """Rows, columns and fingerprint of a split; StudyError names what there is."""
    repos = _pins()["datasets"]
    if repo not in repos:
        raise StudyError(
            f"The data set '{repo}' is not known: choose one of {', '.join([POCKET, *repos])}."
        )
    configs = repos[repo]["configs"]
    if config not in configs:
        raise StudyError(
            f"The data set {repo} has no configuration '{config}': "
            f"choose one of {', '.join(configs)}."
        )
    splits = configs[config]["splits"]
    if split not in splits:
        raise StudyError(
            f"The data set {repo} ({config}) has no split '{split}': "
            f"choose one of {', '.join(splits)}."
        )
    return {"columns": configs[config]["columns"], **splits[split]}


def _on_the_hub(need: Need) -> bool:
    return _pins()[need.kind][need.repo].get("revision") is not None


def _splits(need: Need) -> list[str]:
    """The pinned splits of a data set's configuration."""
    return list(_pins()["datasets"][need.repo]["configs"][need.config]["splits"])


def _hub_revision(need: Need) -> str:
    """The revision to ask the hub for; StudyError when the hub has no such repository."""
    pin = _pins()[need.kind].get(need.repo)
    if pin is None:
        known = ", ".join(_pins()[need.kind])
        raise StudyError(
            f"'{need.repo}' is neither a folder here nor a known repository of the hub: "
            f"choose one of {known}, or the path of a saved model."
        )
    revision = pin.get("revision")
    if revision is None:
        raise StudyError(
            f"{need.repo} is not on the hub, only in a mirror: {_REMEDY} "
            "`t5study fetch --source MIRROR --profile PROFILE --to DIR`."
        )
    return revision


# Files


def _refuse_a_path(repo: str) -> None:
    """Raise StudyError for a name that would lead out of a mirror's folder."""
    path = PurePath(repo)
    if path.is_absolute() or ".." in path.parts:
        raise StudyError(
            f"'{repo}' is a path, not the name of a repository: copy that folder by hand, or name "
            "a repository such as google-t5/t5-small."
        )


def _parquet_files(folder: Path, repo: str, config: str, split: str) -> list[Path]:
    """A split's files in either layout of the hub: CONFIG/train-*.parquet or CONFIG/train/*."""
    places = [config, "data"] if config == "default" else [config]
    for place in places:
        for pattern in (f"{split}-*.parquet", f"{split}/*.parquet"):
            files = sorted((folder / place).glob(pattern))
            if files:
                _refuse_a_gap(files, repo)
                return files
    return []


def _refuse_a_gap(files: list[Path], repo: str) -> None:
    """Shards are named train-00000-of-00003.parquet: all of them must be there."""
    stem = files[0].stem
    if "-of-" in stem and int(stem.rsplit("-of-", 1)[1]) != len(files):
        raise StudyError(
            f"{files[0].parent} lacks some of the files {stem.split('-')[0]}-* of {repo}: "
            "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
        )


def _is_complete(folder: Path, need: Need) -> bool:
    if need.kind == "models":
        described = (folder / "config.json").is_file() and has_vocabulary(folder)
        return described and has_weights(folder)
    return all(_parquet_files(folder, need.repo, need.config, split) for split in _splits(need))


def _wanted_files(folder: Path, need: Need) -> list[Path]:
    if need.kind == "models":
        found = {path for pattern in CHECKPOINT_FILES for path in folder.glob(pattern)}
    else:
        found = {
            path
            for split in _splits(need)
            for path in _parquet_files(folder, need.repo, need.config, split)
        }
    return sorted(found)


def _read_parquet(files: list[Path]) -> pa.Table:
    tables = []
    for path in files:
        try:
            tables.append(pq.read_table(path, partitioning=None))
        except (pa.ArrowException, OSError) as error:
            raise StudyError(
                f"{path} is damaged and cannot be read ({type(error).__name__}): "
                "fetch it again with `t5study fetch --profile PROFILE --to DIR`."
            ) from error
    table = pa.concat_tables(tables)
    from datasets import Features

    return table.cast(Features.from_arrow_schema(table.schema).arrow_schema)


def _walk(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@functools.lru_cache(maxsize=8)
def _pocket_dataset(config: str, split: str) -> Dataset:
    """A generated split; kept, because several chapters' tasks ask for the same one."""
    from datasets import Dataset

    return Dataset.from_list(_pocket().rows(config, split))


def _pocket() -> Any:
    """The bundled corpus, imported when first asked for: its grammar is not free to load."""
    from t5study.data import pocket

    return pocket
