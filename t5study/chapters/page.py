"""A page about one run, in one file: scores, confusion, losses, surest mistakes, how it was made.

Everything from data or record is escaped, and the page loads nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from string import Template
from typing import Any

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.chapters.tables import show
from t5study.judging.metrics import classification_report, label_words, surest_mistakes
from t5study.runs.record import Run

MISTAKES = 30
"""So many of the surest mistakes are listed."""
LONGEST = 400
"""Characters of a text that are shown."""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #bbb; --soft: #eef2f5;
 --shade: 0, 114, 178; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181a1b; --line: #555;
 --soft: #25292c; --shade: 86, 180, 233; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--ink);
 background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
 vertical-align: top; overflow-wrap: anywhere; }
thead th { background: var(--soft); } .number { text-align: right; white-space: nowrap; }
.confusion td { text-align: right; } caption { text-align: left; padding-bottom: .4rem; }
svg { max-width: 100%; height: auto; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")


def report(run: Run) -> str:
    """Return the page of a fine-tuning run, as HTML.

    Raises:
        StudyError: the record lacks what the page shows.
    """
    try:
        title, parts = f"{_asked(run)}: {run.metrics['model']}", list(_parts(run))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise StudyError(
            f"The record {run.path} says what no page can show ({type(error).__name__}: {error}): "
            "take another copy of it."
        ) from error
    return _PAGE.substitute(title=escape(title), body="\n".join(parts))


def _parts(run: Run) -> Iterator[str]:
    yield from _summary(run)
    if "per_label" in run.metrics:
        yield f"<h2>Scores by label</h2>{_scores(run.metrics)}"
        yield from _confusion(run)
    else:
        yield f"<h2>Scores</h2>{_scores(run.metrics)}"
    yield "<h2>Losses</h2>"
    yield _losses(run)
    yield from _mistakes(run)
    yield from _data(run)
    yield "<h2>How it was made</h2>"
    yield _made(run, run.config)


def _asked(run: Run) -> str:
    """What the model answers: the column of a user's file, or the task."""
    definition = run.config.get("definition", {})
    own = "own_data" in run.provenance
    return str(definition["target"] if own else run.config["task"])


def _summary(run: Run) -> Iterator[str]:
    metrics, n = run.metrics, f"{run.metrics['n']:,}"
    if "per_label" not in metrics:
        yield f"<p>Judged on {n} test rows that it had not seen.</p>"
        return
    low, high = metrics["intervals"]["accuracy"]
    support = {word: row["support"] for word, row in metrics["per_label"].items()}
    word, most = max(support.items(), key=lambda item: item[1])
    yield (
        f"<p>Of {n} test rows that it had not seen it answers {_share(metrics['accuracy'])} as "
        f"labelled; with other test rows that could as well be {_share(low)} to {_share(high)} "
        f"(95&nbsp;% interval). Always to answer <i>{escape(word)}</i>, the most frequent label "
        f"there, would be right in {_share(most / metrics['n'])}. The mean F1 over the labels, "
        f"each counted alike, is {metrics['macro_f1']:.3f}.</p>"
    )


def _scores(metrics: dict[str, Any]) -> str:
    if "per_label" in metrics:
        table = classification_report(metrics).rename(columns={"support": "test rows"})
        caption = "Precision, recall and F1 of each label, then the averages."
        return _table(
            table.rename_axis("label"), caption, dict.fromkeys(table.columns[:-1], "{:.3f}")
        )
    rows = [(name, metrics[name], *ends) for name, ends in metrics["intervals"].items()]
    table = pd.DataFrame(rows, columns=["metric", "value", "low", "high"])
    return _table(table, "Scores over all test rows.")


def _confusion(run: Run) -> Iterator[str]:
    # In the order of the labels' numbers: JSON sorts the keys of the metrics.
    counts, words = np.array(run.metrics["confusion"]), label_words(run.predictions)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = []
    for word, row, share in zip(words, counts, shares, strict=True):
        cells = (
            f'<td style="background: rgba(var(--shade), {s / 2:.2f})">{n}</td>'
            for n, s in zip(row, share, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(word)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in words)
    yield "<h2>Confusion</h2>"
    yield (
        '<div class="wide"><table class="confusion"><caption>A row a true label, a column an '
        f"answer: how many test rows.</caption><thead><tr><td></td>{head}</tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></div>"
    )


def _mistakes(run: Run) -> Iterator[str]:
    """The wrong answers that the model is surest of, or of written texts the furthest off."""
    table, words = run.predictions, label_words(run.predictions)
    if words:
        wrong = surest_mistakes(table)
        rows = [
            (_shown(row), words[row["label"]], words[row["prediction"]], row["probability"])
            for row in wrong.head(MISTAKES).to_dict("records")
        ]
        mistakes = pd.DataFrame(rows, columns=["text", "label", "answer", "sure"])
        what = f"{len(wrong):,} of {len(table):,} answers are wrong; the surest of them."
    elif "output" in table and "target" in table:
        off = table.sort_values("chrf", kind="stable").head(MISTAKES)
        texts = {name: off[name].map(_cut) for name in ("target", "output")}
        shown = [_shown(row) for row in off.to_dict("records")]
        mistakes = pd.DataFrame(
            {
                "text": shown,
                "wanted": texts["target"],
                "written": texts["output"],
                "chrf": off["chrf"],
            }
        )
        what = "The answers that are furthest from the wanted ones."
    else:
        return
    yield "<h2>Surest mistakes</h2>"
    forms = {"sure": "{:.2f}", "chrf": "{:.0f}"}
    yield (
        _table(mistakes.reset_index(drop=True), what, forms)
        or "<p>There is none in the test rows.</p>"
    )


def _shown(row: dict[str, Any]) -> str:
    """A row's text, or its number where the record keeps no texts."""
    return _cut(row["text"]) if "text" in row else f"test row {row['row']}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _data(run: Run) -> Iterator[str]:
    about = run.provenance.get("own_data")
    if about is None:
        return
    yield "<h2>Data</h2>"
    counts = pd.DataFrame(about["counts"])[["train", "validation", "test"]]
    counts.loc["all"] = counts.sum()
    counts.columns = [f"{split} ({about['files'][split]})" for split in counts]
    yield _table(counts, "Rows of each split.")
    yield from (f"<p>{escape(note)}</p>" for note in about["notes"])


def _made(run: Run, config: dict[str, Any]) -> str:
    made, definition = run.provenance, config.get("definition", {})
    task = {"task": config["task"], "prompt": config["prompt"]}
    if definition:
        task |= {"answers from": definition["template"], "answers": definition["target"]}
    recipe = {name.replace("_", " "): value for name, value in config["recipe"].items()}
    rows = {
        "run": run.identity,
        **task,
        "model": f"{config['model']['name']} ({config['model']['fingerprint'][:12]})",
        "architecture": f"{config['architecture']}, {config['init']}",
        "best update": run.metrics.get("best_step"),
        **recipe,
        "precision": config["precision"],
        "seed": config["seed"],
        "device": made.get("device"),
        "seconds": f"{made.get('seconds', 0):.0f}",
        "peak memory": f"{made.get('peak_memory_bytes', 0) / 2**20:.0f} MiB",
        "libraries": ", ".join(f"{n} {v}" for n, v in made.get("libraries", {}).items()),
        "commit": made.get("commit") or "unknown",
        **{
            f"data {split}": "{} rows at most, {}".format(*_limit(part))
            for split, part in config["data"].items()
        },
    }
    told = {name: str(value) for name, value in rows.items() if value is not None}
    return _table(pd.Series(told, name="value").rename_axis("what"))


def _limit(part: Sequence[Any]) -> tuple[str, str]:
    fingerprint, limit = part
    return "all" if limit is None else f"{limit:,}", str(fingerprint)[:16]


def _table(
    table: pd.DataFrame | pd.Series, caption: str = "", formats: dict[str, str] | None = None
) -> str:
    """A table as the book sets it, which scrolls where it is too wide; of no rows nothing."""
    shown = show(table, caption=caption, formats=formats)
    return f'<div class="wide">{shown.html}</div>' if shown else ""


def _share(value: float) -> str:
    return f"{100 * value:.1f}&nbsp;%"


def _losses(run: Run) -> str:
    """Training and validation loss by epoch: drawn, or a table where nothing draws."""
    try:
        from t5study.chapters.finetuning import plot_losses
    except ModuleNotFoundError:
        measured = run.history.dropna(subset=["validation_loss"])
        return _table(measured[["epoch", "loss", "validation_loss"]].reset_index(drop=True))
    figure = plot_losses([run])
    figure.axes[0].set(ylabel="loss")
    drawn = figure.svg()
    final = run.history["validation_loss"].dropna().iloc[-1]
    said = f"Losses by epoch: training, and validation, which ends at {final:.3f}"
    # Without the declaration of a file of its own.
    return f'<div role="img" aria-label="{said}">{drawn[drawn.index("<svg") :]}</div>'
