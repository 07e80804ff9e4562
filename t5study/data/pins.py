"""What the study was written against: `pins.yaml` is the one place for revisions and hashes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import yaml

from t5study.base.errors import StudyError
from t5study.data.tasks import POCKET


@dataclass(frozen=True)
class Need:
    """One repository that a profile needs: a data set's configuration, or a checkpoint."""

    kind: Literal["datasets", "models"]
    repo: str
    config: str = ""


@dataclass(frozen=True)
class Package:
    """A wheel of the package index that holds a checkpoint.

    Attributes:
        sha256: of the wheel.
        folder: where in the wheel the files lie.
        files: their names and SHA-256.
        about: what is to be known of these weights, empty where they are the hub's own.
    """

    name: str
    version: str
    sha256: str
    megabytes: int
    folder: str
    files: Mapping[str, str]
    about: str = ""

    @property
    def requirement(self) -> str:
        """The line that asks for this wheel and no other."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"

    @property
    def origin(self) -> str:
        """Where its weights are from, in words."""
        about = f": {self.about}" if self.about else ""
        return f"the package {self.name} {self.version}{about}"


@functools.cache
def all_pins() -> dict[str, Any]:
    """What pins.yaml holds."""
    path = Path(__file__).with_name("pins.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def package_of(repo: str) -> Package | None:
    """The wheel that holds a checkpoint, None where none does."""
    pin = all_pins()["models"].get(repo, {}).get("package")
    return Package(**pin) if pin else None


def terms(repo: str) -> str:
    """Under which terms a data set or a checkpoint is given, in a few words."""
    if repo == POCKET:
        return "made by this study"
    pins = all_pins()
    return (pins["datasets"] | pins["models"])[repo]["terms"]


def known_checkpoints() -> list[str]:
    """The hub names of the checkpoints whose revisions are pinned."""
    return list(all_pins()["models"])


def full_name(checkpoint: str) -> str:
    """The hub name of a pinned checkpoint that is called by its short name; else what was given."""
    names = {pin.get("short"): repo for repo, pin in all_pins()["models"].items()}
    return names.get(checkpoint, checkpoint)


def is_folder(checkpoint: str) -> bool:
    """Whether a checkpoint is named by the path of a folder.

    A pinned name never is, whatever lies below the working folder: under it a claim about that
    checkpoint is judged, so its weights come from where the pins say. `./` before it or an absolute
    path means the folder.
    """
    return full_name(checkpoint) not in all_pins()["models"] and Path(checkpoint).is_dir()


def refuse_a_path(repo: str) -> None:
    """Raise StudyError for a name that would lead out of a mirror's folder."""
    path = PurePath(repo)
    if path.is_absolute() or ".." in path.parts:
        raise StudyError(
            f"'{repo}' is a path, not the name of a repository: copy that folder by hand, or name "
            "a repository such as google-t5/t5-small."
        )


def split_pin(repo: str, config: str, split: str) -> dict[str, Any]:
    """Rows, columns and fingerprint of a split; StudyError names what there is."""
    repos = all_pins()["datasets"]
    _refuse_unknown(repo, [POCKET, *repos], f"The data set '{repo}' is not known")
    configs = repos[repo]["configs"]
    _refuse_unknown(config, configs, f"The data set {repo} has no configuration '{config}'")
    splits = configs[config]["splits"]
    _refuse_unknown(split, splits, f"The data set {repo} ({config}) has no split '{split}'")
    return {"columns": configs[config]["columns"], **splits[split]}


def _refuse_unknown(name: str, known: Iterable[str], problem: str) -> None:
    if name not in known:
        raise StudyError(f"{problem}: choose one of {', '.join(known)}.")


def splits_of(need: Need) -> list[str]:
    """The pinned splits of a data set's configuration."""
    return list(all_pins()["datasets"][need.repo]["configs"][need.config]["splits"])


def revision(repo: str) -> str | None:
    """The pinned commit of a repository, None where it is not on the hub.

    Raises:
        StudyError: the repository is not known.
    """
    for kind in ("datasets", "models"):
        if repo in all_pins()[kind]:
            return all_pins()[kind][repo]["revision"]
    raise StudyError(
        f"'{repo}' is neither a folder here nor a repository whose revision is pinned: choose one "
        f"of {', '.join(known_checkpoints())}, the path of a saved model, or add it to pins.yaml."
    )
