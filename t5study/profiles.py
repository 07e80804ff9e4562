"""Profiles: which models, data, sizes and recipes a run of the book uses.

A profile is a YAML file of papermill parameters (``profile: {...}`` and ``seed: 21``). Unknown keys
and out-of-range or mistyped values are refused with one sentence that names file, key, value and
remedy; nothing is converted silently.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from t5study.base.errors import StudyError
from t5study.base.settings import Settings, checked, read_yaml, shown_path
from t5study.data.corpora import SOURCES
from t5study.data.hub import POCKET, Need, is_folder
from t5study.data.tasks import get_task
from t5study.experiments.recipes import (
    OBJECTIVES,
    OWN,
    Count,
    ModelName,
    Precision,
    PretrainingRecipe,
    Rate,
    Recipe,
    Seed,
    TaskSettings,
)


class LearningCurve(Settings):
    """The label counts at which a role's task is learnt again; all its labels come on top.

    `test` limits the test rows of these points and `recipe` replaces the role's recipe for them.
    The point of all labels is the role's own runs.
    """

    labels: Annotated[list[Count], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)] = Field([21])
    test: Count | None = None
    recipe: Recipe | None = None

    @model_validator(mode="after")
    def _rising(self) -> LearningCurve:
        if self.labels != sorted(set(self.labels)):
            raise ValueError("labels must rise from one count to the next")
        return self


class BudgetTask(Settings):
    """A task by which budgets are judged; of `labels`, None (null) stands for all."""

    labels: Annotated[list[Count | None], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)] = Field([21])
    target: Rate = Field(description="the accuracy whose price in tokens is asked for")


class LongerTask(Settings):
    """A task that is learnt with all its labels from the T5 of the longer budget."""

    seeds: Annotated[list[Seed], Field(min_length=1)] = Field([21])
    recipe: Recipe


class Longer(Settings):
    """A token budget beyond that of the profile's own T5, and the tasks learnt from it by role.

    The recipe of the pre-training is T5's but for `tokens` and `precision`.
    """

    tokens: Annotated[int, Field(ge=1_000)]
    precision: Precision = "auto"
    tasks: dict[str, LongerTask] = Field({})


class Budgets(Settings):
    """Other token budgets at which T5 is pre-trained again, and the tasks that judge them.

    `tokens` are smaller than the profile's own budget, `longer` is one beyond it.
    """

    tokens: Annotated[list[Annotated[int, Field(ge=1_000)]], Field(min_length=2)]
    longer: Longer | None = None
    tasks: Annotated[dict[str, BudgetTask], Field(min_length=1)]


class Variants(Settings):
    """Changes of T5's pre-training recipe, each tried alone with a budget of `tokens`."""

    tokens: Annotated[int, Field(ge=1_000)]
    changes: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class Joint(Settings):
    """One T5 fine-tuned on several roles' tasks at once.

    An epoch holds every task's training rows, at most `cap` of each. `tokens` as for a task.
    """

    roles: Annotated[list[str], Field(min_length=2)]
    cap: Count
    tokens: Count | None = None
    recipe: Recipe


class Profile(Settings):
    """Everything a run of the book is told about models, data, sizes and recipes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: str
    synthetic: bool = Field(description="True: the bundled corpus; its pages carry a badge")
    budget_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    chapters_at_once: Count = Field(1, description="kernels side by side, each with fewer threads")
    models: Annotated[dict[ModelName, str], Field(min_length=1)]
    tasks: Annotated[dict[str, TaskSettings], Field(min_length=1)]
    pretraining: dict[ModelName, PretrainingRecipe] = Field({})
    recipes: dict[str, dict[str, Recipe]] = Field(
        {}, description="other recipes by role and name, each run once for comparison"
    )
    learning_curves: dict[str, LearningCurve] = Field({})
    budgets: Budgets | None = None
    variants: Variants | None = None
    trials: dict[str, dict[str, Any]] = Field(
        {}, description="pre-trainings of T5 by name, each by what it changes of T5's recipe"
    )
    joint: Joint | None = None

    @property
    def longer(self) -> Longer | None:
        """The budget beyond T5's own, if the profile has one."""
        return self.budgets.longer if self.budgets else None

    @model_validator(mode="after")
    def _own_models_have_a_recipe(self) -> Profile:
        for name, origin in self.models.items():
            if origin == OWN and name not in self.pretraining:
                raise ValueError(f"model {name} is 'own' and so needs an entry pretraining.{name}")
        for name, recipe in self.pretraining.items():
            if recipe.objective != OBJECTIVES[name]:
                raise ValueError(
                    f"pretraining.{name}.objective must be {OBJECTIVES[name]}, "
                    f"not {recipe.objective}"
                )
            if name == "t5" and recipe.architecture.num_decoder_layers is None:
                raise ValueError("pretraining.t5.architecture needs num_decoder_layers")
        return self

    @model_validator(mode="after")
    def _sections_name_what_there_is(self) -> Profile:
        named = {
            "recipes": list(self.recipes),
            "learning_curves": list(self.learning_curves),
            "budgets.tasks": list(self.budgets.tasks) if self.budgets else [],
            "budgets.longer.tasks": list(self.longer.tasks) if self.longer else [],
            "joint.roles": self.joint.roles if self.joint else [],
        }
        for section, roles in named.items():
            for role in roles:
                if role not in self.tasks:
                    raise ValueError(f"{section} names the role {role}, which has no task")
        return self

    @model_validator(mode="after")
    def _budgets_are_in_order(self) -> Profile:
        for section in filter(None, (self.budgets, self.variants)):
            if self.models.get("t5") != OWN:
                raise ValueError("budgets and variants need a T5 that is 'own'")
            most = self.pretraining["t5"].tokens
            tokens = section.tokens if isinstance(section.tokens, list) else [section.tokens]
            if tokens != sorted(set(tokens)) or tokens[-1] >= most:
                raise ValueError(f"smaller budgets must rise and stay below the {most:,} of t5")
        if self.longer and self.longer.tokens <= self.pretraining["t5"].tokens:
            raise ValueError("budgets.longer.tokens must be more than the tokens of t5")
        return self

    @model_validator(mode="after")
    def _changes_make_recipes(self) -> Profile:
        sections = {
            "variants.changes": self.variants.changes if self.variants else {},
            "trials": self.trials,
        }
        for section, changes in sections.items():
            if changes and self.models.get("t5") != OWN:
                raise ValueError(f"{section} needs a T5 that is 'own'")
            for name, change in changes.items():
                values = self.pretraining["t5"].model_dump() | change
                checked(PretrainingRecipe, values, f"{section}.{name}")
        return self


def needs(profile: Profile) -> list[Need]:
    """The repositories that a profile's tasks, corpora and checkpoints come from, each once.

    The bundled corpus needs nothing and is left out, and so is a checkpoint that is a folder here.
    StudyError names an unknown task.
    """
    wanted = [
        Need("datasets", task.repo, task.config)
        for task in (get_task(settings.task) for settings in profile.tasks.values())
    ]
    for recipe in profile.pretraining.values():
        wanted += [Need("datasets", SOURCES[c].repo, SOURCES[c].config) for c in recipe.corpus]
    named = (model for model in profile.models.values() if model != OWN)
    wanted += [Need("models", model) for model in named if not is_folder(model)]
    return [need for need in dict.fromkeys(wanted) if need.repo != POCKET]


def profile_folder() -> Path | None:
    """The folder notebooks/profiles of the checkout: above the working folder, or the package's."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        candidate = folder / "notebooks" / "profiles"
        if candidate.is_dir():
            return candidate
    return None


def profile_names() -> list[str]:
    """The names of the profiles in the checkout, sorted; an empty list outside a checkout."""
    folder = profile_folder()
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder else []


def load_profile(profile: str | os.PathLike[str] | Mapping[str, Any] | Profile) -> Profile:
    """A profile by its name, the path of its YAML file, or its contents.

    Args:
        profile: ``"pocket"``, ``"mine/tuned.yaml"``, or the mapping that papermill injects.

    Raises:
        StudyError: no such profile, a file that is not YAML, an unknown key, a bad value, or a file
            that is not called as the profile in it.
    """
    if isinstance(profile, Profile):
        return profile
    if isinstance(profile, Mapping):
        where = f"profile {profile.get('name', '(unnamed)')}"
        return checked(Profile, _contents(profile, where), where)
    path = _profile_path(os.fspath(profile))
    found = checked(Profile, _contents(read_yaml(path), shown_path(path)), shown_path(path))
    # The book is made in a folder of the file's name and its runs are found by the profile's: two
    # files with one profile's name would mix their results.
    if found.name != path.stem:
        raise StudyError(
            f"{shown_path(path)}: name is '{found.name}' in a file called '{path.stem}': "
            f"write name: {path.stem}, or rename the file."
        )
    return found


def _contents(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The profile itself, out of a papermill parameter file (``profile`` and ``seed``) or bare."""
    inner = values.get("profile")
    if not isinstance(inner, Mapping):
        return values
    other = sorted(set(values) - {"profile", "seed"})
    if other:
        raise StudyError(
            f"{where}: unknown key '{other[0]}' beside 'profile' and 'seed': move it under "
            "'profile' or remove it."
        )
    return inner


def _profile_path(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        if not Path(name).is_file():
            raise StudyError(f"There is no profile file {name}: check the path.")
        return Path(name)
    folder = profile_folder()
    if folder is None:
        raise StudyError(
            f"Profile '{name}' cannot be looked up because notebooks/profiles was not found: "
            "run from inside the project's checkout or give the path of a YAML file."
        )
    path = folder / f"{name}.yaml"
    if not path.is_file():
        raise StudyError(
            f"There is no profile '{name}': choose one of {', '.join(profile_names())}, "
            "or give the path of a YAML file."
        )
    return path
