"""Judges: one function for each kind of check, from a claim and the run records to a verdict.

A claim whose run is absent is "not run": never an error, never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from t5study.base.errors import StudyError
from t5study.claims.facts import FACTS, READINGS, ROUNDING, Reading, Seen, Value, effective_batch
from t5study.claims.published import load_published
from t5study.claims.records import (
    Record,
    by_seed,
    is_checkpoint,
    look_up,
    model_name,
    on_whole_task,
    scores_of,
)
from t5study.claims.schema import Claim, ObservationCheck, Verdict
from t5study.judging.scores import student
from t5study.runs.record import canonical

ENOUGH_SEEDS = 3


def judge(claim: Claim, runs: Iterable[Record]) -> Verdict:
    """Judge one claim by the run records at hand.

    A number is reproduced if the mean over k >= 3 seeds lies within
    t(k-1, .975) * s * sqrt(1 + 1/k) + 0.005 of the report's, exceeded above that: the interval in
    which one more run, the report's, would be expected, and the rounding of its print.
    """
    return JUDGES[claim.check.by](claim, list(runs))


def scorecard(claims: Iterable[Claim], store: Any) -> pd.DataFrame:
    """Judge all claims; one row a claim, in their order.

    Args:
        claims: those of `load_claims`.
        store: a `RunStore`, or a list of runs.

    Returns:
        Columns: id, where, statement, kind, report, published, measured, seeds, verdict, detail,
        other_weights, evidence, cite, group, see.
    """
    runs = list(store.runs()) if hasattr(store, "runs") else list(store)
    published = load_published()
    return pd.DataFrame(
        [
            judge(claim, runs).row(published.value(claim.published) if claim.published else None)
            for claim in claims
        ]
    )


# --- judged by runs ----------------------------------------------------------------------------


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


def allowance(scores: list[float], rounding: float = ROUNDING) -> float:
    """Return how far the mean of k >= 2 seeds may lie from another's number, printed rounded."""
    k = len(scores)
    spread = float(np.std(scores, ddof=1))
    return student(k - 1) * spread * (1 + 1 / k) ** 0.5 + rounding


def _by_run(claim: Claim, runs: list[Record]) -> Verdict:
    check = claim.check
    if check.model is None:
        return _by_any_run(claim, runs)
    on_task = [run for run in runs if on_whole_task(run.config, check.task)]
    own = [run for run in on_task if is_checkpoint(run.config, check.model)]
    others = [run for run in on_task if run not in own and run.config["kind"] == "finetune"]
    reached = _other_weights(others, check.metric)
    groups = by_seed(own, check.metric)
    if not groups:
        return Verdict(
            claim, "not run", detail=_how_to_run(check.task, check.model), other_weights=reached
        )
    scores = scores_of(_chosen(groups), check.metric)
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
    on_test = [run for run in runs if on_whole_task(run.config, check.task, ("test",))]
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
    groups = by_seed(runs, metric)
    if not groups:
        return ""
    group = _with_own_recipe(groups)
    config, scores = group[0].config, scores_of(group, metric)
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
    on_task = [run for run in runs if on_whole_task(run.config, check.task)]
    sides = []
    for name in (check.above, check.below):
        fitting = [
            run
            for run in on_task
            if is_checkpoint(run.config, name)
            or (run.config["kind"] == "baseline" and model_name(run.config) == name)
        ]
        groups = by_seed(fitting, check.metric)
        if not groups:
            detail = f"no run of {name} on the whole of {check.task}"
            return Verdict(claim, "not run", detail=detail)
        baseline = fitting[0].config["kind"] == "baseline"
        scores = scores_of(_chosen(groups), check.metric)
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
        if config.get("kind") != "finetune" or not on_whole_task(config, check.task):
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
            f"{check.task}: `t5study reproduce --profile published --chapter 08`"
        )
        return Verdict(claim, "not run", seeds=len(gaps), detail=detail)
    gain, error = float(np.mean(gaps)), float(np.std(gaps, ddof=1)) / len(gaps) ** 0.5
    half = student(len(gaps) - 1) * error
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
    return student(freedom) * total**0.5


def _by_observation(claim: Claim, runs: list[Record]) -> Verdict:
    """Every record of the observation must meet the condition."""
    check = claim.check
    read = READINGS[check.reading] if check.reading else _within_limit(check)
    found = [
        seen
        for run in runs
        if run.config.get("kind") in ("observation", "measurement")
        and run.config.get("name") == check.name
        and check.model in (None, model_name(run.config))
        and (seen := read(_observed(run), claim.report_value)) is not None
    ]
    if not found:
        of = f" of {check.model}" if check.model else ""
        detail = f"the observation {check.name}{of} was not made"
        return Verdict(claim, "not run", detail=detail)
    measured, met = min(found, key=lambda seen: seen[1])
    failed = "corrected" if claim.kind == "fact" else "not reproduced"
    return Verdict(claim, "reproduced" if met else failed, measured, len(found))


def _within_limit(check: ObservationCheck) -> Reading:
    """A reading of one value that has a limit."""

    def read(values: Mapping[str, Any], _: Value | None) -> Seen:
        value = look_up(values, check.value)
        if value is None:
            return None
        if check.at_least is not None:
            return value, value >= check.at_least
        return value, value <= check.at_most

    return read


def _observed(run: Record) -> dict[str, Any]:
    """What an observation kept: the values, and whatever it put among the metrics."""
    try:
        values = getattr(run, "values", {})
    except StudyError:
        values = {}
    return {**run.metrics, **values}


# --- judged without runs -----------------------------------------------------------------------


def _by_fact(claim: Claim, _: list[Record]) -> Verdict:
    check = claim.check
    try:
        measured = FACTS[check.fact](**check.arguments)
    except StudyError as error:
        return Verdict(claim, "not run", detail=str(error))
    if check.at_least is not None:
        same = measured >= check.at_least
    else:
        wanted = claim.report_value if check.equals is None else check.equals
        same = _same(measured, wanted, check.tolerance)
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


JUDGES: dict[str, Callable[[Claim, list[Record]], Verdict]] = {
    "run": _by_run,
    "order": _by_order,
    "gain": _by_gain,
    "observation": _by_observation,
    "fact": _by_fact,
    "evidence": lambda claim, _: Verdict(claim, claim.check.verdict, detail="settled by reading"),
    "open": lambda claim, _: Verdict(claim, "not run", detail=claim.check.why),
}
