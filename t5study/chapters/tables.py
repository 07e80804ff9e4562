"""Tables of the fine-tuning chapters, from run records and published numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats

from t5study.claims.published import load_published
from t5study.experiments.recipes import Recipe
from t5study.judging.scores import classification_report
from t5study.runs.record import Run


def framed(table: pd.DataFrame) -> Styler:
    """Return a table to be formatted, with the look of the book's other tables."""
    return table.style.set_table_attributes('class="dataframe"')


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and 95 % Student interval over seeds; NaN bounds for a single seed."""
    numbers = pd.Series(list(values), dtype=float)
    count, mean = len(numbers), float(numbers.mean())
    if count < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.975, count - 1) * numbers.std(ddof=1) / count**0.5
    return mean, float(mean - half), float(mean + half)


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
    """Return the report's module summary beside the one rebuilt from t5-small's configuration.

    transformers' default T5Config is t5-small's, so neither weights nor network are needed.
    """
    from transformers import T5Config, T5ForConditionalGeneration

    from t5study.models.loading import module_table

    report = load_published().module_table()
    rebuilt = module_table(T5ForConditionalGeneration(T5Config())).set_index("name")
    names = report["name"]
    return pd.DataFrame(
        {
            "type": rebuilt["type"].reindex(names).to_numpy(),
            "parameters": rebuilt["params"].reindex(names).to_numpy(),
            "rounded": rebuilt["rounded"].reindex(names).to_numpy(),
            "report": report["parameters"].to_numpy(),
        },
        index=pd.Index(names, name="module"),
    )


def argument_table(recipe: Recipe) -> pd.DataFrame:
    """Return the report's arguments beside the values of the recipe that this page used."""
    table = load_published().arguments()
    used = recipe.model_dump()
    ours = [str(used[name]) if name in used else "" for name in table["recipe"]]
    return pd.DataFrame(
        {
            "report": table["value"].astype(str),
            "our name": table["recipe"].fillna("not used"),
            "this page": ours,
        }
    )


def report_beside(run: Run, role: str) -> Styler:
    """Return our classification report and, in columns of its own, the one the report prints."""
    ours = classification_report(run.metrics)
    theirs = load_published().classification_report(role).reindex(ours.index)
    both = pd.concat({"this study": ours, "report": theirs}, axis=1)
    return (
        framed(both)
        .format(precision=3, na_rep="")
        .format("{:.0f}", subset=[("this study", "support"), ("report", "support")], na_rep="")
    )


def comparison(groups: dict[str, Sequence[Run]], metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row a group of runs over seeds: per metric mean, low, high; and the seeds' count.

    With one run the interval is the bootstrap interval over test rows kept in its record.
    """
    rows = {}
    for name, runs in groups.items():
        row: dict[str, float] = {"runs": len(runs)}
        for metric in metrics:
            mean, low, high = mean_interval([run.metrics[metric] for run in runs])
            if len(runs) == 1:
                low, high = runs[0].metrics["intervals"][metric]
            row |= {metric: mean, f"{metric} low": low, f"{metric} high": high}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").astype({"runs": int})


def listed(runs: Mapping[str, Run], metric: str) -> str:
    """Return the runs' names and scores as prose lists them; "not run" where there is none."""
    scores = [f"{name} {run.metrics[metric]:.3f}" for name, run in runs.items()]
    return "; ".join(scores) or "not run"


def mean_and_reach(runs: Sequence[Run]) -> str:
    """Return mean accuracy and longest text of runs of one recipe, as prose says it.

    It is "not run" where there is none.
    """
    if not runs:
        return "not run"
    mean, _, _ = mean_interval([run.metrics["accuracy"] for run in runs])
    longest = runs[0].config["recipe"]["max_source_length"]
    return f"{mean:.3f}, texts up to {longest} tokens"


def claim_table(verdicts: pd.DataFrame, outcomes: Sequence[str]) -> Styler:
    """Return the claims with one of the verdicts: where, statement, report, measured, evidence."""
    chosen = verdicts[verdicts["verdict"].isin(outcomes)]
    table = pd.DataFrame(
        {
            "where": chosen["where"],
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "measured": chosen["measured"].map(shown),
            "verdict": chosen["verdict"],
            "evidence": chosen["evidence"],
        }
    )
    return framed(table).hide(axis="index")


def number_table(verdicts: pd.DataFrame) -> Styler:
    """Return the claims of kind number: the report's value, the published one, ours, the verdict.

    `with other weights` is what models other than the one named reached with the profile's own
    recipe.
    """
    chosen = verdicts[verdicts["kind"] == "number"]
    table = pd.DataFrame(
        {
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "published": chosen["published"].map(shown),
            "measured": chosen["measured"].map(shown),
            "with other weights": chosen["other_weights"],
            "verdict": chosen["verdict"],
        }
    )
    return framed(table).hide(axis="index")


def section_table(verdicts: pd.DataFrame, section: str) -> Styler:
    """Return the claims of one section of the report: statement, verdict, and why."""
    chosen = section_of(verdicts, section)
    reasons = chosen["evidence"].where(chosen["verdict"] != "not run", chosen["detail"])
    table = pd.DataFrame(
        {"the report says": chosen["statement"], "verdict": chosen["verdict"], "why": reasons}
    )
    return framed(table).hide(axis="index")


def section_of(verdicts: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return the rows of claims that the section makes; some are made in two."""
    return verdicts[verdicts["where"].str.contains(section, regex=False)]


def open_table(verdicts: pd.DataFrame) -> Styler:
    """Return the claims that were not run, and what is missing to judge each."""
    chosen = verdicts[verdicts["verdict"] == "not run"]
    table = pd.DataFrame(
        {
            "where": chosen["where"],
            "the report says": chosen["statement"],
            "report": chosen["report"].map(shown),
            "what is missing": chosen["detail"],
        }
    )
    return framed(table).hide(axis="index")


def shown(value: object) -> str:
    """Return a value of any type, short; nothing for a value that is not there."""
    if value is None or value != value:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
