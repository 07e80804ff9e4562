"""An identity holds all that decides a result: every field is changed in turn, none by name.

Where a field leaves an identity as it was, a sentence in a table here says why it may. The tables
are checked as well: a reason that is no longer needed is an error.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from t5study.base.errors import StudyError
from t5study.data import corpora, tasks, vocabulary
from t5study.data.checkpoint_files import CHECKPOINT_FILES
from t5study.data.hub import Hub
from t5study.data.pins import POCKET
from t5study.data.tasks import TASKS, Slice, Task, get_task
from t5study.experiments import identity
from t5study.experiments.identity import Experiment, Mixture
from t5study.experiments.pretraining import Pretraining
from t5study.experiments.questions import (
    Answering,
    Baseline,
    Casting,
    MemoryPeaks,
    Observing,
    ParallelismTiming,
    Prompting,
    Shrinking,
)
from t5study.experiments.recipes import Architecture, PretrainingRecipe, Recipe, TaskSettings
from t5study.experiments.reopening import experiment_of
from t5study.models.checkpoints import Checkpoint
from t5study.models.opening import checkpoint_in
from t5study.pretraining import text
from t5study.runs.record import Run, identity_of

RESULTS = Path(__file__).resolve().parents[2] / "results"
RECORDS = sorted(RESULTS.rglob("config.json"))

THE_MACHINES = "It moves rounding and the draw of dropout, as another device or core count does."
BY_FIELD = "Its own fields are changed one by one."


class NamedContent(Hub):
    """A hub where the name of a split stands for its content."""

    def __init__(self) -> None: ...

    def fingerprint(self, repo: str, config: str, split: str) -> str:
        return f"{repo}/{config}/{split}"


HUB = NamedContent()
TASK = dataclasses.replace(get_task("mrpc"), name="ours")
SETTINGS = TaskSettings(task="ours", train=100, validation=50, test=60)
CHECKPOINT = Checkpoint("someone/t5", Path("/there"), "weights", "design", True)
PRETRAINING = PretrainingRecipe(
    objective="span-corruption",
    corpus=["imdb-train"],
    architecture=Architecture(d_model=8, d_ff=16, d_kv=4, num_layers=2, num_heads=2),
    vocabulary_size=500,
    tokens=2000,
    batch_tokens=256,
    sequence_length=32,
    learning_rate=0.01,
    evaluate_every=1,
    save_every=1,
)


def finetune(task=TASK, settings=SETTINGS, checkpoint=CHECKPOINT, init="pretrained") -> dict:
    return Experiment(task, settings, checkpoint, "t5", init, 21).config(HUB)


def jointly(task=TASK, settings=SETTINGS, checkpoint=CHECKPOINT) -> dict:
    other = Experiment(get_task("rte"), settings, checkpoint, "t5", "pretrained", 21)
    return Mixture({"one": dataclasses.replace(other, task=task), "other": other}, cap=10).config(
        HUB
    )


def baseline(task=TASK, settings=SETTINGS) -> dict:
    return Baseline(task, settings).config(HUB)


def answered(config: dict[str, Any]) -> Run:
    """A run of which the configuration alone is known."""
    run = Run(Path())
    object.__setattr__(run, "config", config)
    return run


def casting(task=TASK, checkpoint=CHECKPOINT) -> dict:
    return Casting(task, checkpoint).config()


def observing(checkpoint=CHECKPOINT) -> dict:
    return Observing("t5.masks", checkpoint, {"texts": ["one"]}).config()


def pretraining(recipe=PRETRAINING) -> dict:
    return Pretraining("t5", recipe, 21).config(HUB)


def other(value: Any, annotation: Any = None) -> Any:
    """Another value of the same kind."""
    if get_origin(annotation) is Literal:
        return next(choice for choice in get_args(annotation) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 if value else 0.25
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, Path):
        return value / "elsewhere"
    if isinstance(value, tuple | list):
        return value[::-1] if len(set(value)) > 1 else type(value)([*value, "imdb-unlabelled"])
    if value is None:
        return 7
    if isinstance(value, Mapping):
        return {**value, "test": Slice("elsewhere")}
    raise TypeError(f"the test knows no other value of {value!r}")


def changed(whole: Any) -> Iterable[tuple[str, Any]]:
    """Give each field's name and the whole with another value in that field."""
    hints = get_type_hints(type(whole))
    if isinstance(whole, BaseModel):
        for name in type(whole).model_fields:
            value = getattr(whole, name)
            if not isinstance(value, BaseModel):
                yield name, whole.model_copy(update={name: other(value, hints[name])})
    else:
        for field in dataclasses.fields(whole):
            value = other(getattr(whole, field.name), hints[field.name])
            yield field.name, dataclasses.replace(whole, **{field.name: value})


def unchanged_fields(whole: Any, config: Callable[[Any], dict]) -> set[str]:
    """The fields whose change leaves the identity as it was."""
    before = identity_of(config(whole))
    return {name for name, another in changed(whole) if identity_of(config(another)) == before}


# --- a task -------------------------------------------------------------------------------------

CASTING_IS_WORDS = "A casting records the label words and their ids, nothing about rows or scores."
NOT_OF_A_CASTING = dict.fromkeys(
    {field.name for field in dataclasses.fields(Task)} - {"name", "label_words"}, CASTING_IS_WORDS
)


@pytest.mark.parametrize(
    ("config", "reasons"),
    [(finetune, {}), (jointly, {}), (baseline, {}), (casting, NOT_OF_A_CASTING)],
    ids=["finetune", "jointly", "baseline", "casting"],
)
@pytest.mark.parametrize("name", ["mrpc", "ours", "pocket-summary", "stsb"])
def test_every_field_of_a_task_is_in_the_identity(name, config, reasons) -> None:
    task = TASKS.get(name, TASK)
    if task.kind == "generation":
        # It has no label words, and no row is held out: these two stand for any value.
        task = dataclasses.replace(task, label_words=("a", "b"), held_out=3)
    assert unchanged_fields(task, lambda changed: config(task=changed)) == set(reasons)


def test_a_prefix_that_ends_elsewhere_is_another_task() -> None:
    # What a prefix is decides which text a score of faithfulness compares with.
    moved = dataclasses.replace(TASK, prefix=TASK.prefix + TASK.template[:4])
    moved = dataclasses.replace(moved, template=TASK.template[4:])
    assert moved.prefix + moved.template == TASK.prefix + TASK.template
    assert identity_of(finetune(task=moved)) != identity_of(finetune())


def test_a_task_reads_no_column_whose_content_is_not_pinned() -> None:
    from t5study.data.pins import split_pin

    for task in TASKS.values():
        if task.repo != POCKET:
            for place in task.splits.values():
                pinned = split_pin(task.repo, task.config, place.split)["columns"]
                assert {*task.fields, task.target} <= set(pinned), task.name


# --- recipes and settings -----------------------------------------------------------------------

NOT_OF_A_RECIPE = {
    "tokens_per_micro_batch": THE_MACHINES,
    "packing": THE_MACHINES,
    "compile": THE_MACHINES,
    "gradient_checkpointing": THE_MACHINES,
    "keep_checkpoints": "The best checkpoint is never deleted, however few are kept.",
}
NOT_OF_A_BASELINE = dict.fromkeys(
    set(Recipe.model_fields) - {"cleaning"}, "A baseline trains no network."
)
NOT_OF_SETTINGS = {
    "task": "The experiment holds the task itself.",
}
NO_VALIDATION = {"validation": "A baseline chooses nothing, so it reads no validation rows."}


@pytest.mark.parametrize(
    ("config", "reasons"),
    [(finetune, NOT_OF_A_RECIPE), (jointly, NOT_OF_A_RECIPE), (baseline, NOT_OF_A_BASELINE)],
    ids=["finetune", "jointly", "baseline"],
)
def test_every_field_of_a_recipe_is_in_the_identity(config, reasons) -> None:
    def with_recipe(recipe: Recipe) -> dict:
        return config(settings=SETTINGS.model_copy(update={"recipe": recipe}))

    assert unchanged_fields(Recipe(), with_recipe) == set(reasons)


@pytest.mark.parametrize(
    ("config", "reasons"),
    [
        (finetune, NOT_OF_SETTINGS),
        (jointly, NOT_OF_SETTINGS),
        (baseline, NOT_OF_SETTINGS | NO_VALIDATION),
    ],
    ids=["finetune", "jointly", "baseline"],
)
def test_every_setting_of_a_task_is_in_the_identity(config, reasons) -> None:
    assert unchanged_fields(SETTINGS, lambda changed: config(settings=changed)) == set(reasons)


def test_every_field_of_a_pretraining_is_in_the_identity() -> None:
    assert unchanged_fields(PRETRAINING, pretraining) == {"compile"}, THE_MACHINES

    def with_sizes(sizes: Architecture) -> dict:
        return pretraining(PRETRAINING.model_copy(update={"architecture": sizes}))

    assert unchanged_fields(PRETRAINING.architecture, with_sizes) == set()


# --- a checkpoint -------------------------------------------------------------------------------

NOT_OF_A_CHECKPOINT = {
    "folder": "The fingerprint identifies the content, wherever it lies.",
    "has_weights": "The fingerprint of a checkpoint without weights is another.",
}


@pytest.mark.parametrize("config", [finetune, jointly, casting, observing])
def test_every_field_of_a_checkpoint_is_in_the_identity(config) -> None:
    fields = unchanged_fields(CHECKPOINT, lambda changed: config(checkpoint=changed))
    assert fields == {*NOT_OF_A_CHECKPOINT, "design"}, "the fingerprint holds the design"


def test_random_weights_are_identified_by_the_design() -> None:
    fields = unchanged_fields(
        CHECKPOINT, lambda changed: finetune(checkpoint=changed, init="scratch")
    )
    assert fields == {*NOT_OF_A_CHECKPOINT, "fingerprint"}, "random weights replace the saved ones"


TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [{"id": 0, "content": "<pad>"}],
    "normalizer": {"type": "NFKC"},
    "pre_tokenizer": {"type": "Metaspace"},
    "post_processor": {"type": "Template", "single": "$A </s>"},
    "decoder": {"type": "Metaspace"},
    "model": {"type": "Unigram", "vocab": [["<pad>", 0.0], ["a", -1.0]], "unk_id": 0},
}
ONLY_WITHOUT_A_FAST_TOKENIZER = "Where there is a tokenizer.json, nothing else is read."
NOT_OF_A_FOLDER = {
    "spiece.model": ONLY_WITHOUT_A_FAST_TOKENIZER,
    "vocab.txt": ONLY_WITHOUT_A_FAST_TOKENIZER,
    "vocab.json": ONLY_WITHOUT_A_FAST_TOKENIZER,
    "merges.txt": ONLY_WITHOUT_A_FAST_TOKENIZER,
    "model.safetensors.index.json": "It says in which file a tensor lies; the tensors count.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for pattern in CHECKPOINT_FILES:
        path = tmp_path / pattern.replace("*", "00001-of-00001")
        path.write_text('{"weight_map": {}, "setting": 1}' if path.suffix == ".json" else "content")
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    return tmp_path


def files_without_effect(folder: Path) -> set[str]:
    before, without = checkpoint_in(folder).fingerprint, set()
    for path in sorted(folder.iterdir()):
        content = path.read_text()
        changed = content.replace('"setting": 1', '"setting": 2').replace("-1.0", "-2.0")
        path.write_text(changed if changed != content else "other content")
        if checkpoint_in(folder).fingerprint == before:
            without.add(path.name)
        path.write_text(content)
    return without


def test_every_file_of_a_checkpoint_is_in_its_fingerprint(folder) -> None:
    assert files_without_effect(folder) == set(NOT_OF_A_FOLDER)
    (folder / "tokenizer.json").unlink()
    assert files_without_effect(folder) == {"model.safetensors.index.json"}


def test_everything_in_a_tokenizer_but_what_each_call_says_is_in_the_design(folder) -> None:
    before, without = checkpoint_in(folder).design, set()
    parts = [*TOKENIZER, *(f"model.{name}" for name in TOKENIZER["model"])]
    for part in parts:
        content = json.loads(json.dumps(TOKENIZER))
        inner = content["model"] if "." in part else content
        name = part.removeprefix("model.")
        if name == "vocab":
            inner[name][1][1] = -3.0  # a score alone: the same pieces in the same order
        elif name == "model":
            inner[name]["byte_fallback"] = True
        else:
            inner[name] = {"type": "another"}
        (folder / "tokenizer.json").write_text(json.dumps(content))
        if checkpoint_in(folder).design == before:
            without.add(part)
    assert without == {"version", "truncation", "padding"}


# --- a corpus and a vocabulary ------------------------------------------------------------------


def test_every_field_of_a_source_is_in_the_identity_of_what_reads_it(monkeypatch) -> None:
    source = corpora.Source("repo", "config", "train", (("repo", "config", "test"),))

    def reading(source: corpora.Source) -> dict:
        monkeypatch.setitem(corpora.SOURCES, "imdb-train", source)
        return pretraining()

    before = identity_of(reading(source))
    for name, value in {"repo": "x", "config": "x", "split": "x", "tests": ()}.items():
        assert identity_of(reading(dataclasses.replace(source, **{name: value}))) != before, name
    assert {field.name for field in dataclasses.fields(source)} == {
        *("repo", "config", "split", "tests")
    }


@pytest.mark.parametrize("name", ["PROMPT_WORDS", "PROMPT_CHARACTERS"])
def test_a_vocabulary_of_other_words_is_another_pretraining(name, monkeypatch) -> None:
    before = identity_of(pretraining())
    monkeypatch.setattr(vocabulary, name, (*getattr(vocabulary, name), "ticket"))
    assert identity_of(pretraining()) != before


def test_a_further_task_changes_neither_vocabulary_nor_identity(monkeypatch) -> None:
    words, before = text._whole_words(["a text"], 1), identity_of(pretraining())
    further = dataclasses.replace(TASK, name="tickets", label_words=("billing", "login"))
    monkeypatch.setitem(tasks.TASKS, "tickets", further)
    assert text._whole_words(["a text"], 1) == words
    assert identity_of(pretraining()) == before


# --- what is asked ------------------------------------------------------------------------------

EXPERIMENT = Experiment(TASK, SETTINGS, CHECKPOINT, "t5", "pretrained", 21)
ASKED = [
    (
        EXPERIMENT,
        {
            "task": get_task("rte"),
            "settings": SETTINGS.model_copy(update={"train": 10}),
            "checkpoint": dataclasses.replace(CHECKPOINT, fingerprint="x"),
            "architecture": "bert",
            "init": "scratch",
            "seed": 22,
        },
    ),
    (
        Mixture({"one": EXPERIMENT}, 10),
        {"parts": {"one": dataclasses.replace(EXPERIMENT, seed=1)}, "cap": 11},
    ),
    (
        Pretraining("t5", PRETRAINING, 21),
        {
            "architecture": "bert",
            "recipe": PRETRAINING.model_copy(update={"tokens": 1}),
            "seed": 22,
        },
    ),
    (
        Baseline(TASK, SETTINGS),
        {
            "task": get_task("rte"),
            "settings": SETTINGS.model_copy(update={"train": 10}),
            "kind": "overlap",
        },
    ),
    (
        Prompting(TASK, SETTINGS, CHECKPOINT, "{sentence1} {sentence2}", 4, 21),
        {
            "task": get_task("rte"),
            "settings": SETTINGS.model_copy(update={"test": 10}),
            "checkpoint": dataclasses.replace(CHECKPOINT, fingerprint="x"),
            "prompt": "{sentence1}, {sentence2}",
            "shots": 5,
            "seed": 22,
        },
    ),
    (
        Shrinking(answered({"seed": 1})),
        {"run": answered({"seed": 2}), "epochs": 3, "temperature": 1.0, "seed": 22},
    ),
    (
        Casting(TASK, CHECKPOINT),
        {
            "task": get_task("rte"),
            "checkpoint": dataclasses.replace(CHECKPOINT, fingerprint="x"),
        },
    ),
    (
        Observing("t5.masks", CHECKPOINT, {"texts": ["one"]}),
        {
            "name": "t5.shapes",
            "checkpoint": dataclasses.replace(CHECKPOINT, fingerprint="x"),
            "inputs": {"texts": ["two"]},
        },
    ),
]


@pytest.mark.parametrize(("asked", "others"), ASKED, ids=lambda value: type(value).__name__)
def test_every_part_of_what_is_asked_is_in_its_identity(asked, others) -> None:
    def config(asked: Any) -> str:
        return identity_of(
            asked.config()
            if isinstance(asked, Casting | Observing | Shrinking)
            else asked.config(HUB)
        )

    assert {field.name for field in dataclasses.fields(asked)} == set(others)
    for name, value in others.items():
        assert config(dataclasses.replace(asked, **{name: value})) != config(asked), name


def test_a_mixture_whose_identity_would_hold_one_parts_values_only_is_refused() -> None:
    mate = dataclasses.replace(EXPERIMENT, task=get_task("rte"))
    assert Mixture({"one": EXPERIMENT, "other": mate}, 10).config(HUB)
    recipe = SETTINGS.model_copy(update={"recipe": Recipe(epochs=9)})
    for name, value in ASKED[0][1].items():
        if name not in ("task", "settings"):
            with pytest.raises(StudyError, match=f"differ in their {name}"):
                Mixture({"one": EXPERIMENT, "o": dataclasses.replace(mate, **{name: value})}, 1)
    with pytest.raises(StudyError, match="differ in their recipe"):
        Mixture({"one": EXPERIMENT, "other": dataclasses.replace(mate, settings=recipe)}, 1)
    # The order decides how rows are shuffled, and an identity cannot hold the order of its keys.
    roles = {"translation": EXPERIMENT, "other": mate, "emotion": mate, "more": EXPERIMENT}
    assert list(Mixture(roles, 1).parts) == ["emotion", "translation", "more", "other"]
    with pytest.raises(StudyError, match="starts from a pre-trained T5"):
        Mixture({"one": dataclasses.replace(EXPERIMENT, init="scratch")}, 1)


# --- the published records ----------------------------------------------------------------------


def asked_again(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a record, made from today's tasks, corpora, recipes and pins."""
    kind, hub = config["kind"], Hub()
    if kind == "measurement":
        measured = {"memory": MemoryPeaks, "parallelism": ParallelismTiming}
        return measured[config["name"]]().config()
    if kind == "pretrain":
        recipe = PretrainingRecipe(**config["recipe"], precision=config["precision"])
        return Pretraining(config["architecture"], recipe, config["seed"]).config(hub)
    if kind == "joint":
        parts = {
            role: experiment_of(config | part, checkpoint_of(config))
            for role, part in config["tasks"].items()
        }
        return Mixture(parts, config["cap"]).config(hub)
    if kind == "finetune":
        return experiment_of(config, checkpoint_of(config)).config(hub)
    if kind == "baseline":
        return baseline_of(config).config(hub)
    if kind == "prompted":
        limits = {split: limit for split, (_, limit) in config["data"].items()}
        settings = TaskSettings(task=config["task"], **limits)
        task, model = get_task(config["task"]), checkpoint_of(config)
        asked = Prompting(
            task, settings, model, config["prompt"], config["shots"], config.get("seed", 21)
        )
        return asked.config(hub)
    if kind == "shrinking":
        (made,) = RESULTS.glob(f"published/*/*-{config['run']}")
        return Shrinking(
            Run(made), *(config[name] for name in ("epochs", "temperature", "seed"))
        ).config()
    if kind == "answers":
        (asked,) = RESULTS.glob(f"published/*/*-{config['run']}")
        return Answering(Run(asked), tuple(config["texts"])).config()
    model = checkpoint_of(config)
    if kind == "casting":
        return Casting(get_task(config["task"]), model).config()
    return Observing(config["name"], model, config["inputs"]).config()


def checkpoint_of(config: dict[str, Any]) -> Checkpoint:
    model = config["model"]
    return Checkpoint(model["name"], Path(), model["fingerprint"], model["fingerprint"], True)


def baseline_of(config: dict[str, Any]) -> Baseline:
    task = get_task(config["task"])
    limits = {split: limit for split, (_, limit) in config["data"].items()}
    recipe = Recipe(cleaning=config["cleaning"])
    settings = TaskSettings(task=task.name, recipe=recipe, **limits)
    kinds = {name: kind for kind, name in Baseline(task, settings).kinds.items()}
    return Baseline(task, settings, kinds[config["name"]])


def test_a_model_of_a_task_that_was_changed_since_is_not_asked(monkeypatch) -> None:
    config = json.loads(json.dumps({**finetune(task=get_task("mrpc")), "precision": "fp32"}))
    config["recipe"] = identity.recipe_identity(Recipe())
    assert experiment_of(config, CHECKPOINT).task == get_task("mrpc")
    other_way = dataclasses.replace(get_task("mrpc"), label_words=("equivalent", "not_equivalent"))
    monkeypatch.setitem(tasks.TASKS, "mrpc", other_way)
    with pytest.raises(StudyError, match="mrpc is defined otherwise"):
        experiment_of(config, CHECKPOINT)
    config = json.loads(json.dumps(finetune(task=other_way)))
    assert experiment_of(config, CHECKPOINT).task == other_way


def test_there_are_published_records() -> None:
    assert len(RECORDS) >= 100


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name)
def test_a_published_record_is_the_answer_to_a_question_that_can_be_asked_today(path) -> None:
    config = json.loads(path.read_text())
    asked = json.loads(json.dumps(asked_again(config)))
    assert {**asked, "result_version": config["result_version"]} == config
    assert path.parent.name.endswith(identity_of(asked))
