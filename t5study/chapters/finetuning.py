"""Chapters 6 and 7's tables and figures: one fine-tuning, its report and its peers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from t5study.base.reading import read_yaml
from t5study.chapters.listing import listing
from t5study.chapters.style import (
    GREY,
    PAGE,
    Picture,
    drawn,
    heat_map,
    intervals,
    lines,
    panels,
    plain_numbers,
)
from t5study.chapters.tables import mean_and_interval, mean_interval
from t5study.claims import facts
from t5study.claims.published import book_file, load_published
from t5study.experiments.recipes import Recipe
from t5study.judging import metrics
from t5study.runs.record import Run

if TYPE_CHECKING:
    from IPython.display import Markdown

    from t5study.study import Study


@drawn
def plot_losses(runs: Sequence[Run]) -> Picture:
    """Draw training and validation loss against epochs, one thin line a seed, on a log scale."""
    figure, (axes,) = panels(1, 1, PAGE, 3.2)
    columns = {"loss": "training", "validation_loss": "validation"}
    table = pd.concat({number: run.history for number, run in enumerate(runs)}, names=["run"])
    losses = table.reset_index("run").rename(columns=columns)
    losses = losses.melt(["run", "epoch"], list(columns.values()), "rows", "loss").dropna()
    lines(axes, losses, "epoch", "loss", "rows", units="run", markers=False)
    for run in runs:
        best = run.history.loc[run.history["step"] == run.metrics["best_step"]]
        axes.axvline(float(best["epoch"].iloc[0]), color=GREY, ls=":", lw=1)
    axes.set(xlabel="epoch", ylabel="cross-entropy per label token")
    plain_numbers(axes)
    axes.legend()
    return figure


@drawn
def plot_confusion(run: Run) -> Picture:
    """Draw the confusion matrix: shares of each true label, with counts in the cells."""
    names = metrics.label_words(run.predictions)
    counts = np.array(run.metrics["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    notes = np.vectorize("{:,}".format)(counts)
    figure, (axes,) = panels(1, 1, 2.2 + 0.62 * len(names), 1.2 + 0.45 * len(names))
    mesh = heat_map(axes, shares, names, names, notes=notes, vmin=0, vmax=1)
    figure.colorbar(mesh, ax=axes, label="share of the true label")
    axes.set(xlabel="predicted", ylabel="actual")
    axes.tick_params(axis="x", rotation=30)
    return figure


def largest_confusion(run: Run) -> tuple[str, str, int]:
    """Return the most frequent mistake: actual label, predicted label, how many rows."""
    names = metrics.label_words(run.predictions)
    counts = np.array(run.metrics["confusion"])
    np.fill_diagonal(counts, 0)
    actual, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return names[actual], names[predicted], int(counts[actual, predicted])


@drawn
def plot_intervals(table: pd.DataFrame, label: str) -> Picture:
    """Draw one row a model: a dot for the mean and a bar for its interval.

    `table` has the columns `mean`, `low` and `high`, and the names of the models as its index.
    """
    figure, (axes,) = panels(1, 1, PAGE, 0.8 + 0.34 * len(table))
    named = table.assign(answer=[textwrap.fill(name, 34) for name in table.index])
    intervals(axes, named, "answer")
    axes.set_xlabel(label)
    return figure


def casting_table(casting: Run) -> pd.DataFrame:
    """Return one row a label: the target text, its token ids and pieces."""
    seen = casting.values
    return pd.DataFrame(
        {
            "target text": seen["words"],
            "token ids": [" ".join(map(str, row)) for row in seen["ids"]],
            "pieces": [" ".join(row) for row in seen["pieces"]],
        }
    )


def t5_small_modules() -> pd.DataFrame:
    """Return the report's module summary beside the one rebuilt from t5-small's shape."""
    return facts.module_comparison()


STEPS = {
    "sentiment": {
        "sentiment, T5 80M, 512 tokens": "the best: 80 million tokens read, 512 of a review",
        "sentiment, T5 80M": "128 tokens of a review",
        "sentiment, T5": "20 million tokens read in pre-training",
        "sentiment, T5 counts": "embeddings from counts, nothing read",
        "sentiment, T5 from scratch": "random weights",
    },
    "emotion": {
        "emotion, MiniLM": "the best: MiniLM, an encoder with published weights",
        "emotion, T5 80M": "our T5, 80 million tokens read in pre-training",
        "emotion, T5": "20 million tokens read",
        "emotion, T5, the report's recipe": "the report's recipe",
    },
}
"""From a role's best run down: experiments, and what each changes of the one before."""
LONGEST = {"sentiment": "sentiment, T5 80M, 512 tokens", "emotion": "emotion, T5 80M"}
"""The best of the study's own runs of the report's tasks, by role: after the longest reading."""

CLAIMS = {
    "sentiment": (
        *("sentiment-accuracy", "transfer-to-sentiment", "bert-needs-a-layer", "no-new-loss"),
        *("no-new-hyperparameters", "module-table", "no-decay-for-norms", "schedule-length"),
        *("schedule-has-warmup", "lm-labels", "five-best-checkpoints", "near-human"),
    ),
    "emotion": (
        *("emotion-accuracy", "emotion-macro-f1", "transfer-to-emotion"),
        *("no-new-hyperparameters", "emotion-table-macro", "samples-actual-labels"),
    ),
}
"""What the report says of each role's task, by the names of claims."""


def step_table(answers: Mapping[str, Sequence[Run]], role: str) -> pd.DataFrame:
    """Return a row a step of `STEPS` that was run: what it changes, accuracy, interval, runs."""
    steps = {what: answers[name] for name, what in STEPS[role].items() if name in answers}
    rows = [(*mean_and_interval(runs, "accuracy"), len(runs)) for runs in steps.values()]
    names = pd.Index(list(steps), name="what is changed")
    return pd.DataFrame(rows, names, ["accuracy", "low", "high", "runs"])


def surest_mistakes(run: Run, count: int = 10) -> pd.DataFrame:
    """Return the wrong answers of highest probability, by their row in the test set."""
    words = metrics.label_words(run.predictions)
    wrong = metrics.surest_mistakes(run.predictions).head(count)
    return pd.DataFrame(
        {
            "actual": [words[label] for label in wrong["label"]],
            "answered": [words[label] for label in wrong["prediction"]],
            "probability": wrong["probability"].to_numpy(),
            "tokens": wrong["tokens"].to_numpy(),
        },
        index=pd.Index(wrong["row"], name="row"),
    )


def loop_source() -> Markdown:
    """Return the fine-tuning loop as a page shows it."""
    return listing("plain_loop", "fine_tune")


def appendix_facts() -> dict[str, str | int]:
    """Return what can be counted of the report's fine-tuning code, on IMDB's 25,000 reviews."""
    argument = load_published().argument
    return {
        "norms": len(facts.counted()["norms"]),
        "norms_caught": facts.norms_without_decay(),
        "scheduled": facts.scheduled_updates(25_000),
        "made": facts.made_updates(25_000),
        "beyond": facts.updates_beyond_schedule(25_000),
        "warmup": int(argument("warmup_steps")),
        "report_epochs": int(argument("num_train_epochs")),
    }


QUESTIONS = {
    "sentiment": "Is this film review positive or negative? Answer with one word.\n\n{text}",
    "emotion": "Which emotion does this message show: sadness, joy, love, anger, fear or surprise? "
    "Answer with one word.\n\n{text}",
}
"""How a decoder that was trained to follow instructions is asked for a role's label."""
ASKED = {"sentiment": "phrases, MiniLM adapters", "emotion": "emotion, MiniLM"}
"""Whose first run answers as MiniLM."""


def sentence_table(study: Study, role: str) -> pd.DataFrame:
    """Return a row a sentence of the study's own: what makes it hard, its label, and the answers.

    MiniLM was fine-tuned, SmolLM2 is asked without an example.
    """
    own = pd.DataFrame(read_yaml(book_file("sentences.yml"))[role])
    texts, words = own["text"].tolist(), list(study.task(role).label_words)
    tuned = study.answers(study.run(ASKED[role]), texts).values
    asked = study.observe(
        "smollm2.sentences", texts=texts, words=words, question=QUESTIONS[role]
    ).values
    answers = {
        "MiniLM": [tuned["words"][int(np.argmax(row))] for row in tuned["shares"]],
        "SmolLM2": [row["answer"] for row in asked["rows"]],
    }
    table = own.rename(columns={"text": "sentence", "label": "meant"}).assign(**answers)
    return table[["sentence", "kind", "meant", *answers]]


def recipe_table(recipe: Recipe) -> pd.DataFrame:
    """Return one row with the hyper-parameters that a recipe sets itself."""
    return pd.DataFrame([recipe.model_dump(exclude_defaults=True)])


def argument_table(recipe: Recipe) -> pd.DataFrame:
    """Return the report's arguments beside the values of the recipe that this page used."""
    table = load_published().arguments()
    used = recipe.model_dump()
    if recipe.optimizer == "adafactor":
        used["adam_epsilon"] = "not used (Adafactor)"
    ours = [str(used.get(name, "")).replace("None", "none") for name in table["recipe"]]
    return pd.DataFrame(
        {
            "report": table["value"].astype(str),
            "our name": table["recipe"].fillna("not used"),
            "this page": ours,
        }
    )


def report_table(run: Run, role: str) -> pd.DataFrame:
    """Return our classification report and, in columns of its own, the one the report prints."""
    ours = metrics.classification_report(run.metrics)
    theirs = load_published().classification_report(role).reindex(ours.index)
    for name in theirs.columns.drop("support"):
        # With two decimals, as it prints them.
        theirs[name] = [f"{value:.2f}" if value == value else None for value in theirs[name]]
    return pd.concat({"this study": ours, "report": theirs}, axis=1)


def mean_score(runs: Sequence[Run], metric: str = "accuracy") -> str:
    """Return the mean score over seeds as prose quotes it."""
    return f"{mean_interval([run.metrics[metric] for run in runs])[0]:.3f}"
