"""Chapter 12's cards and figure: the report's claims with their verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from t5study.base.project import checkout
from t5study.chapters.style import HATCHES, PAGE, Picture, drawn, panels
from t5study.chapters.tables import Table, shown
from t5study.claims.judges import allowance, scorecard
from t5study.claims.published import load_published
from t5study.claims.schema import GROUPS, OUTCOMES, load_claims

if TYPE_CHECKING:
    from t5study.study import Study

COLOURS = {
    "reproduced": "#009e73",
    "exceeded": "#56b4e9",
    "agrees with published": "#0072b2",
    "met": "#8dc9b5",
    "not reproduced": "#d55e00",
    "corrected": "#cc79a7",
    "not met": "#e8a33d",
    "not run": "#d9d9d9",
}
PARTS: Mapping[str, tuple[str, str]] = {
    "Introduction": ("introduction", "00_from_recurrence_to_attention"),
    "Problem Statement": ("introduction", "00_from_recurrence_to_attention"),
    "Literature Review, BERT": ("BERT", "01_bert"),
    "List of References, BERT": ("BERT", "01_bert"),
    "Literature Review, GPT": ("GPT", "02_gpt"),
    "List of References, GPT": ("GPT", "02_gpt"),
    "Literature Review": ("introduction", "00_from_recurrence_to_attention"),
    "Research Gap": ("objectives", "03_t5"),
    "Objectives Covered 1": ("T5", "03_t5"),
    "Objectives Covered 2, GLUE": ("GLUE", "04_glue"),
    "Objectives Covered 2": ("examples of T5", "05_generation"),
    "Objectives Covered 3": ("set-up of the fine-tuning", "06_sentiment"),
    "Objectives Covered 4, Task 1": ("film reviews", "06_sentiment"),
    "Objectives Covered 4, Task 2": ("six emotions", "07_emotion"),
    "Objectives Covered 4": ("film reviews", "06_sentiment"),
    "Objectives": ("objectives", "13_how_far"),
    "Conclusion": ("conclusion to future scope", "13_how_far"),
    "Major Learnings": ("conclusion to future scope", "13_how_far"),
    "Limitations": ("conclusion to future scope", "13_how_far"),
    "Future Scope": ("conclusion to future scope", "13_how_far"),
    "Appendix": ("appendix", "06_sentiment"),
}
"""Sections of the report: the part they are shown under, and the chapter that answers them."""

_CHOSEN = {"verdict": "Verdict", "group": "Settled by", "part": "Part of the report"}
"""What claims are filtered by, and what it is called."""

_COMMAND = re.compile(r"^run `([^`]+)`.*?then `([^`]+)`")

_KEY = re.compile(r"^([a-z]+)(\d{4})")
"""Keys of references.bib begin with the first author and the year."""

_SCRIPT = """<script>
(() => {
  const form = document.getElementById("claim-filter");
  const claims = [...document.querySelectorAll(".claim")];
  const parts = [...document.querySelectorAll(".claims-part")];
  form.hidden = false;
  form.addEventListener("input", () => {
    const chosen = [...new FormData(form)].filter(([, value]) => value);
    let left = 0;
    for (const claim of claims) {
      claim.hidden = !chosen.every(([name, value]) => claim.dataset[name] === value);
      left += !claim.hidden;
    }
    for (const part of parts) part.hidden = !part.querySelector(".claim:not([hidden])");
    form.querySelector("output").textContent = `${left} of ${claims.length} shown`;
  });
})();
</script>"""


def part_of(where: str) -> str:
    """Return the part of the report that a claim is shown under, by its section."""
    return _section(where)[0]


def _section(where: str) -> tuple[str, str]:
    return next(found for name, found in PARTS.items() if where.startswith(name))


def counts(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return a row a verdict: how many claims of each group have it (of `claims.scorecard`)."""
    table = pd.crosstab(verdicts["verdict"], verdicts["group"])
    there = [outcome for outcome in OUTCOMES if outcome in table.index]
    table = table.reindex(index=there, columns=list(GROUPS), fill_value=0)
    return table.assign(all=table.sum(axis=1)).rename_axis("settled by")


@drawn
def plot_verdicts(verdicts: pd.DataFrame) -> Picture:
    """Draw how many claims of each group got each verdict (a table of `claims.scorecard`)."""
    import seaborn as sns

    there = [outcome for outcome in OUTCOMES if outcome in set(verdicts["verdict"])]
    table = verdicts.assign(group=pd.Categorical(verdicts["group"], GROUPS))
    figure, (axes,) = panels(1, 1, PAGE, 2.2)
    sns.histplot(
        table, y="group", hue="verdict", hue_order=there[::-1], multiple="stack", shrink=0.7,
        palette=COLOURS, alpha=1, edgecolor="white", ax=axes,
    )  # fmt: skip
    # Seaborn stacks the last one first.
    for number, bars in enumerate(axes.containers):
        for bar in bars:
            bar.set_hatch(HATCHES[number % len(HATCHES)])
    handles = [bars[0] for bars in axes.containers]
    axes.get_legend().remove()
    axes.set(xlabel="claims", ylabel="")
    axes.grid(axis="y", visible=False)
    figure.legend(handles, there, loc="outside upper center", ncols=4, frameon=False)
    return figure


def cards(verdicts: pd.DataFrame) -> Table:
    """Return all claims as a list that can be filtered, part by part of the report.

    A card has the statement, the verdict, what the report and others say and what was measured,
    why, and a link to what decides it. Without scripts the filter is not there and all is shown.
    """
    table = verdicts.assign(part=verdicts["where"].map(part_of))
    runs = commands(verdicts)
    lines = [_filter(table), '<div class="claims">']
    for part in dict.fromkeys(part for part, _ in PARTS.values()):
        of_part = table[table["part"] == part]
        if of_part.empty:
            continue
        lines.append(f'<section class="claims-part"><h3>{escape(part)}</h3><ul>')
        lines += [_card(claim, runs) for claim in of_part.to_dict("records")]
        lines.append("</ul></section>")
    plain = "\n".join(f"{claim.verdict:22} {claim.statement}" for claim in table.itertuples())
    return Table("\n".join([*lines, "</div>", _SCRIPT]), plain)


def commands(verdicts: pd.DataFrame) -> dict[str, int]:
    """Return the commands that would judge what was not run, each with its number."""
    found = (_COMMAND.match(detail) for detail in verdicts["detail"])
    return {
        command: number for number, command in enumerate(dict.fromkeys(m[1] for m in found if m), 1)
    }


def command_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the commands of `commands`, each with how many claims it would judge."""
    waiting = [m[1] for m in map(_COMMAND.match, verdicts["detail"]) if m]
    rows = [
        (number, command, waiting.count(command)) for command, number in commands(verdicts).items()
    ]
    return pd.DataFrame(rows, columns=["command", "with three seeds N", "claims"])


def _filter(table: pd.DataFrame) -> str:
    chosen = {
        "verdict": [o for o in OUTCOMES if o in set(table["verdict"])],
        "group": [g for g in GROUPS if g in set(table["group"])],
        "part": list(dict.fromkeys(table["part"])),
    }
    fields = [
        f'<label>{_CHOSEN[name]} <select name="{name}">'
        + _option("", f"all {len(table)}")
        + "".join(_option(v, f"{v} ({(table[name] == v).sum()})") for v in values)
        + "</select></label>"
        for name, values in chosen.items()
    ]
    return (
        f'<form id="claim-filter" hidden>{"".join(fields)}'
        '<output aria-live="polite"></output></form>'
    )


def _option(value: str, text: str) -> str:
    return f'<option value="{escape(value)}">{escape(text)}</option>'


def _card(claim: Mapping[str, object], runs: Mapping[str, int]) -> str:
    verdict = str(claim["verdict"])
    data = "".join(f' data-{key}="{escape(str(claim[key]))}"' for key in _CHOSEN)
    said = " · ".join(_said(claim))
    values = f'<span class="values">{escape(said)}</span> ' if said else ""
    return (
        f'<li class="claim" id="claim-{claim["id"]}"{data}>'
        f'<span class="verdict {verdict.replace(" ", "-")}">{escape(verdict)}</span>'
        f"<div><strong>{escape(str(claim['statement']))}</strong> "
        f"{values}{_linked(escape(_why(claim, runs)))} {_sources(claim)}{_link(claim)}</div></li>"
    )


def _said(claim: Mapping[str, object]) -> Iterable[str]:
    """The values of a claim, each with who gave it."""
    for name in ("report", "published", "measured"):
        if value := shown(claim[name]):
            yield f"{name} {value}"
    if other := str(claim["other_weights"]).partition(" (")[0]:
        yield f"other weights {other}"


def _why(claim: Mapping[str, object], runs: Mapping[str, int]) -> str:
    """The evidence, and of what was not run what is missing; a command by its number."""
    parts = [str(claim["evidence"])]
    if claim["verdict"] == "not run":
        found = _COMMAND.match(str(claim["detail"]))
        missing = f"Command {runs[found[1]]} would judge it" if found else str(claim["detail"])
        parts.insert(0, f"{missing[:1].upper()}{missing[1:].rstrip('.')}.")
    return " ".join(filter(None, parts))


def _linked(text: str) -> str:
    """A text with a link at each chapter that it names."""

    def link(found: re.Match) -> str:
        page = next((checkout() / "notebooks").glob(f"{int(found[2]):02}_*.py"), None)
        return f'<a href="{page.stem}.html">{found[0]}</a>' if page else found[0]

    return re.sub(r"\b([Cc]hapter) (\d+)\b", link, text)


def _link(claim: Mapping[str, object]) -> str:
    """A link to the place that decides a claim; `see` is a chapter and perhaps a label in it."""
    page, _, label = str(claim["see"] or _section(str(claim["where"]))[1]).partition("#")
    anchor = f"#{label}" if label else ""
    return f'<a href="{page}.html{anchor}">Chapter {int(page[:2])}</a>'


def _sources(claim: Mapping[str, object]) -> str:
    """Who is cited, in a few words, with a link to the list of references."""
    named = (_KEY.match(key) for key in str(claim["cite"]).split(", "))
    words = ", ".join(f"{found[1].title()} {found[2]}" for found in named if found)
    return f'(<a href="../book/references.html">{words}</a>) ' if words else ""


def said(study: Study, ids: Sequence[str]) -> Table:
    """Return the named claims as a list, each with its verdict by the runs that the page used.

    The verdict is a link to the claim's card on the scorecard.
    """
    claims = [claim for claim in load_claims() if claim.id in ids]
    verdicts = scorecard(claims, study.used)
    items = "".join(
        f"<li>{escape(claim.statement)} {_number(claim)}"
        f'<a href="12_scorecard.html#claim-{claim.id}">{escape(claim.verdict)}</a></li>'
        for claim in verdicts.itertuples()
    )
    plain = "\n".join(f"{claim.statement} {claim.verdict}" for claim in verdicts.itertuples())
    return Table(f'<ul class="said">{items}</ul>', plain)


def _number(claim: Any) -> str:
    """The report's number, where a statement is about one and does not say it."""
    value = claim.report
    number = isinstance(value, int | float) and not isinstance(value, bool) and shown(value)
    said = re.search(r"\d", claim.statement)
    return f'<span class="values">{number}</span> ' if number and not said else ""


def section_of(verdicts: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return the rows of claims that the section makes; some are made in two."""
    return verdicts[verdicts["where"].str.contains(section, regex=False)]


def in_words(verdicts: pd.DataFrame, section: str) -> str:
    """Return how many statements of a section have which verdict, as prose lists them."""
    found = section_of(verdicts, section)["verdict"].value_counts()
    words = {"agrees with published": "in agreement with what was published"}
    parts = [f"{found[o]} {words.get(o, o)}" for o in OUTCOMES if o in found]
    return f"{found.sum()} in all, {', '.join(parts)}"


CARD = "emotion, MiniLM, the card's recipe"
"""The experiment that repeats a published model's card, where a profile has it."""
CARD_NUMBERS = {"accuracy": "emotion-minilm-card", "weighted_f1": "emotion-minilm-card-f1"}


def card_table(study: Study) -> pd.DataFrame:
    """Return the card's numbers beside ours, a row a metric, and whether they agree.

    `from` and `to` bound where one more seed of ours would fall, with 95 %, by Student's t.
    """
    runs, published = study.runs(CARD), load_published()
    rows = {}
    for metric, number in CARD_NUMBERS.items():
        scores = [run.metrics[metric] for run in runs]
        mean, allowed, card = float(np.mean(scores)), allowance(scores, 0), published.value(number)
        rows[metric.replace("_", " ")] = {
            "card": card,
            "seed 42": scores[0],
            "mean": mean,
            "lowest": min(scores),
            "highest": max(scores),
            "from": mean - allowed,
            "to": mean + allowed,
            "verdict": "reproduced" if abs(card - mean) <= allowed else "not reproduced",
        }
    return pd.DataFrame.from_dict(rows, orient="index")
