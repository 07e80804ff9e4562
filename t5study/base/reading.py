"""Settings from YAML: strict values, and one sentence for whatever is wrong with them.

The sentence names file, key, value and remedy; nothing is converted silently.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from t5study.base.errors import StudyError
from t5study.base.settings import Settings

FP16_REMEDY = "T5 overflows in fp16, use bf16, fp32 or auto"
_NUMBER_AS_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
Chosen = TypeVar("Chosen", bound=Settings)


def checked(model: type[Chosen], values: Mapping[str, Any], where: str) -> Chosen:
    """Build `model` (Recipe, Profile ...) from `values`, or raise StudyError.

    `where` is what the sentence calls the origin: a file name or "the command line".
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise StudyError(f"{where}: {_problem(model, error)}.") from None


def _problem(model: type[BaseModel], error: ValidationError) -> str:
    """The first thing that is wrong, in words."""
    # A misspelt key also leaves its right spelling missing: the misspelling says more.
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    key, value, kind = ".".join(location), problem["input"], problem["type"]
    if kind == "extra_forbidden":
        return f"unknown key '{key}'{_known_keys(model, location)}"
    if kind == "missing":
        return f"the key '{key}' is missing, add it"
    if kind == "value_error":
        return (f"{key}: " if key else "") + str(problem["ctx"]["error"])
    if location and location[-1] == "precision" and value in ("fp16", "float16", "16", 16):
        return f"{key} is {value!r}, which is refused: {FP16_REMEDY}"
    if (
        kind in ("float_type", "int_type")
        and isinstance(value, str)
        and _NUMBER_AS_TEXT.fullmatch(value.strip())
    ):
        number = float(value)
        whole = kind == "int_type" and number.is_integer()
        spelling = yaml.safe_dump(int(number) if whole else number).split()[0]
        return (
            f"{key} is the text '{value}', not a number: "
            f"YAML reads {value} as text, write {spelling}"
        )
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return f"{key} is {shown}, but {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _known_keys(model: type[BaseModel], location: list[str]) -> str:
    """The keys that were possible at an unknown key's place, the likeliest first."""
    for part in location[:-1]:
        # The name of a role or of an experiment is no field, and leads to the class itself.
        field = model.model_fields.get(part)
        model = model if field is None else next(_classes_in(field.annotation), model)
    known = list(model.model_fields)
    close = difflib.get_close_matches(location[-1], known, n=1)
    if close:
        return f", did you mean '{close[0]}'"
    return f", the known keys there are {', '.join(known)}"


def _classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes in a type, such as Recipe in dict[str, dict[str, Recipe]]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes_in(inner)


class _Twice(Exception):
    """A key that a mapping gives twice."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML that refuses a key given twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._seen: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Look at the keys before merged ones are put beside the mapping's own."""
        if id(node) not in self._seen:
            self._seen.add(id(node))
            keys: set[str] = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in keys:
                    line = key.start_mark.line + 1
                    raise _Twice(f"line {line}: the key '{key.value}' stands twice: keep one.")
                keys.add(key.value)
        super().flatten_mapping(node)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """What a YAML file of a profile or a recipe holds.

    Raises:
        StudyError: it cannot be read, is no YAML, gives a key twice, or holds something else than
            keys and values.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except _Twice as found:
        raise StudyError(f"{shown_path(path)}, {found}") from None
    except UnicodeDecodeError:
        raise StudyError(f"{shown_path(path)} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise StudyError(f"{shown_path(path)} cannot be read: {error.strerror}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise StudyError(f"{shown_path(path)} is not valid YAML{line}: mend it there.") from None
    if not isinstance(values, Mapping):
        raise StudyError(f"{shown_path(path)} holds no keys: write lines such as 'key: value'.")
    return values


def shown_path(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
