"""What a claim is: a statement of the report, the check that judges it, and the verdict.

The claims are kept in `book/claims.yml`. A check reads run records, counts something in the
report's own tables or in the models' shapes, or cites evidence; it never trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from t5study.base.reading import checked, read_yaml
from t5study.base.settings import Settings
from t5study.claims.facts import FACTS, READINGS, Value
from t5study.claims.published import book_file

Outcome = Literal[
    "reproduced",
    "exceeded",
    "agrees with published",
    "met",
    "not reproduced",
    "corrected",
    "not met",
    "not run",
]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
GROUPS = ("the literature", "the report's own pages", "measuring here")
"""What settles a claim: facts of the literature, arithmetic of what is printed, and runs."""


class RunCheck(Settings):
    """A metric of fine-tuning runs on a whole task.

    `model` is the checkpoint that the claim is about: no other judges it. Without `model` any run
    on the task does, baselines too: right only for what does not depend on the model.
    """

    by: Literal["run"]
    task: str
    metric: str
    model: str | None = None


class OrderCheck(Settings):
    """One model's metric lies above another's on the same whole task."""

    by: Literal["order"]
    task: str
    metric: str
    above: str
    below: str


class GainCheck(Settings):
    """Pre-training helps: pre-trained runs lie above runs from scratch on the same whole task.

    The two differ in their first weights alone and are paired by seed.
    """

    by: Literal["gain"]
    task: str
    metric: str


class ObservationCheck(Settings):
    """A number in the record of an observation with one limit, or a reading of the record.

    `reading` names a function of `t5study.claims.facts`.
    """

    by: Literal["observation"]
    name: str
    model: str | None = None
    value: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    reading: str | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> ObservationCheck:
        limits = (self.at_least is not None) + (self.at_most is not None)
        if self.reading is not None:
            if self.reading not in READINGS:
                known = ", ".join(sorted(READINGS))
                raise ValueError(f"there is no reading '{self.reading}', only {known}")
            if limits or self.value is not None:
                raise ValueError("a reading is complete: leave out value, at_least and at_most")
        elif limits != 1 or self.value is None:
            raise ValueError("give a value with exactly one of at_least and at_most, or a reading")
        return self


class FactCheck(Settings):
    """Something counted (`t5study.claims.facts`), with a limit or else the report's value."""

    by: Literal["fact"]
    fact: str
    arguments: dict[str, Value] = Field({})
    tolerance: float = 0.0
    equals: Value | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _known(self) -> FactCheck:
        if self.fact not in FACTS:
            raise ValueError(f"there is no fact '{self.fact}', only {', '.join(sorted(FACTS))}")
        if self.equals is not None and self.at_least is not None:
            raise ValueError("give at most one of equals and at_least")
        return self

    @property
    def has_limit(self) -> bool:
        """Whether the check says itself what the fact must be."""
        return self.equals is not None or self.at_least is not None


class EvidenceCheck(Settings):
    """Settled by reading: the literature, or the report itself."""

    by: Literal["evidence"]
    verdict: Literal["agrees with published", "reproduced", "corrected", "met", "not met"]


class OpenCheck(Settings):
    """Nothing here can judge it, and `why` says so."""

    by: Literal["open"]
    why: str


Check = Annotated[
    RunCheck | OrderCheck | GainCheck | ObservationCheck | FactCheck | EvidenceCheck | OpenCheck,
    Field(discriminator="by"),
]


class Claim(Settings):
    """One checkable statement of the report, in our words.

    `where` is the section of the report; `evidence` what a reader needs to follow the verdict;
    `cite` keys of `book/references.bib`; `published` the id of a number in `book/published.yml`
    that stands beside it; `see` the place in the book that decides it, as chapter#label, where that
    is not the chapter of its section.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    where: str
    statement: str
    kind: Literal["number", "ranking", "fact", "behaviour", "objective"]
    report_value: Value | None = None
    check: Check
    evidence: str = ""
    cite: list[str] = Field([])
    published: str | None = None
    see: Annotated[str, Field(pattern=r"^[0-9]{2}_\w+(#[\w-]+)?$")] | None = None

    @model_validator(mode="after")
    def _judgeable(self) -> Claim:
        limited = isinstance(self.check, FactCheck) and self.check.has_limit
        needs_value = isinstance(self.check, RunCheck | FactCheck) and not limited
        if needs_value and self.report_value is None:
            raise ValueError("a claim judged by a run or a fact needs report_value")
        if self.kind == "number" and isinstance(self.report_value, str):
            raise ValueError("a claim of kind number needs a number as report_value")
        if isinstance(self.check, EvidenceCheck) and not self.evidence:
            raise ValueError("a claim settled by reading needs its evidence")
        return self

    @property
    def group(self) -> str:
        """What settles the claim, one of `GROUPS`; of an open one, what would."""
        literature, pages, measuring = GROUPS
        match self.check:
            case EvidenceCheck(verdict="agrees with published" | "corrected"):
                return literature
            case FactCheck(fact="training_memory"):
                return measuring
            case EvidenceCheck() | FactCheck():
                return pages
            case OpenCheck() if self.kind in ("fact", "ranking"):
                return literature
            case _:
                return measuring


class _Claims(Settings):
    """The whole of `book/claims.yml`."""

    claims: list[Claim]

    @model_validator(mode="after")
    def _distinct(self) -> _Claims:
        names = [claim.id for claim in self.claims]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the claim {twice[0]} is given twice")
        return self


def load_claims(path: Path | None = None) -> list[Claim]:
    """Read and check `book/claims.yml` (or `path`).

    Raises:
        StudyError: the file is missing, has an unknown key, a bad value or an id twice.
    """
    path = path or book_file("claims.yml")
    return checked(_Claims, read_yaml(path), path.name).claims


@dataclass(frozen=True)
class Verdict:
    """What became of one claim.

    `measured` is what this study found (a mean over `seeds`, where there are several);
    `other_weights` what other weights reached on the same task and metric, in words.
    """

    claim: Claim
    verdict: Outcome
    measured: Value | None = None
    seeds: int = 0
    detail: str = ""
    other_weights: str = ""

    def row(self, published: float | None) -> dict[str, Any]:
        """Return the row of a scorecard, with what others published beside it."""
        claim = self.claim
        return {
            "id": claim.id,
            "where": claim.where,
            "statement": claim.statement,
            "kind": claim.kind,
            "report": claim.report_value,
            "published": published,
            "measured": self.measured,
            "seeds": self.seeds,
            "verdict": self.verdict,
            "detail": self.detail,
            "other_weights": self.other_weights,
            "evidence": claim.evidence,
            "cite": ", ".join(claim.cite),
            "group": claim.group,
            "see": claim.see or "",
        }
