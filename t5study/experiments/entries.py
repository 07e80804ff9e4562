"""The lines of a profile's list of experiments: what they hold, how one line stands for several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from t5study.base.settings import Settings
from t5study.experiments.recipes import OBJECTIVES, Count, Seed

Init = Literal["pretrained", "scratch"]
GRID = ("task", "model", "labels", "shots")
"""The keys that may hold a list, where the name says `{key}`: one experiment for each value."""


class ExperimentSettings(Settings):
    """One experiment: a model learns a task, or several, or is asked; or a baseline answers.

    Attributes:
        task: the role of the task that is learnt; `tasks` and `cap` stand in its place for one
            model of several tasks, of each at most `cap` training rows an epoch.
        model: a name of the profile's `models`; `init` is "scratch" for random weights.
        baseline: a kind of cheap answer, in place of a model.
        prompt: what a decoder is asked, without training, after `shots` solved examples; it holds
            the task's columns in braces.
        recipe: a name of the profile's `recipes`.
        seeds: one run each; without them, the seed that the notebooks are given.
        labels: how many training rows there are, and at most as many validation rows.
        test: at most so many test rows, in place of the task's own limit.
    """

    task: str | None = None
    tasks: Annotated[list[str], Field(min_length=2)] | None = None
    cap: Count | None = None
    model: str | None = None
    init: Init | None = None
    baseline: str | None = None
    prompt: str | None = None
    shots: Annotated[int, Field(ge=0)] | None = None
    recipe: str | None = None
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = None
    labels: Count | None = None
    test: Count | None = None

    @property
    def roles(self) -> list[str]:
        """The roles of the tasks that it is about, mostly one."""
        return self.tasks or [self.task or ""]

    @model_validator(mode="before")
    @classmethod
    def _weights_are_used_unless_said_otherwise(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("model") and values.get("init") is None:
            return {**values, "init": "pretrained"}
        return values

    @model_validator(mode="after")
    def _is_one_kind_of_experiment(self) -> ExperimentSettings:
        if (self.task is None) == (self.tasks is None):
            raise ValueError("name either one task, or several under tasks")
        if (self.model is None) == (self.baseline is None):
            raise ValueError("name either a model or a baseline")
        if (self.tasks is None) != (self.cap is None):
            raise ValueError("tasks and cap, the most training rows of each, go together")
        given = [name for name in self.model_fields_set if getattr(self, name) is not None]
        if self.baseline is not None:
            self._refuse(given, ("init", "recipe", "seeds", "tasks"), "a baseline takes no")
        elif self.prompt is not None:
            self._refuse(given, ("recipe", "tasks", "labels"), "a prompt takes no")
        elif self.recipe is None:
            raise ValueError("a model needs the name of a recipe")
        if (self.prompt is None) != (self.shots is None):
            raise ValueError("prompt and shots, the number of solved examples, go together")
        if self.tasks is not None:
            self._refuse(given, ("labels", "test"), "an experiment of several tasks takes no")
            if self.init == "scratch":
                raise ValueError("an experiment of several tasks begins from trained weights")
        if self.seeds is not None and len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds names one seed twice")
        return self

    @staticmethod
    def _refuse(given: list[str], names: tuple[str, ...], sentence: str) -> None:
        for name in names:
            if name in given:
                raise ValueError(f"{sentence} {name}, remove it")


def expanded(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the list with each line that stands for several written out.

    A name with `{labels}`, `{task}` or `{model}` in it stands for one experiment for each value of
    that key, which is a list: `"emotion, T5, {labels} labels": {labels: [50, 500], ...}`.

    Raises:
        ValueError: a list without its place in the name, or the reverse, or a name given twice.
    """
    found: dict[str, Any] = {}
    for name, entry in entries.items():
        for full, one in _written_out(str(name), entry):
            if full in found:
                raise ValueError(f"the name '{full}' stands for two experiments, rename one")
            found[full] = one
    return found


def _written_out(name: str, entry: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(entry, Mapping):
        yield name, entry
        return
    keys = re.findall(r"{(\w*)}", name)
    for key in GRID:
        if isinstance(entry.get(key), list) != (key in keys):
            raise ValueError(
                f"'{name}': {key} is a list exactly where the name holds {{{key}}}, "
                "which stands for one value after the other"
            )
    if unknown := [key for key in keys if key not in GRID]:
        raise ValueError(f"'{name}': {{{unknown[0]}}} is none of {', '.join(GRID)}")
    for values in product(*(entry[key] for key in keys)):
        chosen = dict(zip(keys, values, strict=True))
        spoken = {key: _spoken(key, value) for key, value in chosen.items()}
        yield re.sub(r"{(\w*)}", lambda found, s=spoken: s[found[1]], name), {**entry, **chosen}


def _spoken(key: str, value: Any) -> str:
    """A value as it stands in a name: `t5@80M` is "T5 80M"."""
    if key != "model":
        return str(value)
    family, mark, rest = str(value).partition("@")
    family = family.upper() if family in OBJECTIVES else family
    return f"{family} {rest}" if mark else family


def folder_name(name: str) -> str:
    """Return the name of an experiment or a model as a folder's: small letters, digits, hyphens."""
    plain = re.sub(r"['’]", "", name.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
