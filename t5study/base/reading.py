"""Settings read from YAML: strict values, and one sentence for whatever is wrong with them.

Unknown keys and out-of-range or mistyped values are refused with a sentence that names file, key,
value and remedy; nothing is converted silently.
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
    """The settings class found under key `part` of `model` (a role's name leads to itself)."""
    field = model.model_fields.get(part)
    return model if field is None else next(_classes_in(field.annotation), model)


def _classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes in a type, such as Recipe in dict[str, dict[str, Recipe]]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes_in(inner)


class _Loader(yaml.SafeLoader):
    """YAML without what reads otherwise than it looks: a key given twice, `010`, `1:30`."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """Refuse a key given twice, before merged keys are put beside the mapping's own."""
        node = super().compose_mapping_node(anchor)
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for number, key in enumerate(keys):
            if key.value in (other.value for other in keys[:number]):
                raise _Ambiguous(key, f"the key '{key.value}' stands twice", "keep one of them")
        return node

    def number(self, node: yaml.ScalarNode) -> int | float:
        """Build a number, unless YAML 1.1 reads it in another base than ten."""
        text = node.value
        if ":" in text:
            raise _Ambiguous(
                node, f"{text} would be read in base sixty", f"write the number out, or '{text}'"
            )
        if re.fullmatch(r"[+-]?0[0-9_]+", text):
            plain = text.lstrip("+-").lstrip("0_") or "0"
            raise _Ambiguous(node, f"{text} would be read in base eight", f"write {plain}")
        build = self.construct_yaml_int if node.tag.endswith("int") else self.construct_yaml_float
        return build(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.number)


class _Ambiguous(Exception):
    """Something that YAML reads otherwise than a person does: where, what, and the remedy."""

    def __init__(self, node: yaml.Node, problem: str, remedy: str) -> None:
        self.line = node.start_mark.line + 1
        super().__init__(f"{problem}: {remedy}.")


def read_yaml(path: Path) -> Mapping[str, Any]:
    """What a YAML file of a profile or a recipe holds.

    Raises:
        StudyError: it cannot be read, is no YAML, gives a key twice or a number in another base
            than ten, or holds something else than keys and values.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except _Ambiguous as found:
        raise StudyError(f"{shown_path(path)}, line {found.line}: {found}") from None
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
