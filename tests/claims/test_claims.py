"""Claims: the file is whole, the rule is the one stated, and nothing passes without a run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from scipy.stats import t as student_t

from t5study.base.errors import StudyError
from t5study.base.project import checkout
from t5study.claims import facts
from t5study.claims.counting import count, counted
from t5study.claims.judges import allowance, judge, scorecard
from t5study.claims.published import book_file, load_published
from t5study.claims.schema import GROUPS, OUTCOMES, Claim, load_claims
from t5study.runs.record import open_record, records_below

T5 = "google-t5/t5-small"
BERT = "google-bert/bert-base-uncased"
REPORT_RECIPE = {
    "learning_rate": 3e-4,
    "epochs": 2,
    "batch_size": 128,
    "optimizer": "adamw",
    "max_source_length": 512,
}


@dataclass
class FakeRun:
    config: dict[str, Any]
    metrics: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)


def tuned(score: float, seed: int = 21, **changes: Any) -> FakeRun:
    """A fine-tuning on the whole of IMDB from the published weights, unless changed."""
    config = {
        "kind": "finetune",
        "task": "imdb",
        "data": {"train": ["f", None], "validation": ["f", None], "test": ["f", None]},
        "model": {"name": T5, "fingerprint": "w"},
        "init": "pretrained",
        "recipe": REPORT_RECIPE,
        "seed": seed,
        **changes,
    }
    return FakeRun(config, {"accuracy": score, "per_label": {"positive": {"recall": score}}})


def seeds(*scores: float, **changes: Any) -> list[FakeRun]:
    return [tuned(score, seed, **changes) for seed, score in enumerate(scores)]


def claim(check: dict[str, Any], report: Any = None, kind: str = "number") -> Claim:
    return Claim.model_validate(
        {
            "id": "a-claim",
            "where": "here",
            "statement": "it is so",
            "kind": kind,
            "report_value": report,
            "check": check,
        }
    )


ACCURACY = claim({"by": "run", "task": "imdb", "metric": "accuracy", "model": T5}, 0.92)


# --- the file ---


def test_the_file_is_whole():
    claims = load_claims()
    assert len(claims) >= 170
    cited = {key for c in claims for key in c.cite}
    bib = book_file("references.bib").read_text(encoding="utf-8")
    assert cited <= set(re.findall(r"^@\w+\{([^,\s]+),", bib, re.M))
    for c in claims:
        if c.published:
            assert load_published().value(c.published) is not None


def test_the_printed_numbers_are_claims_with_the_reports_values():
    values = {c.id: c.report_value for c in load_claims()}
    for role in ("sentiment", "emotion"):
        printed = load_published().classification_report(role)
        assert values[f"{role}-accuracy"] == printed.loc["accuracy", "f1"]
        for column in ("precision", "recall", "f1"):
            for kind in ("macro", "weighted"):
                assert values[f"{role}-{kind}-{column}"] == printed.loc[f"{kind} avg", column]
            for label in printed.index[:-3]:
                assert values[f"{role}-{label}-{column}"] == printed.loc[label, column]
        for label in printed.index[:-3]:
            assert values[f"{role}-{label}-support"] == printed.loc[label, "support"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c[0].update(colour="red"), "unknown key"),
        (lambda c: c[0].pop("where"), "where"),
        (lambda c: c[0].update(id="Not Kebab"), "0.id"),
        (lambda c: c.append(c[0]), "is given twice"),
        (lambda c: c[0].update(check={"by": "magic"}), "0.check"),
        (lambda c: c[0].update(check={"by": "fact", "fact": "hearsay"}), "no fact 'hearsay'"),
        (
            lambda c: c[0].update(check={"by": "observation", "name": "a", "value": "b"}),
            "exactly one of",
        ),
        (
            lambda c: c[0].update(check={"by": "observation", "name": "a", "reading": "b"}),
            "no reading 'b'",
        ),
        (
            lambda c: c[0].update(
                check={
                    "by": "observation",
                    "name": "a",
                    "reading": "loss_is_the_models",
                    "value": "b",
                }
            ),
            "a reading is complete",
        ),
        (
            lambda c: c[0].update(check={"by": "evidence", "verdict": "exceeded"}),
            "0.check",
        ),
        (
            lambda c: c[0].update(check={"by": "run", "task": "imdb", "metric": "accuracy"}),
            "needs report_value",
        ),
    ],
)
def test_a_wrong_claim_is_one_sentence(tmp_path: Path, change, says: str):
    content = yaml.safe_load(book_file("claims.yml").read_text(encoding="utf-8"))
    change(content["claims"])
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(StudyError, match=re.escape(says)) as caught:
        load_claims(path)
    assert "\n" not in str(caught.value)


# --- numbers ---


def test_the_allowance_is_the_stated_formula():
    scores = [0.90, 0.91, 0.92]
    expected = student_t.ppf(0.975, 2) * 0.01 * (1 + 1 / 3) ** 0.5 + 0.005
    assert allowance(scores) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ((0.919, 0.920, 0.921), "reproduced"),
        ((0.925, 0.925, 0.925), "reproduced"),
        ((0.914, 0.914, 0.914), "not reproduced"),
        ((0.926, 0.926, 0.926), "exceeded"),
        ((0.88, 0.92, 0.96), "reproduced"),
        ((0.80, 0.801, 0.802), "not reproduced"),
    ],
)
def test_a_number_is_judged_by_the_spread_of_its_seeds(scores, verdict):
    judged = judge(ACCURACY, seeds(*scores))
    assert judged.verdict == verdict
    assert judged.measured == pytest.approx(sum(scores) / 3)
    assert judged.seeds == 3


def test_without_a_run_there_is_no_verdict_but_the_command():
    judged = judge(ACCURACY, [])
    assert judged.verdict == "not run"
    assert judged.measured is None
    assert f"--task imdb --model {T5}" in judged.detail


def test_two_seeds_are_not_enough_and_say_so():
    judged = judge(ACCURACY, seeds(0.92, 0.92))
    assert judged.verdict == "not run"
    assert judged.measured == pytest.approx(0.92)
    assert "2 of 3 seeds" in judged.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name": "own-t5", "fingerprint": "x"}},
        {"init": "scratch"},
    ],
)
def test_other_weights_never_judge_a_claim_about_a_checkpoint(changes):
    judged = judge(ACCURACY, seeds(0.92, 0.92, 0.92, **changes))
    assert judged.verdict == "not run"
    assert judged.measured is None
    assert judged.other_weights.startswith("0.920")
    assert "3 seeds" in judged.other_weights


OWN_WEIGHTS = {"model": {"name": "own t5", "fingerprint": "x"}}


def test_other_weights_are_shown_with_the_recipe_of_all_seeds_not_with_the_best():
    own = seeds(0.88, 0.89, 0.90, **OWN_WEIGHTS, recipe={**REPORT_RECIPE, "epochs": 5})
    tried = seeds(0.99, **OWN_WEIGHTS)
    for runs in (own + tried, tried + own):
        assert judge(ACCURACY, runs).other_weights.startswith("0.890 (own t5")


def test_of_other_weights_the_pre_trained_are_shown_whatever_they_score():
    scratch = seeds(0.95, 0.95, 0.95, init="scratch", **OWN_WEIGHTS)
    pretrained = seeds(0.90, 0.90, 0.90, **OWN_WEIGHTS)
    for runs in (scratch + pretrained, pretrained + scratch):
        assert judge(ACCURACY, runs).other_weights.startswith("0.900 (own t5, weights of its own")


def test_of_other_weights_the_profiles_own_checkpoint_is_shown_with_its_recipe():
    more = {"model": {"name": "own t5, 80,000,000 tokens", "fingerprint": "a"}}
    own, longer = seeds(0.8, 0.8, 0.8, **OWN_WEIGHTS), seeds(0.9, 0.9, 0.9, **more)
    for runs in (own + longer, longer + own):
        assert judge(ACCURACY, runs).other_weights == (
            "0.800 (own t5, weights of its own, 3 seeds; "
            "2 epochs of adamw at 0.0003, texts up to 512 tokens)"
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "pocket-sentiment"},
        {"data": {"train": ["f", 500], "test": ["f", None]}},
        {"data": {"train": ["f", None], "test": ["f", 2000]}},
        {"kind": "observation"},
    ],
)
def test_runs_of_another_task_or_of_a_part_do_not_judge(changes):
    judged = judge(ACCURACY, seeds(0.92, 0.92, 0.92, **changes))
    assert (judged.verdict, judged.other_weights) == ("not run", "")


def test_the_reports_recipe_judges_before_a_better_one():
    better = seeds(0.95, 0.95, 0.95, recipe={**REPORT_RECIPE, "epochs": 5})
    for runs in (better + seeds(0.92, 0.92, 0.92), seeds(0.92, 0.92, 0.92) + better):
        assert judge(ACCURACY, runs).measured == pytest.approx(0.92)
    assert judge(ACCURACY, better).verdict == "exceeded"


def test_a_label_metric_is_found_inside_the_metrics():
    check = {"by": "run", "task": "imdb", "metric": "per_label.positive.recall", "model": T5}
    assert judge(claim(check, 0.93), seeds(0.93, 0.93, 0.93)).verdict == "reproduced"
    absent = {**check, "metric": "per_label.sideways.recall"}
    assert judge(claim(absent, 0.93), seeds(0.93, 0.93, 0.93)).verdict == "not run"


def test_a_weighted_average_is_formed_from_the_rows():
    check = {"by": "run", "task": "imdb", "metric": "weighted_recall", "model": T5}
    runs = seeds(0.92, 0.92, 0.92)
    for run in runs:
        run.metrics["per_label"] = {
            "negative": {"recall": 0.9, "support": 3},
            "positive": {"recall": 0.5, "support": 1},
        }
    judged = judge(claim(check, 0.8), runs)
    assert (judged.verdict, judged.measured) == ("reproduced", pytest.approx(0.8))
    assert judge(claim(check, 0.8), [FakeRun(tuned(0.9).config, {})]).verdict == "not run"


def test_what_depends_on_the_data_alone_any_run_judges():
    support = claim({"by": "run", "task": "imdb", "metric": "n"}, 25000, "fact")
    run = tuned(0.5, data={"train": ["f", 50], "test": ["f", None]}, init="scratch")
    run.metrics["n"] = 25000
    assert judge(support, [run]).verdict == "reproduced"
    run.metrics["n"] = 24999
    assert judge(support, [run]).verdict == "corrected"
    assert judge(support, []).verdict == "not run"


# --- rankings ---

ORDER = claim(
    {"by": "order", "task": "imdb", "metric": "accuracy", "above": T5, "below": BERT},
    kind="ranking",
)
BERT_RUNS = {"model": {"name": BERT, "fingerprint": "b"}}


def test_a_ranking_needs_more_than_the_spread():
    low = seeds(0.90, 0.901, 0.902, **BERT_RUNS)
    assert judge(ORDER, low + seeds(0.95, 0.951, 0.952)).verdict == "reproduced"
    assert judge(ORDER, low + seeds(0.80, 0.90, 1.00)).verdict == "not reproduced"
    assert judge(ORDER, low + seeds(0.85, 0.851, 0.852)).verdict == "not reproduced"


def test_a_ranking_needs_both_sides_and_enough_seeds():
    assert judge(ORDER, seeds(0.95, 0.95, 0.95)).verdict == "not run"
    few = seeds(0.95, 0.95, 0.95) + seeds(0.90, 0.90, **BERT_RUNS)
    assert judge(ORDER, few).verdict == "not run"


def test_a_baseline_is_one_score_and_enough():
    baseline = FakeRun(
        {"kind": "baseline", "name": "TF-IDF", "task": "imdb", "data": {"test": ["f", None]}},
        {"accuracy": 0.90},
    )
    order = claim({**ORDER.check.model_dump(), "below": "TF-IDF"}, kind="ranking")
    assert judge(order, [*seeds(0.95, 0.951, 0.952), baseline]).verdict == "reproduced"
    assert judge(order, [*seeds(0.80, 0.90, 1.0), baseline]).verdict == "not reproduced"


# --- observations ---


def seen(values: dict[str, Any], model: str = "own", name: str = "t5.prefix") -> FakeRun:
    return FakeRun({"kind": "observation", "name": name, "model": {"name": model}}, {}, values)


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        ({"at_least": 0.1}, 0.1, "reproduced"),
        ({"at_least": 0.1}, 0.09, "not reproduced"),
        ({"at_most": 0.1}, 0.11, "not reproduced"),
    ],
)
def test_an_observed_value_is_judged_by_its_limit(limit, value, verdict):
    check = {"by": "observation", "name": "t5.prefix", "value": "mass", **limit}
    judged = judge(claim(check, kind="behaviour"), [seen({"mass": value})])
    assert (judged.verdict, judged.measured) == (verdict, value)


ANSWERS = [{"prompt": "another", "answer": "x"}, {"prompt": facts.PROMPT, "answer": "So."}]


@pytest.mark.parametrize(
    ("reading", "values", "reported", "expected"),
    [
        ("loss_is_the_models", {"loss": 1.0, "model_loss": 1.00005}, None, (1.0, True)),
        ("loss_is_the_models", {"loss": 1.0, "model_loss": 1.1}, None, (1.0, False)),
        ("loss_is_the_models", {"loss": 1.0}, None, (1.0, False)),
        ("loss_is_the_models", {}, None, None),
        ("translation_is_as_printed", {"rows": ANSWERS}, "So.", ("So.", True)),
        ("translation_is_as_printed", {"rows": ANSWERS}, "so", ("So.", False)),
        ("translation_is_as_printed", {"rows": ANSWERS[:1]}, "x", None),
        (
            "attention_waits_half_as_long",
            {"chain_lstm": [5.0, 6.0, 1.1], "chain_attention": [2.0, 2.0, 1.0]},
            None,
            ("2.5 times", True),
        ),
        (
            "attention_waits_half_as_long",
            {"chain_lstm": [5.0, 3.0, 1.1], "chain_attention": [2.0, 2.0, 1.0]},
            None,
            ("1.5 times", False),
        ),
        ("attention_waits_half_as_long", {"chain_lstm": [5.0]}, None, None),
    ],
)
def test_a_reading_says_what_was_found_and_whether_the_claim_holds(
    reading, values, reported, expected
):
    assert facts.READINGS[reading](values, reported) == expected


def test_a_claim_judged_by_a_reading_sees_what_a_measurement_put_among_its_metrics():
    check = {
        "by": "observation",
        "name": "parallelism",
        "reading": "attention_waits_half_as_long",
    }
    config = {"kind": "measurement", "name": "parallelism"}
    asked = claim(check, kind="behaviour")
    judged = judge(asked, [FakeRun(config, {"chain_lstm": [2.0], "chain_attention": [1.0]})])
    assert (judged.verdict, judged.measured, judged.seeds) == ("reproduced", "2 times", 1)
    assert judge(asked, [FakeRun(config, {})]).verdict == "not run"


def test_one_observation_that_fails_decides_and_a_false_fact_is_corrected():
    check = {"by": "observation", "name": "t5.prefix", "value": "mass", "at_most": 0.0}
    runs = [seen({"mass": 0.0}), seen({"mass": 0.2})]
    assert judge(claim(check, kind="fact"), runs).verdict == "corrected"
    assert judge(claim(check, kind="fact"), runs).measured == 0.2
    assert judge(claim(check, kind="fact"), runs[:1]).verdict == "reproduced"
    assert judge(claim(check, kind="fact"), []).verdict == "not run"


def test_an_observation_of_other_weights_does_not_judge():
    check = {"by": "observation", "name": "t5.prefix", "value": "mass", "at_most": 1, "model": T5}
    assert judge(claim(check, kind="behaviour"), [seen({"mass": 0.5})]).verdict == "not run"
    assert judge(claim(check, kind="behaviour"), [seen({"mass": 0.5}, T5)]).verdict == "reproduced"


# --- facts ---


def test_the_printed_tables_are_consistent():
    assert facts.accuracy_from_recalls("emotion") == pytest.approx(0.8891, abs=1e-4)
    assert facts.support_total("emotion") == 2000
    for role in ("sentiment", "emotion"):
        assert facts.averages_that_agree(role, "macro") == 3
        assert facts.averages_that_agree(role, "weighted") == 3
        assert facts.impossible_f1_rows(role) == 0


def test_an_inconsistent_row_would_be_found():
    row = load_published().classification_report("emotion").iloc[0]
    assert facts.possible_f1(row)
    assert not facts.possible_f1(row.replace(row.f1, 0.89))


def test_the_model_sizes_are_those_of_the_paper():
    assert facts.t5_parameters("t5-small") == 60_506_624
    assert facts.t5_parameters("t5-base") == 222_903_552
    assert facts.t5_size("t5-11b") == "11 B"
    assert facts.t5_share("t5-small", "t5-base") == pytest.approx(27.1, abs=0.1)
    assert facts.t5_share("t5-small", "t5-11b") == pytest.approx(0.535, abs=0.001)
    with pytest.raises(StudyError, match="t5-tiny"):
        facts.t5_parameters("t5-tiny")


def test_the_memory_of_training_is_what_was_measured(tmp_path, monkeypatch):
    one, two = (facts.training_memory("t5-base", batch) for batch in (1, 2))
    assert facts.training_state_gigabytes("t5-base") < one < two < 24
    with pytest.raises(StudyError, match="t5-11b was not measured"):
        facts.training_memory("t5-11b", 1)
    monkeypatch.setattr("t5study.claims.facts.checkout", lambda: tmp_path)
    with pytest.raises(StudyError, match="memory-checked"):
        facts.training_memory("t5-base", 1)


def test_all_module_rows_agree_and_shared_weights_are_named():
    table = facts.module_comparison()
    assert (table["rounded"] == table["report"]).all()
    sizes = table["parameters"]
    assert sizes["model.shared"] == 32128 * 512
    assert sizes["model.encoder"] - sizes["model.shared"] == sizes["model.encoder.block"] + 512


def test_the_schedule_ends_before_the_training_on_imdb():
    assert (facts.scheduled_updates(25000), facts.made_updates(25000)) == (390, 392)
    assert facts.updates_beyond_schedule(16000) == 0
    assert facts.effective_batch() == 128


def test_what_is_kept_of_the_library_s_models_is_what_they_count():
    assert json.loads(json.dumps(count())) == counted()


def test_the_installed_library_takes_labels_and_not_lm_labels():
    assert facts.accepts("labels")
    assert not facts.accepts("lm_labels")


# --- all of them ---


def test_without_runs_everything_has_a_verdict_and_nothing_that_needs_one_passes():
    claims = load_claims()
    table = scorecard(claims, [])
    assert list(table["id"]) == [c.id for c in claims]
    assert set(table["verdict"]) <= set(OUTCOMES)
    by = {c.id: c.check.by for c in claims}
    for row in table.itertuples():
        assert row.group in GROUPS
        if by[row.id] in ("run", "order", "gain", "observation", "open"):
            assert row.verdict == "not run", row.id
            assert row.detail, row.id
        elif row.kind == "objective":
            assert row.verdict in ("met", "not met"), row.id
        else:
            assert row.verdict in ("reproduced", "agrees with published", "corrected"), row.id


def test_what_is_settled_by_the_literature_is_not_called_reproduced():
    table = scorecard(load_claims(), [])
    literature, pages, _ = GROUPS
    by_group = {group: set(part["verdict"]) for group, part in table.groupby("group")}
    assert by_group[literature] == {"agrees with published", "corrected", "not run"}
    assert "agrees with published" not in by_group[pages]


def test_mistakes_of_the_report_are_corrected():
    table = scorecard(load_claims(), []).set_index("id")
    for name in (
        "gpt-2019",
        "t5-follows-prefix-lm",
        "base-has-11b",
        "no-decay-for-norms",
        "schedule-length",
        "only-small-fits-24-gb",
        "small-exceeds-4-gb",
    ):
        assert table.loc[name, "verdict"] == "corrected"


def test_one_slip_is_one_correction():
    verdict = scorecard(load_claims(), []).set_index("id")["verdict"]
    assert verdict["base-has-11b"] == "corrected"
    for rests_on_it in ("small-is-half-a-percent-of-base", "finetune-needs-clusters"):
        assert verdict[rests_on_it] == "reproduced"


def test_the_scorecard_takes_a_store():
    class Store:
        def runs(self):
            return seeds(0.92, 0.92, 0.92)

    table = scorecard([ACCURACY], Store())
    assert table.loc[0, "verdict"] == "reproduced"
    assert table.loc[0, "report"] == 0.92


def gained(*pairs: tuple[float, float]) -> list[FakeRun]:
    """Runs of one recipe, pre-trained and from scratch, one pair a seed."""
    runs = []
    for seed, scores in enumerate(pairs):
        for init, score in zip(("pretrained", "scratch"), scores, strict=True):
            weights = {"name": "own t5", "fingerprint": f"{init} weights"}
            runs.append(tuned(score, seed, init=init, model=weights))
    return runs


GAIN = claim({"by": "gain", "task": "imdb", "metric": "accuracy"}, kind="ranking")


def test_a_gain_must_exceed_two_standard_errors():
    clear = judge(GAIN, gained((0.90, 0.86), (0.91, 0.86), (0.92, 0.86)))
    assert (clear.verdict, clear.seeds) == ("reproduced", 3)
    assert clear.measured == pytest.approx(0.05)
    # 4.303 standard errors of 0.00577.
    assert clear.detail.endswith("Student's 95 % interval ± 0.025")
    assert judge(GAIN, gained((0.90, 0.86), (0.80, 0.86), (0.92, 0.86))).verdict == "not reproduced"


def test_a_gain_needs_pairs_of_three_seeds_on_the_whole_task():
    for runs in ([], gained((0.9, 0.8), (0.9, 0.8)), seeds(0.9, 0.9, 0.9)):
        verdict = judge(GAIN, runs)
        assert verdict.verdict == "not run"
        assert "t5study reproduce" in verdict.detail
    few = {"train": ["f", 500], "validation": ["f", 500], "test": ["f", None]}
    short = gained((0.9, 0.8), (0.91, 0.8), (0.92, 0.8))
    for run in short:
        run.config["data"] = few
    assert judge(GAIN, short).verdict == "not run"


PUBLISHED = {
    **dict.fromkeys(
        (
            *("transformer-more-parallel", "transfer-to-sentiment", "transfer-to-emotion"),
            *("bert-both-directions", "bert-contextual-embeddings", "gpt-decoder-only"),
            *("t5-decoder-causal", "t5-cross-entropy"),
            *("sentiment-negative-support", "sentiment-positive-support"),
            *("emotion-anger-support", "emotion-fear-support", "emotion-joy-support"),
            *("emotion-love-support", "emotion-sadness-support", "emotion-surprise-support"),
        ),
        "reproduced",
    ),
    "t5-decoder-ignores-prefix": "corrected",
}
"""What the published runs settle. A change of a judge, or of a record, that changes it is meant."""


def test_the_published_runs_settle_what_the_book_says():
    runs = [open_record(folder) for folder in records_below(checkout() / "results" / "published")]
    by_runs = [c for c in load_claims() if c.check.by in ("run", "order", "gain", "observation")]
    table = scorecard(by_runs, runs)
    settled = table[table["verdict"] != "not run"]
    assert dict(zip(settled["id"], settled["verdict"], strict=True)) == PUBLISHED
