"""Profiles: which models, data, sizes and recipes a run of the book uses.

A profile is a YAML file of papermill parameters (``profile: {...}`` and ``seed: 21``). Unknown keys
and out-of-range or mistyped values are refused with one sentence that names file, key, value and
remedy; nothing is converted silently.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from t5study.errors import StudyError

ModelName = Literal["t5", "bert", "gpt"]
Precision = Literal["auto", "fp32", "bf16"]
CorpusName = Literal["pocket-text", "imdb-unlabelled", "imdb-train", "classic-books"]

Count = Annotated[int, Field(ge=1)]
Steps = Annotated[int, Field(ge=0)]
LARGEST_SEED = 2**32 - 1
"""What the random generators of numpy take at most."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]

OWN = "own"
"""Stands for a checkpoint's name where the study pre-trains the model itself."""
FP16_REMEDY = "T5 overflows in fp16, use bf16, fp32 or auto"
_NUMBER_AS_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class _Settings(BaseModel):
    """What all parts of a profile share: strict values, no unknown keys, no later change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Recipe(_Settings):
    """Hyper-parameters of one fine-tuning. The defaults are the report's argument table."""

    epochs: Count = 2
    min_updates: Steps = Field(
        0, description="with few rows, epochs are added until there are so many updates"
    )
    learning_rate: Rate = 3e-4
    batch_size: Count = Field(128, description="effective: the report's 8 x 16")
    warmup_steps: Steps = 0
    schedule: Literal["linear", "constant"] = "linear"
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    weight_decay: Share = 0.0
    adam_epsilon: Rate = 1e-8
    max_grad_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_source_length: Annotated[int, Field(ge=8, le=4096)] = 512
    dropout: Share = 0.1
    precision: Precision = "auto"
    compile: bool = False
    gradient_checkpointing: bool = Field(
        False, description="compute activations twice, keep them once: less memory, more time"
    )
    tokens_per_micro_batch: Annotated[int, Field(ge=64)] = 4096
    packing: bool = Field(
        True,
        description="T5 on a CPU: short texts share the encoder's rows, longer ones are cut with "
        "the least padding, in place of padding to a few lengths",
    )
    evaluations_per_epoch: Count = 1
    keep_checkpoints: Count = 5
    early_stopping: Count | None = Field(
        None, description="patience in evaluations; None is the report's early_stop_callback=False"
    )
    cleaning: Literal["none", "report"] = "none"


class Architecture(_Settings):
    """Sizes of a model that the study pre-trains itself. Decoder layers count for T5 only."""

    d_model: Count
    d_ff: Count
    d_kv: Count
    num_layers: Count
    num_decoder_layers: Count | None = None
    num_heads: Count
    dropout: Share = 0.1

    @model_validator(mode="after")
    def _heads_fit(self) -> Architecture:
        if self.num_decoder_layers is None and self.d_kv * self.num_heads != self.d_model:
            raise ValueError(
                "without num_decoder_layers (BERT and GPT) d_model must be d_kv times num_heads"
            )
        return self


class PretrainingRecipe(_Settings):
    """How one model is pre-trained from random weights, and for how many tokens."""

    objective: Literal["span-corruption", "mlm-nsp", "causal"]
    corpus: Annotated[list[CorpusName], Field(min_length=1)]
    architecture: Architecture
    vocabulary_size: Annotated[int, Field(ge=200, le=64_000)]
    tokens: Annotated[int, Field(ge=1_000)] = Field(description="budget, in input tokens")
    batch_tokens: Annotated[int, Field(ge=64)]
    sequence_length: Annotated[int, Field(ge=16, le=4096)]
    learning_rate: Rate
    warmup_steps: Steps = 0
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    schedule: Literal["linear", "cosine", "inverse-sqrt", "constant"] = "linear"
    weight_decay: Share = 0.0
    precision: Precision = "auto"
    compile: bool = False
    evaluate_every: Annotated[int, Field(ge=1)] = Field(description="in optimiser steps")
    save_every: Annotated[int, Field(ge=1)] = Field(description="in optimiser steps")
    initial_embeddings: Literal["random", "cooccurrence"] = "random"

    @model_validator(mode="after")
    def _one_batch_fits(self) -> PretrainingRecipe:
        if self.batch_tokens < self.sequence_length:
            raise ValueError("batch_tokens must be at least sequence_length")
        if self.tokens < self.batch_tokens:
            raise ValueError("tokens, the budget, must be at least batch_tokens")
        if self.save_every % self.evaluate_every:
            # A run that goes on knows its seconds from the evaluation before the checkpoint.
            raise ValueError("save_every must be a multiple of evaluate_every")
        if len(set(self.corpus)) != len(self.corpus):
            raise ValueError("corpus names the same text twice")
        return self


class TaskSettings(_Settings):
    """Which task fills a role of the book, how many of its rows are used, with which recipe.

    A row limit of None means all rows; the subset is chosen by hash and stratified by label.
    `tokens` is the budget of the study's own T5 that the task starts from, None the profile's own.
    """

    task: Annotated[str, Field(min_length=1)]
    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None
    seeds: Annotated[list[Seed], Field(min_length=1)] = [21]
    tokens: Count | None = None
    recipe: Recipe = Recipe()


class LearningCurve(_Settings):
    """The label counts at which a role's task is learnt again; all its labels come on top.

    `test` limits the test rows of these points and `recipe` replaces the role's recipe for them.
    The point of all labels is the role's own runs.
    """

    labels: Annotated[list[Count], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)] = [21]
    test: Count | None = None
    recipe: Recipe | None = None

    @model_validator(mode="after")
    def _rising(self) -> LearningCurve:
        if self.labels != sorted(set(self.labels)):
            raise ValueError("labels must rise from one count to the next")
        return self


class BudgetTask(_Settings):
    """A task by which budgets are judged; of `labels`, None (null) stands for all."""

    labels: Annotated[list[Count | None], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)] = [21]
    target: Rate = Field(description="the accuracy whose price in tokens is asked for")


class LongerTask(_Settings):
    """A task that is learnt with all its labels from the T5 of the longer budget."""

    seeds: Annotated[list[Seed], Field(min_length=1)] = [21]
    recipe: Recipe


class Longer(_Settings):
    """A token budget beyond that of the profile's own T5, and the tasks learnt from it by role.

    The recipe of the pre-training is T5's but for `tokens` and `precision`.
    """

    tokens: Annotated[int, Field(ge=1_000)]
    precision: Precision = "auto"
    tasks: dict[str, LongerTask] = {}


class Budgets(_Settings):
    """Other token budgets at which T5 is pre-trained again, and the tasks that judge them.

    `tokens` are smaller than the profile's own budget, `longer` is one beyond it.
    """

    tokens: Annotated[list[Annotated[int, Field(ge=1_000)]], Field(min_length=2)]
    longer: Longer | None = None
    tasks: Annotated[dict[str, BudgetTask], Field(min_length=1)]


class Variants(_Settings):
    """Changes of T5's pre-training recipe, each tried alone with a budget of `tokens`."""

    tokens: Annotated[int, Field(ge=1_000)]
    changes: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class Joint(_Settings):
    """One T5 fine-tuned on several roles' tasks at once.

    An epoch holds every task's training rows, at most `cap` of each. `tokens` as for a task.
    """

    roles: Annotated[list[str], Field(min_length=2)]
    cap: Count
    tokens: Count | None = None
    recipe: Recipe


OBJECTIVES: dict[str, str] = {"t5": "span-corruption", "bert": "mlm-nsp", "gpt": "causal"}


class Profile(_Settings):
    """Everything a run of the book is told about models, data, sizes and recipes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: str
    synthetic: bool = Field(description="True: the bundled corpus; its pages carry a badge")
    budget_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    chapters_at_once: Count = Field(1, description="kernels side by side, each with fewer threads")
    models: Annotated[dict[ModelName, str], Field(min_length=1)]
    tasks: Annotated[dict[str, TaskSettings], Field(min_length=1)]
    pretraining: dict[ModelName, PretrainingRecipe] = {}
    recipes: dict[str, dict[str, Recipe]] = Field(
        {}, description="other recipes by role and name, each run once for comparison"
    )
    learning_curves: dict[str, LearningCurve] = {}
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


Settings = TypeVar("Settings", bound=_Settings)


def checked(model: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Build ``model`` (Recipe, Profile ...) from ``values``, or raise StudyError.

    ``where`` is what the sentence calls the origin: a file name or "the command line".
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise StudyError(_sentence(model, error, where)) from None


def _sentence(model: type[BaseModel], error: ValidationError, where: str) -> str:
    """One sentence for the first thing that is wrong."""
    # A misspelt key also leaves its right spelling missing: the misspelling says more.
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join(location)
    value = problem["input"]
    kind = problem["type"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key '{key}'{_known_keys(model, location)}."
    if kind == "missing":
        return f"{where}: the key '{key}' is missing, add it."
    if kind == "value_error":
        prefix = f"{key}: " if key else ""
        return f"{where}: {prefix}{problem['ctx']['error']}."
    if location and location[-1] == "precision" and value in ("fp16", "float16", "16", 16):
        return f"{where}: {key} is {value!r}, which is refused: {FP16_REMEDY}."
    if kind in ("float_type", "int_type") and _is_number_as_text(value):
        return (
            f"{where}: {key} is the text '{value}', not a number: "
            f"YAML reads {value} as text, write {_as_yaml_number(value, kind)}."
        )
    remedy = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{where}: {key} is {_short(value)}, but {remedy}."


def _is_number_as_text(value: object) -> bool:
    return isinstance(value, str) and _NUMBER_AS_TEXT.fullmatch(value.strip()) is not None


def _as_yaml_number(text: str, kind: str) -> str:
    """The spelling that YAML 1.1 reads as a number: a point before the exponent, no quotes."""
    text = text.strip()
    if kind == "int_type" and float(text).is_integer():
        return str(int(float(text)))
    mantissa, mark, exponent = text.lower().partition("e")
    if not mark:
        return f"{text} without quotes"
    point = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{point}e{exponent if exponent[0] in '+-' else '+' + exponent}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _known_keys(model: type[BaseModel], location: list[str]) -> str:
    """The keys that were possible at an unknown key's place, the likeliest first."""
    for part in location[:-1]:
        model = _inner_model(model, part)
    known = list(model.model_fields)
    close = difflib.get_close_matches(location[-1], known, n=1)
    if close:
        return f", did you mean '{close[0]}'"
    return f", the known keys there are {', '.join(known)}"


def _inner_model(model: type[BaseModel], part: str) -> type[BaseModel]:
    """The settings class found under key ``part`` of ``model`` (a role's name leads to itself)."""
    field = model.model_fields.get(part)
    return model if field is None else next(_classes_in(field.annotation), model)


def _classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes in a type, such as Recipe in dict[str, dict[str, Recipe]]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes_in(inner)


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
    found = checked(Profile, _contents(read_yaml(path), _shown(path)), _shown(path))
    # The book is made in a folder of the file's name and its runs are found by the profile's: two
    # files with one profile's name would mix their results.
    if found.name != path.stem:
        raise StudyError(
            f"{_shown(path)}: name is '{found.name}' in a file called '{path.stem}': "
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


def read_yaml(path: Path) -> Mapping[str, Any]:
    """What a YAML file of a profile or a recipe holds.

    Raises:
        StudyError: it cannot be read, is no YAML, or holds something else than keys and values.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise StudyError(f"{_shown(path)} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise StudyError(f"{_shown(path)} cannot be read: {error.strerror}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise StudyError(f"{_shown(path)} is not valid YAML{line}: mend it there.") from None
    if not isinstance(values, Mapping):
        raise StudyError(f"{_shown(path)} holds no keys: write lines such as 'key: value'.")
    return values


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
