"""Claims: what the report states, and what this study found.

Each claim of ``book/claims.yml`` names the check that judges it. A check reads run records, counts
something in the report's own tables or in the models' shapes, or cites evidence; it never trains.
A claim whose run is absent is "not run": never an error, never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from scipy.stats import t as student_t

from t5study.base.errors import StudyError
from t5study.claims.facts import FACTS, ROUNDING, Value, effective_batch
from t5study.claims.published import book_file, load_published, read_checked
from t5study.runs.record import canonical

Outcome = Literal["reproduced", "exceeded", "not reproduced", "corrected", "not run"]

OUTCOMES: tuple[str, ...] = ("reproduced", "exceeded", "not reproduced", "corrected", "not run")
ENOUGH_SEEDS = 3
_LOOKED_AT = ("observation", "measurement")
SAME_LOSS = 1e-4


class Record(Protocol):
    """What a claim needs of a run: `t5study.runs.record.Run`, or any object with these two."""

    config: dict[str, Any]
    metrics: dict[str, Any]


class _Entry(BaseModel):
    """Strict keys, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunCheck(_Entry):
    """A metric of fine-tuning runs on a whole task.

    `model` is the checkpoint that the claim is about: no other judges it. Without `model` any run
    on the task does, baselines too: right only for what does not depend on the model.
    """

    by: Literal["run"]
    task: str
    metric: str
    model: str | None = None


class OrderCheck(_Entry):
    """One model's metric lies above another's on the same whole task."""

    by: Literal["order"]
    task: str
    metric: str
    above: str
    below: str


class GainCheck(_Entry):
    """Pre-training helps: pre-trained runs lie above runs from scratch on the same whole task.

    The two differ in their first weights alone and are paired by seed.
    """

    by: Literal["gain"]
    task: str
    metric: str


class _Condition(_Entry):
    """What a value must be: at most one of the three."""

    equals: Value | None = None
    at_least: float | None = None
    at_most: float | None = None

    def _given(self) -> int:
        return sum(limit is not None for limit in (self.equals, self.at_least, self.at_most))

    def met_by(self, value: Any) -> bool:
        """Return whether `value` meets the condition."""
        if self.equals is not None:
            return value == self.equals
        if self.at_least is not None:
            return float(value) >= self.at_least
        return self.at_most is None or float(value) <= self.at_most


class ObservationCheck(_Condition):
    """A value in the record of an observation or a measurement, with exactly one condition.

    `over` names another value of the record: then the quotient of the two is judged, and of two
    lists the median of their quotients. `same_as` names one that must be the same. `unit` is
    printed after what was measured.
    """

    by: Literal["observation"]
    name: str
    value: str
    model: str | None = None
    over: str | None = None
    same_as: str | None = None
    unit: str = ""

    @model_validator(mode="after")
    def _one_condition(self) -> ObservationCheck:
        if self._given() + (self.same_as is not None) != 1:
            raise ValueError("give exactly one of equals, same_as, at_least and at_most")
        return self


class FactCheck(_Condition):
    """Something counted (`t5study.claims.facts`), with a limit or else the report's value."""

    by: Literal["fact"]
    fact: str
    arguments: dict[str, Value] = {}
    tolerance: float = 0.0

    @model_validator(mode="after")
    def _known(self) -> FactCheck:
        if self.fact not in FACTS:
            raise ValueError(f"there is no fact '{self.fact}', only {', '.join(sorted(FACTS))}")
        if self._given() > 1:
            raise ValueError("give at most one of equals, at_least and at_most")
        return self

    @property
    def has_limit(self) -> bool:
        """Whether the check says itself what the fact must be."""
        return self._given() == 1


class EvidenceCheck(_Entry):
    """Settled by reading: the literature, or the report itself."""

    by: Literal["evidence"]
    verdict: Literal["reproduced", "corrected"]


class OpenCheck(_Entry):
    """Nothing here can judge it, and `why` says so."""

    by: Literal["open"]
    why: str


Check = Annotated[
    RunCheck | OrderCheck | GainCheck | ObservationCheck | FactCheck | EvidenceCheck | OpenCheck,
    Field(discriminator="by"),
]


class Claim(_Entry):
    """One checkable statement of the report, in our words.

    `where` is the section of the report; `evidence` what a reader needs to follow the verdict;
    `cite` keys of ``book/references.bib``; `published` the id of a number in
    ``book/published.yml`` that stands beside it.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    where: str
    statement: str
    kind: Literal["number", "ranking", "fact", "behaviour"]
    report_value: Value | None = None
    check: Check
    evidence: str = ""
    cite: list[str] = []
    published: str | None = None

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


class _Claims(RootModel[list[Claim]]):
    """The whole of ``book/claims.yml``."""

    @model_validator(mode="after")
    def _distinct(self) -> _Claims:
        names = [claim.id for claim in self.root]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the claim {twice[0]} is given twice")
        return self


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


def load_claims(path: Path | None = None) -> list[Claim]:
    """Read and check ``book/claims.yml`` (or `path`).

    Raises:
        StudyError: the file is missing, has an unknown key, a bad value or an id twice.
    """
    return read_checked(_Claims, path or book_file("claims.yml")).root


def judge(claim: Claim, runs: Iterable[Record]) -> Verdict:
    """Judge one claim by the run records at hand.

    A number is reproduced if the mean over k >= 3 seeds lies within
    t(k-1, .975) * s * sqrt(1 + 1/k) + 0.005 of the report's, exceeded above that: the interval in
    which one more run, the report's, would be expected, and the rounding of its print.
    """
    judges: dict[type, Callable[[Claim, list[Record]], Verdict]] = {
        RunCheck: _by_run,
        OrderCheck: _by_order,
        GainCheck: _by_gain,
        ObservationCheck: _by_observation,
        FactCheck: _by_fact,
        EvidenceCheck: _by_evidence,
        OpenCheck: _by_nothing,
    }
    return judges[type(claim.check)](claim, list(runs))


def scorecard(claims: Iterable[Claim], store: Any) -> pd.DataFrame:
    """Judge all claims; one row a claim, in their order.

    Args:
        claims: those of :func:`load_claims`.
        store: a `RunStore`, or a list of runs.

    Returns:
        Columns: id, where, statement, kind, report, published, measured, seeds, verdict, detail,
        other_weights, evidence, cite.
    """
    runs = list(store.runs()) if hasattr(store, "runs") else list(store)
    return pd.DataFrame([_row(judge(claim, runs)) for claim in claims])


def _row(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "id": claim.id,
        "where": claim.where,
        "statement": claim.statement,
        "kind": claim.kind,
        "report": claim.report_value,
        "published": load_published().value(claim.published) if claim.published else None,
        "measured": verdict.measured,
        "seeds": verdict.seeds,
        "verdict": verdict.verdict,
        "detail": verdict.detail,
        "other_weights": verdict.other_weights,
        "evidence": claim.evidence,
        "cite": ", ".join(claim.cite),
    }


# --- judged by runs ----------------------------------------------------------------------------


def model_name(config: dict[str, Any]) -> str:
    """Return the checkpoint's name of a fine-tuning, or what a baseline is called."""
    model = config.get("model", config.get("name", ""))
    return str(model.get("name", "")) if isinstance(model, dict) else str(model)


def _on_whole_task(
    config: dict[str, Any], task: str, splits: tuple[str, ...] = ("train", "test")
) -> bool:
    """Whether a fine-tuning or baseline is on all rows of these splits of the task."""
    data = config.get("data", {})
    limits = [data[split][1] for split in splits if split in data]
    return (
        config.get("kind") in ("finetune", "baseline")
        and config.get("task") == task
        and all(limit is None for limit in limits)
    )


def _is_checkpoint(config: dict[str, Any], model: str) -> bool:
    """Whether a run started from the published weights of `model`."""
    return config.get("init") == "pretrained" and model_name(config) == model


def look_up(values: Any, path: str) -> Any:
    """Return what lies at a path such as ``per_label.love.recall``, or None.

    A step into a list is a position, or ``[key=text]`` for the first entry that has it.
    """
    for step in re.findall(r"\[[^\]]*\]|[^.\[\]]+", path):
        if step.startswith("["):
            key, _, text = step[1:-1].partition("=")
            entries = values if isinstance(values, list) else []
            values = next((entry for entry in entries if str(entry.get(key)) == text), None)
        elif isinstance(values, list):
            values = values[int(step)] if step.isdigit() and int(step) < len(values) else None
        else:
            values = values.get(step) if isinstance(values, dict) else None
    return values


def _score(run: Record, metric: str) -> Any:
    """A metric of a run, or None; the weighted averages that no record keeps are formed here."""
    column = metric.removeprefix("weighted_")
    labels = run.metrics.get("per_label")
    if column in ("precision", "recall") and column != metric and labels:
        rows = list(labels.values())
        supports = [row["support"] for row in rows]
        return float(np.average([row[column] for row in rows], weights=supports))
    return look_up(run.metrics, metric)


def _groups(runs: Iterable[Record], metric: str) -> list[list[Record]]:
    """Runs that have the metric, in groups that differ in nothing but the seed."""
    found: dict[str, list[Record]] = {}
    for run in runs:
        if _score(run, metric) is not None:
            shared = {key: value for key, value in run.config.items() if key != "seed"}
            found.setdefault(canonical(shared), []).append(run)
    return [found[key] for key in sorted(found)]


def _scores(group: list[Record], metric: str) -> list[float]:
    return [float(_score(run, metric)) for run in group]


def _has_report_recipe(config: dict[str, Any]) -> bool:
    recipe = config.get("recipe", {})
    argument = load_published().argument
    return (
        recipe.get("learning_rate") == argument("learning_rate")
        and recipe.get("epochs") == argument("num_train_epochs")
        and recipe.get("batch_size") == effective_batch()
        and recipe.get("optimizer") == "adamw"
    )


def _chosen(groups: list[list[Record]]) -> list[Record]:
    """The runs that judge: enough seeds first, then the report's recipe, then most seeds.

    The scores themselves play no part in the choice.
    """
    return max(
        groups,
        key=lambda group: (
            len(group) >= ENOUGH_SEEDS,
            _has_report_recipe(group[0].config),
            len(group),
        ),
    )


def _with_own_recipe(groups: list[list[Record]]) -> list[Record]:
    """The runs of a task's own chapter: the profile's recipe for it, from the profile's checkpoint.

    By this key: most seeds, since another recipe that is tried beside it is run once; pre-trained
    before random weights; the profile's own checkpoint before one of another budget, which
    `Study.checkpoint` names by its tokens. Groups that are alike in all three are taken in the
    order of their configurations. No score plays a part: the best of several recipes on the test
    set would have been chosen by the test set.
    """
    return max(
        groups,
        key=lambda group: (
            len(group),
            group[0].config["init"] == "pretrained",
            not model_name(group[0].config).endswith(" tokens"),
        ),
    )


def allowance(scores: list[float]) -> float:
    """Return how far the mean of k >= 2 seeds may lie from the report's printed number."""
    k = len(scores)
    spread = float(np.std(scores, ddof=1))
    return float(student_t.ppf(0.975, k - 1)) * spread * (1 + 1 / k) ** 0.5 + ROUNDING


def _by_run(claim: Claim, runs: list[Record]) -> Verdict:
    check = claim.check
    if check.model is None:
        return _by_any_run(claim, runs)
    on_task = [run for run in runs if _on_whole_task(run.config, check.task)]
    own = [run for run in on_task if _is_checkpoint(run.config, check.model)]
    others = [run for run in on_task if run not in own and run.config["kind"] == "finetune"]
    reached = _other_weights(others, check.metric)
    groups = _groups(own, check.metric)
    if not groups:
        return Verdict(
            claim, "not run", detail=_how_to_run(check.task, check.model), other_weights=reached
        )
    scores = _scores(_chosen(groups), check.metric)
    mean, k = float(np.mean(scores)), len(scores)
    if k < ENOUGH_SEEDS:
        detail = f"{k} of {ENOUGH_SEEDS} seeds that a verdict needs"
        return Verdict(claim, "not run", mean, k, detail, reached)
    allowed = allowance(scores)
    gap = mean - float(claim.report_value)
    outcome = "reproduced" if abs(gap) <= allowed else "exceeded" if gap > 0 else "not reproduced"
    detail = f"{gap:+.3f} from the report, within {allowed:.3f} counts as the same"
    return Verdict(claim, outcome, mean, k, detail, reached)


def _by_any_run(claim: Claim, runs: list[Record]) -> Verdict:
    """What does not depend on the model: every run on the whole test set must agree."""
    check = claim.check
    on_test = [run for run in runs if _on_whole_task(run.config, check.task, ("test",))]
    scores = [look_up(run.metrics, check.metric) for run in on_test]
    scores = [score for score in scores if score is not None]
    if not scores:
        return Verdict(claim, "not run", detail=f"no run on the whole test set of {check.task}")
    wrong = [score for score in scores if score != claim.report_value]
    measured = wrong[0] if wrong else scores[0]
    return Verdict(claim, "corrected" if wrong else "reproduced", measured, len(scores))


def _how_to_run(task: str, model: str) -> str:
    """The command, into the store from which the profile `full` is judged."""
    command = f"t5study finetune --task {task} --model {model} --seed N"
    return (
        f"run `T5STUDY_STORE=_build/full/runs {command}` for {ENOUGH_SEEDS} seeds, then "
        "`t5study claims --profile full`"
    )


def _other_weights(runs: list[Record], metric: str) -> str:
    """The mean that other weights reached with the profile's own recipe, in words."""
    groups = _groups(runs, metric)
    if not groups:
        return ""
    group = _with_own_recipe(groups)
    config, scores = group[0].config, _scores(group, metric)
    init = "random weights" if config["init"] == "scratch" else "weights of its own"
    seeds = "1 seed" if len(scores) == 1 else f"{len(scores)} seeds"
    return f"{np.mean(scores):.3f} ({model_name(config)}, {init}, {seeds}; {_in_words(config)})"


def _in_words(config: dict[str, Any]) -> str:
    """What of a fine-tuning's recipe differs most from task to task."""
    recipe = config["recipe"]
    epochs = "1 epoch" if recipe["epochs"] == 1 else f"{recipe['epochs']} epochs"
    return (
        f"{epochs} of {recipe['optimizer']} at {recipe['learning_rate']:g}, "
        f"texts up to {recipe['max_source_length']} tokens"
    )


def _by_order(claim: Claim, runs: list[Record]) -> Verdict:
    """Welch's interval of the difference of two means must lie above zero."""
    check = claim.check
    on_task = [run for run in runs if _on_whole_task(run.config, check.task)]
    sides = []
    for name in (check.above, check.below):
        fitting = [
            run
            for run in on_task
            if _is_checkpoint(run.config, name)
            or (run.config["kind"] == "baseline" and model_name(run.config) == name)
        ]
        groups = _groups(fitting, check.metric)
        if not groups:
            detail = f"no run of {name} on the whole of {check.task}"
            return Verdict(claim, "not run", detail=detail)
        baseline = fitting[0].config["kind"] == "baseline"
        scores = _scores(_chosen(groups), check.metric)
        if len(scores) < ENOUGH_SEEDS and not baseline:
            detail = f"{len(scores)} of {ENOUGH_SEEDS} seeds of {name} that a verdict needs"
            return Verdict(claim, "not run", seeds=len(scores), detail=detail)
        sides.append(scores)
    gap = float(np.mean(sides[0]) - np.mean(sides[1]))
    half = _welch(*sides)
    detail = f"{check.above} minus {check.below}: {gap:+.3f}, 95 % interval ± {half:.3f}"
    outcome = "reproduced" if gap > half else "not reproduced"
    return Verdict(claim, outcome, gap, min(map(len, sides)), detail)


def _by_gain(claim: Claim, runs: list[Record]) -> Verdict:
    """The mean gain must exceed two standard errors; the most seeds of one recipe judge.

    Few seeds make that a loose rule, so Student's interval is said as well.
    """
    check = claim.check
    pairs: dict[str, dict[str, dict[int, float]]] = {}
    for run in runs:
        config, score = run.config, look_up(run.metrics, check.metric)
        if config.get("kind") != "finetune" or not _on_whole_task(config, check.task):
            continue
        shared = {k: v for k, v in config.items() if k not in ("seed", "init", "model")}
        # The two start from one design; its name is the same, what identifies the weights is not.
        key = canonical({**shared, "name": model_name(config)})
        if score is not None:
            sides = pairs.setdefault(key, {"pretrained": {}, "scratch": {}})
            sides[config["init"]][config["seed"]] = float(score)
    gaps = max(
        (
            [sides["pretrained"][seed] - sides["scratch"][seed] for seed in sorted(both)]
            for sides in pairs.values()
            if (both := set(sides["pretrained"]) & set(sides["scratch"]))
        ),
        key=len,
        default=[],
    )
    if len(gaps) < ENOUGH_SEEDS:
        detail = (
            f"{len(gaps)} of {ENOUGH_SEEDS} seeds, pre-trained and from scratch on the whole of "
            f"{check.task}: `t5study reproduce --profile self-pretrained --chapter 08`"
        )
        return Verdict(claim, "not run", seeds=len(gaps), detail=detail)
    gain, error = float(np.mean(gaps)), float(np.std(gaps, ddof=1)) / len(gaps) ** 0.5
    half = float(student_t.ppf(0.975, len(gaps) - 1)) * error
    detail = f"gain {gain:+.3f}, standard error {error:.3f}, Student's 95 % interval ± {half:.3f}"
    outcome = "reproduced" if gain > 2 * error else "not reproduced"
    return Verdict(claim, outcome, gain, len(gaps), detail)


def _welch(first: list[float], second: list[float]) -> float:
    """Half-width of the 95 % interval of a difference of means; one score has no variance."""
    parts = [
        (float(np.var(scores, ddof=1)) / len(scores), len(scores) - 1)
        for scores in (first, second)
        if len(scores) > 1
    ]
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    return float(student_t.ppf(0.975, freedom)) * total**0.5


def _by_observation(claim: Claim, runs: list[Record]) -> Verdict:
    """Every record of the observation must meet the condition."""
    check = claim.check
    found = []
    for run in runs:
        config = run.config
        if config.get("kind") not in _LOOKED_AT or config.get("name") != check.name:
            continue
        if check.model is not None and model_name(config) != check.model:
            continue
        values = _observed(run)
        value = _looked_at(check, values)
        if value is not None:
            found.append((value, _meets(check, value, values)))
    if not found:
        of = f" of {check.model}" if check.model else ""
        detail = f"the observation {check.name}{of} was not made"
        return Verdict(claim, "not run", detail=detail)
    failing = [value for value, met in found if not met]
    measured = failing[0] if failing else found[0][0]
    if check.unit:
        measured = f"{measured:.3g} {check.unit}"
    if not failing:
        return Verdict(claim, "reproduced", measured, len(found))
    outcome = "corrected" if claim.kind == "fact" else "not reproduced"
    return Verdict(claim, outcome, measured, len(found))


def _observed(run: Record) -> dict[str, Any]:
    """What an observation kept: the values, and whatever it put among the metrics."""
    try:
        values = getattr(run, "values", {})
    except StudyError:
        values = {}
    return {**run.metrics, **(values if isinstance(values, dict) else {})}


def _looked_at(check: ObservationCheck, values: dict[str, Any]) -> Any:
    """The value that is judged, None where the record lacks it."""
    value = look_up(values, check.value)
    if check.over is None:
        return value
    divisor = look_up(values, check.over)
    if value is None or divisor is None:
        return None
    return float(np.median(np.divide(value, divisor)))


def _meets(check: ObservationCheck, value: Any, values: dict[str, Any]) -> bool:
    if check.same_as is None:
        return check.met_by(value)
    other = look_up(values, check.same_as)
    return other is not None and abs(float(value) - float(other)) <= SAME_LOSS


# --- judged without runs -----------------------------------------------------------------------


def _by_fact(claim: Claim, _: list[Record]) -> Verdict:
    check = claim.check
    try:
        measured = FACTS[check.fact](**check.arguments)
    except StudyError as error:
        return Verdict(claim, "not run", detail=str(error))
    same = (
        check.met_by(measured)
        if check.has_limit
        else _same(measured, claim.report_value, check.tolerance)
    )
    return Verdict(claim, "reproduced" if same else "corrected", measured)


def _same(measured: Value, reported: Value, tolerance: float) -> bool:
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in (measured, reported)
    )
    if numbers:
        # The sum of two roundings to two decimals must not fail by a last binary digit.
        return abs(float(measured) - float(reported)) <= tolerance + 1e-9
    return measured == reported


def _by_evidence(claim: Claim, _: list[Record]) -> Verdict:
    return Verdict(claim, claim.check.verdict, detail="settled by reading")


def _by_nothing(claim: Claim, _: list[Record]) -> Verdict:
    return Verdict(claim, "not run", detail=claim.check.why)
