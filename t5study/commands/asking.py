"""The commands that ask a trained model: predict, evaluate, and the page about a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from t5study.base.errors import StudyError
from t5study.base.files import replacing, write_text
from t5study.chapters import page
from t5study.data.casts import is_blank
from t5study.data.hub import Hub
from t5study.data.own.data import OwnHub, read_texts, read_to_judge
from t5study.data.tasks import OWN_DATA, Task
from t5study.experiments.identity import Experiment
from t5study.experiments.recipes import TaskSettings
from t5study.experiments.reopening import experiment_of
from t5study.judging import answers
from t5study.models.loading import load_tokenizer
from t5study.models.opening import checkpoint_in
from t5study.runs.record import Run

_AT_ONCE = 4096
"""Texts that are answered before the next are encoded, so that memory does not grow with a file."""


def evaluate(
    run: Path,
    split: str,
    source: Path | None,
    role: str | None = None,
    data: Path | None = None,
    text: str | None = None,
    target: str | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Return the metrics of a trained checkpoint on a split of its task, or on a file.

    `text` and `target` name the file's columns, where not as those that the model learnt from.
    With `out` the answers are written there, a row each.
    """
    if split not in ("validation", "test"):
        raise StudyError(f"There is no split '{split}' to judge: choose validation or test.")
    writer = _writer(out)
    experiment = _experiment(run, role)
    hub = Hub(source)
    if data is not None:
        task = experiment.task
        text = text or answers.only_field(task)
        own = read_to_judge(data, task, text, target or task.target)
        all_rows = TaskSettings(task=task.name, recipe=experiment.recipe)
        experiment = replace(experiment, task=own.task, settings=all_rows)
        hub, split = OwnHub(source, own), "test"
    elif experiment.task.repo == OWN_DATA:
        raise StudyError(
            f"{run} learnt from files of your own, which no record holds: name one with --data."
        )
    metrics, table = answers.evaluate_again(experiment, hub, split)
    if writer:
        writer(_in_words(experiment.task, table))
    return metrics


def predict(run: Path, texts: list[str], role: str | None = None) -> list[str]:
    """Answer texts: the label and every label's probability, or the generated text.

    `role` chooses the task of a model that was fine-tuned on several at once.
    """
    for text in texts:
        if is_blank(text):
            raise StudyError("--text is empty: give it at least one word.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise StudyError(f"--text {text!r} is not UTF-8: save or paste it as UTF-8.") from None
    return _lines(_answers(_experiment(run, role), texts))


def predict_file(
    run: Path, data: Path, column: str | None, out: Path | None, role: str | None = None
) -> list[str]:
    """Answer the texts of a file's column; write the answers into `out`, or return a line each."""
    writer = _writer(out)
    experiment = _experiment(run, role)
    table = _answers(experiment, read_texts(data, column or answers.only_field(experiment.task)))
    if writer is None:
        return _lines(table)
    writer(table)
    return [str(out)]


def report(run: Path, out: Path | None) -> Path:
    """Write a page about a run; return its place."""
    opened = _open_run(run, "finetune")
    place = out or run / "report.html"
    write_text(place, page.report(opened))
    return place


# --- a run --------------------------------------------------------------------------------------


def _experiment(run: Path, role: str | None) -> Experiment:
    opened = _open_run(run, "finetune", "joint")
    return experiment_of(_of_one_task(opened, role), checkpoint_in(opened.model, weights=True))


def _open_run(folder: Path, *kinds: str) -> Run:
    if not (folder / "config.json").is_file():
        raise StudyError(f"{folder} is no run record: name a folder that holds config.json.")
    run = Run(folder)
    kind = run.config.get("kind")
    if kind not in kinds:
        raise StudyError(
            f"{folder} holds a run of kind {kind}, not {' or '.join(kinds)}: name another."
        )
    return run


def _of_one_task(run: Run, role: str | None) -> dict[str, Any]:
    """The configuration of a run, or of a joint run that of one role's task."""
    tasks = run.config.get("tasks")
    if tasks is None:
        if role is not None:
            raise StudyError(f"{run.path.name} is a run of one task: leave out --role.")
        return run.config
    if role not in tasks:
        raise StudyError(
            f"{run.path.name} is a model of several tasks: name one with --role, of "
            f"{', '.join(tasks)}."
        )
    return {**run.config, **tasks[role], "architecture": "t5"}


# --- answers ------------------------------------------------------------------------------------


def _answers(experiment: Experiment, texts: list[str]) -> pd.DataFrame:
    """The answer to each text: columns text, prediction and, of labels, p_<label>."""
    task = experiment.task
    tokenizer = load_tokenizer(experiment.checkpoint)
    model = answers.saved_model(experiment)
    tables = []
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        sources = answers.sources_of(experiment, some)
        table = pd.DataFrame({"text": some})
        if task.kind == "generation":
            table["prediction"] = answers.write_texts(experiment, model, tokenizer, sources)
        else:
            shares = answers.answer_texts(experiment, model, tokenizer, sources)
            table["prediction"] = [task.label_words[place] for place in shares.argmax(axis=1)]
            names = [f"p_{word}" for word in task.label_words]
            table = table.join(pd.DataFrame(shares, columns=names))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _lines(table: pd.DataFrame) -> list[str]:
    """Each answer as a line: the label and every label's probability, or the text."""
    names = table.columns[2:]
    lines = []
    for row in table.itertuples(index=False):
        shares = zip(names, row[2:], strict=True)
        told = ", ".join(f"{name.removeprefix('p_')} {share:.3f}" for name, share in shares)
        lines.append(f"{row[1]}  ({told})" if told else row[1])
    return lines


def _in_words(task: Task, table: pd.DataFrame) -> pd.DataFrame:
    """Predictions with the label words in place of their numbers."""
    if task.kind != "classification":
        return table
    words = dict(enumerate(task.label_words))
    return table.assign(label=table["label"].map(words), prediction=table["prediction"].map(words))


Write = Callable[[pd.DataFrame], None]
_WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda table, path: table.to_json(
        path, orient="records", lines=True, force_ascii=False
    ),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
}


def _writer(out: Path | None) -> Write | None:
    """What writes answers into a file, whole or not at all; asked before anything is computed.

    Raises:
        StudyError: the file's name ends otherwise, or it is a folder.
    """
    if out is None:
        return None
    if out.suffix.lower() not in _WRITERS or out.is_dir():
        raise StudyError(
            f"{out} is no file for answers: give --out a name that ends in {', '.join(_WRITERS)}."
        )

    def write(table: pd.DataFrame) -> None:
        with replacing(out) as draft:
            _WRITERS[out.suffix.lower()](table, draft)

    return write
