"""Profiles: which models, data, sizes, recipes and experiments a run of the book uses.

A profile is a YAML file of papermill parameters (`profile: {...}` and `seed: 21`). Unknown keys and
out-of-range or mistyped values are refused with one sentence that names file, key, value and
remedy; nothing is converted silently.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from t5study.base.errors import StudyError
from t5study.base.project import find_checkout
from t5study.base.reading import checked, read_yaml, shown_path
from t5study.base.settings import Settings
from t5study.data.corpora import SOURCES
from t5study.data.pins import POCKET, Need, is_folder
from t5study.data.tasks import TASKS, get_task
from t5study.experiments.entries import ExperimentSettings, expanded, folder_name
from t5study.experiments.questions import Baseline
from t5study.experiments.recipes import (
    OBJECTIVES,
    OWN,
    WRITES_TEXT,
    ArchitectureName,
    Count,
    PretrainingRecipe,
    Recipe,
    TaskRows,
    TaskSettings,
)

OLDER_SECTIONS = ("learning_curves", "budgets", "variants", "trials", "joint")
"""What profiles had before runs were a list of experiments and entries of pretraining."""
OBSERVATIONS = "observations"
"""The folder of published records that belong to no experiment."""


class ModelSource(Settings):
    """Where a published model is from: a hub name or a folder, and what kind of network it is."""

    checkpoint: Annotated[str, Field(min_length=1)]
    architecture: ArchitectureName


class OwnModel(PretrainingRecipe):
    """How one model is pre-trained here.

    Attributes:
        of: another entry, whose recipe this one has but for the keys that it gives.
        gpu_only: it takes days without a GPU; where there is none and no record, it is left out.
    """

    of: str | None = None
    gpu_only: bool = False

    @property
    def recipe(self) -> PretrainingRecipe:
        """The recipe alone."""
        return PretrainingRecipe(**{n: getattr(self, n) for n in PretrainingRecipe.model_fields})

    @property
    def family(self) -> str:
        """The kind of network that the objective is for: "t5", "bert" or "gpt"."""
        return next(name for name, goal in OBJECTIVES.items() if goal == self.objective)

    @model_validator(mode="after")
    def _has_a_decoder_if_it_is_a_t5(self) -> OwnModel:
        if self.family == "t5" and self.architecture.num_decoder_layers is None:
            raise ValueError("the architecture of a T5 needs num_decoder_layers")
        return self


class Profile(Settings):
    """Everything a run of the book is told about models, data, sizes, recipes and experiments."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: str
    synthetic: bool = Field(description="True: the bundled corpus; its pages carry a badge")
    budget_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    chapters_at_once: Count = Field(1, description="kernels side by side, each with fewer threads")
    models: Annotated[dict[str, str | ModelSource], Field(min_length=1)]
    pretraining: dict[str, OwnModel] = Field({})
    recipes: dict[str, Recipe] = Field({})
    tasks: Annotated[dict[str, TaskRows], Field(min_length=1)]
    experiments: dict[str, ExperimentSettings] = Field({})
    published_models: dict[str, str] = Field(
        {}, description="folders of models/ and the experiments whose first run each holds"
    )

    def architecture(self, model: str) -> str:
        """Return what kind of network a model of the profile is: "t5", "bert" or "gpt"."""
        source = self.models[model]
        if isinstance(source, ModelSource):
            return source.architecture
        return self.pretraining[model].family if source == OWN else model

    def own_name(self, model: str) -> str:
        """Return what a model that is made here is called in records, "own t5" for instance.

        One that changes another's recipe has the other's name, and its own tokens after it.
        """
        entry = self.pretraining[model]
        first = model
        while (of := self.pretraining[first].of) is not None:
            first = of
        return f"own {first}" + (f", {entry.tokens:,} tokens" if entry.of else "")

    def settings(self, name: str) -> dict[str, TaskSettings]:
        """Return rows and recipe of each role's task in an experiment."""
        entry = self.experiments[name]
        recipe = self.recipes[entry.recipe] if entry.recipe else Recipe()
        return {role: self._limited(role, entry, recipe) for role in entry.roles}

    def _limited(self, role: str, entry: ExperimentSettings, recipe: Recipe) -> TaskSettings:
        rows = self.tasks[role]
        limits: dict[str, Any] = {}
        if entry.labels is not None:
            # A choice among checkpoints uses labels as well: no more than there are to train on.
            few = min(entry.labels, rows.validation or entry.labels)
            limits = {"train": entry.labels, "validation": few}
        if entry.test is not None:
            limits["test"] = entry.test
        return TaskSettings(**{**rows.model_dump(), **limits}, recipe=recipe)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, values: Any) -> Any:
        values = dict(values)
        if isinstance(values.get("pretraining"), Mapping):
            values["pretraining"] = _with_what_they_change(values["pretraining"])
        if isinstance(values.get("experiments"), Mapping):
            values["experiments"] = expanded(values["experiments"])
        return values

    @model_validator(mode="after")
    def _models_are_from_somewhere(self) -> Profile:
        for name, source in self.models.items():
            if source == OWN and name not in self.pretraining:
                raise ValueError(f"model {name} is 'own' and so needs an entry pretraining.{name}")
            if source != OWN and isinstance(source, str) and name not in OBJECTIVES:
                raise ValueError(
                    f"models.{name} needs its kind of network: write "
                    f"{{checkpoint: {source}, architecture: {' or '.join(OBJECTIVES)}}}"
                )
        for name, entry in self.pretraining.items():
            if name in OBJECTIVES and entry.objective != OBJECTIVES[name]:
                raise ValueError(
                    f"pretraining.{name}.objective must be {OBJECTIVES[name]}, "
                    f"not {entry.objective}"
                )
        return self

    @model_validator(mode="after")
    def _tasks_and_experiments_name_what_there_is(self) -> Profile:
        for role, rows in self.tasks.items():
            _known(rows.task, TASKS, f"tasks.{role}", "task")
        for name, entry in self.experiments.items():
            where = f"the experiment '{name}'"
            for role in entry.roles:
                _known(role, self.tasks, where, "task")
            if entry.model is not None:
                _known(entry.model, self.models, where, "model")
                if entry.prompt is None:
                    _known(entry.recipe or "", self.recipes, where, "recipe")
                elif self.architecture(entry.model) != "llama":
                    raise ValueError(f"{where} asks {entry.model}: only a decoder takes prompts")
                self._refuse_texts_of_a_classifier(name, entry)
            else:
                self._refuse_a_baseline_of_another_kind(name, entry)
        for folder, name in self.published_models.items():
            _known(name, self.experiments, f"published_models.{folder}", "experiment")
        return self

    def _refuse_texts_of_a_classifier(self, name: str, entry: ExperimentSettings) -> None:
        kinds = {get_task(self.tasks[role].task).kind for role in entry.roles}
        architecture = self.architecture(entry.model or "")
        if "generation" in kinds and architecture not in WRITES_TEXT:
            raise ValueError(
                f"the experiment '{name}' asks {entry.model} for texts, which a {architecture} "
                "does not write"
            )
        if entry.tasks and architecture != "t5":
            raise ValueError(f"the experiment '{name}' is of several tasks: only a T5 learns them")

    def _refuse_a_baseline_of_another_kind(self, name: str, entry: ExperimentSettings) -> None:
        (settings,) = self.settings(name).values()
        try:
            Baseline(get_task(settings.task), settings, entry.baseline)
        except StudyError as error:
            raise ValueError(f"the experiment '{name}': {error}") from None

    @model_validator(mode="after")
    def _one_name_for_one_thing(self) -> Profile:
        folders: dict[str, str] = {}
        asked: dict[str, str] = {}
        for name in self.pretraining:
            _own_place(folders, pretraining_folder(name), name)
        for name, entry in self.experiments.items():
            if name in self.pretraining:
                raise ValueError(f"'{name}' is a pre-training and an experiment, rename one")
            _own_place(folders, folder_name(name), name)
            other = asked.setdefault(entry.model_dump_json(exclude={"seeds"}), name)
            if other != name:
                raise ValueError(
                    f"the experiments '{other}' and '{name}' differ in nothing but seeds: "
                    "make them one, with the seeds of both"
                )
        return self


def pretraining_folder(name: str) -> str:
    """Return the folder's name of a pre-training's published records."""
    return folder_name(f"pretraining {name}")


def _own_place(folders: dict[str, str], folder: str, name: str) -> None:
    other = folders.setdefault(folder, name)
    if other != name or folder in ("", OBSERVATIONS):
        raise ValueError(f"the name '{name}' is too much like '{other or folder}', rename it")


def _known(name: str, there: Mapping[str, Any], where: str, what: str) -> None:
    if name not in there:
        known = ", ".join(there) or "none"
        raise ValueError(f"{where} names the {what} '{name}', which there is not: {known}")


def _with_what_they_change(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The pre-trainings with each `{of: other, ...}` given the keys of the other."""
    found: dict[str, Any] = {}
    for name, entry in entries.items():
        found[name] = entry
        if isinstance(entry, Mapping) and entry.get("of") is not None:
            if entry["of"] not in found:
                raise ValueError(
                    f"pretraining.{name} is of '{entry['of']}', which is no entry above it"
                )
            first = found[entry["of"]]
            found[name] = {k: v for k, v in first.items() if k != "gpu_only"} | dict(entry)
    return found


def needs(profile: Profile) -> list[Need]:
    """The repositories that a profile's tasks, corpora and checkpoints come from, each once.

    The bundled corpus needs nothing and is left out, and so is a checkpoint that is a folder here.
    StudyError names an unknown task.
    """
    tasks = (get_task(rows.task) for rows in profile.tasks.values())
    wanted = [Need("datasets", task.repo, task.config) for task in tasks]
    for recipe in profile.pretraining.values():
        wanted += [Need("datasets", SOURCES[c].repo, SOURCES[c].config) for c in recipe.corpus]
    for source in profile.models.values():
        repo = source.checkpoint if isinstance(source, ModelSource) else source
        if repo != OWN and not is_folder(repo):
            wanted.append(Need("models", repo))
    return [need for need in dict.fromkeys(wanted) if need.repo != POCKET]


def profile_folder() -> Path | None:
    """The folder notebooks/profiles of the checkout, or None outside of one."""
    found = find_checkout()
    return found / "notebooks" / "profiles" if found else None


def profile_names() -> list[str]:
    """The names of the profiles in the checkout, sorted; an empty list outside a checkout."""
    folder = profile_folder()
    return sorted(path.stem for path in folder.glob("[!.]*.yaml")) if folder else []


def load_profile(profile: str | os.PathLike[str] | Mapping[str, Any] | Profile) -> Profile:
    """A profile by its name, the path of its YAML file, or its contents.

    Args:
        profile: `"pocket"`, `"mine/tuned.yaml"`, or the mapping that papermill injects.

    Raises:
        StudyError: no such profile, a file that is not YAML, an unknown key, a bad value, or a file
            that is not called as the profile in it.
    """
    if isinstance(profile, Profile):
        return profile
    if isinstance(profile, Mapping):
        return _checked(profile, f"profile {profile.get('name', '(unnamed)')}")
    path = _profile_path(os.fspath(profile))
    found = _checked(read_yaml(path), shown_path(path))
    # The book is made in a folder of the file's name and its runs are found by the profile's: two
    # files with one profile's name would mix their results.
    if found.name != path.stem:
        raise StudyError(
            f"{shown_path(path)}: name is '{found.name}' in a file called '{path.stem}': "
            f"write name: {path.stem}, or rename the file."
        )
    return found


def load_parameters(profile: str | os.PathLike[str]) -> tuple[Profile, int]:
    """Return a profile by name or path, and the seed that its file gives beside it, or 21."""
    seed = read_yaml(_profile_path(os.fspath(profile))).get("seed", 21)
    return load_profile(profile), seed


def _checked(values: Mapping[str, Any], where: str) -> Profile:
    contents = _contents(values, where)
    _refuse_the_older_form(contents, where)
    return checked(Profile, contents, where)


def _refuse_the_older_form(values: Mapping[str, Any], where: str) -> None:
    for section in OLDER_SECTIONS:
        if section in values:
            raise StudyError(
                f"{where}: the section '{section}' is of an older form of profiles: write what is "
                "run as lines of `experiments`, and what is pre-trained as entries of "
                "`pretraining`, see notebooks/profiles/pocket.yaml."
            )


def _contents(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The profile itself, out of a papermill parameter file (`profile` and `seed`) or bare."""
    inner = values.get("profile")
    if not isinstance(inner, Mapping):
        return values
    other = sorted(map(str, set(values) - {"profile", "seed"}))
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
