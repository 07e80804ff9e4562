"""What a notebook asks of a study: points of a curve, budgets, and identities that hold."""

from __future__ import annotations

import copy

import pytest
import yaml

from t5study.base.errors import StudyError
from t5study.chapters import sequences, transfer
from t5study.experiments.recipes import Recipe
from t5study.profiles import load_profile, profile_folder
from t5study.runs.record import Run
from t5study.runs.store import RunStore
from t5study.study import Study, provenance_table
from t5study.training.finetune import plan_settings


def smoke() -> dict:
    text = (profile_folder() / "smoke.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["profile"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return Study(smoke(), store=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def few(study):
    return study.finetunes("sst", labels=16)


def test_a_point_of_the_curve_has_its_labels_seeds_and_recipe(few):
    assert [run.config["seed"] for run in few] == [21, 22]
    for run in few:
        limits = {split: limit for split, (_, limit) in run.config["data"].items()}
        # Sixteen labels to train on, and no more to choose the checkpoint by.
        assert limits == {"train": 16, "validation": 16, "test": 48}
        assert run.config["recipe"]["min_updates"] == 3
        assert run.history["step"].max() == 3


def test_the_whole_task_is_the_run_of_the_other_chapters(study):
    run = study.finetune("sst")
    assert run.config["recipe"]["min_updates"] == 0
    assert run.config["model"]["name"] == "own t5"


def test_a_smaller_budget_is_another_model_with_a_schedule_of_its_own(study):
    whole, small = study.pretrain("t5"), study.pretrain("t5", tokens=12_000)
    assert whole.config["recipe"]["warmup_steps"] == 5
    assert small.config["recipe"]["warmup_steps"] == 2
    assert small.metrics["tokens"] <= 12_000 < whole.metrics["tokens"]
    budget = study.profile.pretraining["t5"].tokens
    assert study.pretrain("t5", tokens=budget).identity == whole.identity
    run = study.finetune("sst", labels=16, tokens=12_000)
    assert run.config["model"]["fingerprint"] == f"run:{small.identity}"


def test_a_longer_budget_keeps_the_warm_up_and_has_a_precision_and_recipe_of_its_own(study):
    longer = study.pretrain("t5", tokens=60_000)
    whole = study.pretrain("t5")
    assert longer.config["recipe"] == whole.config["recipe"] | {"tokens": 60_000}
    assert longer.config["precision"] == "fp32"
    (run,) = study.after_longer("sst")
    assert run.config["model"]["fingerprint"] == f"run:{longer.identity}"
    assert run.config["recipe"]["max_source_length"] == 32
    assert study.after_longer("emotion") == []
    table = transfer.longer_table(study)
    assert [name for _, name in table.index] == [
        f"T5, {whole.metrics['tokens']:,} tokens read, texts up to 64",
        f"T5, {longer.metrics['tokens']:,} tokens read, texts up to 32",
        "TF-IDF bigrams + linear SVM",
    ]
    second = table.iloc[1]
    assert second["accuracy"] == run.metrics["accuracy"]
    assert second["low"] <= second["accuracy"] <= second["high"]
    assert list(transfer.pretrainings(study))[-1] == f"{longer.metrics['tokens']:,} tokens"


def test_a_variant_changes_what_it_names(study):
    run = study.pretrain("t5", tokens=12_000, variant="embeddings from co-occurrence")
    plain = study.pretrain("t5", tokens=12_000)
    changed = {
        key for key, value in run.config["recipe"].items() if plain.config["recipe"][key] != value
    }
    assert changed == {"initial_embeddings"}


def test_another_recipe_is_run_once_and_changes_nothing_else(study):
    assert study.other_recipes("sentiment") == {}
    (other,) = study.other_recipes("emotion").values()
    usual = study.finetune("emotion").config
    changed = {key for key, value in other.config.items() if value != usual[key]}
    assert changed == {"recipe"}
    assert other.config["recipe"]["optimizer"] == "adafactor"
    (name,) = study.other_recipes("emotion")
    found = study.with_recipe(name, ["sentiment", "emotion"])
    assert {role: run.identity for role, run in found.items()} == {"emotion": other.identity}
    assert study.with_recipe("no such recipe", ["emotion"]) == {}


def test_the_checkpoint_that_a_role_begins_from_can_be_observed(study):
    values = smoke()
    values["tasks"]["sst"]["tokens"] = 12_000
    other = Study(values, store=study.store.root)
    begun_from = other.observe("t5.modules", role="sst", rows=1).config["model"]
    assert begun_from == other.finetune("sst").config["model"]
    assert begun_from != other.observe("t5.modules", rows=1).config["model"]


def test_trials_are_made_on_a_gpu_and_kept(study, monkeypatch):
    values = smoke() | {"trials": {"long windows": {"tokens": 8_192, "sequence_length": 128}}}
    with_trials = Study(values, store=study.store.root)
    assert with_trials.trials() == {}
    assert transfer.trials(with_trials) == {}
    monkeypatch.setattr("t5study.study.usual_device", lambda: "cuda")
    (made,) = with_trials.trials().values()
    assert made.config["recipe"]["sequence_length"] == 128
    assert made.metrics["steps"] == 4
    monkeypatch.undo()
    table = transfer.trial_table(transfer.trials(with_trials))
    assert table["tokens a window"].tolist() == [64, 128]
    assert table["updates"].tolist() == [29, 4]
    assert len(with_trials.trials()) == 1


def test_without_training_there_are_the_trials_that_were_published(tmp_path, monkeypatch):
    values = smoke() | {"trials": {"made": {"tokens": 8_192}, "not made": {"tokens": 4_096}}}
    plan = Study(values, store=tmp_path).trial_plans()["made"]
    hub = Study(values, store=tmp_path).hub
    config = plan.config(hub)
    assert config["precision"] == "auto"
    made = RunStore(tmp_path).obtain(
        config | {"precision": "bf16"}, lambda work: (work.save_metrics({}), {})[1]
    )
    monkeypatch.setenv("T5STUDY_TRAINING", "forbid")
    assert Study(values, store=tmp_path).trials() == {"made": made}


def test_a_role_and_the_joint_model_may_start_from_another_budget(study):
    values = copy.deepcopy(smoke())
    values["tasks"]["sst"]["tokens"] = values["joint"]["tokens"] = 12_000
    values["joint"]["roles"] = ["sst", "emotion"]
    other = Study(values, store=study.store.root)
    assert other.finetune("sst").identity == study.finetune("sst", tokens=12_000).identity
    assert other.finetune("sst").identity != study.finetune("sst").identity
    joint = other.finetune_jointly()
    assert joint.config["model"] == other.finetune("sst").config["model"]
    table = sequences.joint_table(other, joint)
    assert set(table.index.get_level_values(0)) == {"sst", "emotion"}
    assert (
        table.loc[("emotion", "accuracy"), "single"]
        == study.finetune("emotion", tokens=12_000).metrics["accuracy"]
    )


def test_what_the_profile_lacks_is_one_sentence(study):
    with pytest.raises(StudyError, match="no variant 'nothing'"):
        study.pretrain("t5", variant="nothing")
    with pytest.raises(StudyError, match="no recipe 'nothing' for emotion: it has Adafactor"):
        study.finetune("emotion", recipe="nothing")
    values = smoke()
    for section in ("joint", "variants", "budgets"):
        del values[section]
    bare = Study(values, store=study.store.root)
    with pytest.raises(StudyError, match="no section 'joint'"):
        bare.finetune_jointly()
    with pytest.raises(StudyError, match="at least batch_tokens"):
        bare.pretrain("t5", tokens=1_500)
    published = Study("full", store=study.store.root)
    with pytest.raises(StudyError, match="its budget of tokens cannot be chosen"):
        published.checkpoint("t5", tokens=1_000_000)
    with pytest.raises(StudyError, match="pre-trains no model 't5'"):
        published.pretrain("t5")


def test_epochs_are_added_until_there_are_enough_updates(few):
    class Small:
        recipe = Recipe(epochs=2, batch_size=32, min_updates=100)
        architecture = "t5"
        seed = 1

    assert plan_settings(Small, 50)["epochs"] == 50
    assert plan_settings(Small, 32_000)["epochs"] == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p["learning_curves"].update(nothing={"labels": [5]}), "role nothing"),
        (lambda p: p["learning_curves"]["sst"].update(labels=[9, 5]), "must rise"),
        (lambda p: p["budgets"].update(tokens=[9_000, 99_000_000]), "stay below the 40,000 of t5"),
        (lambda p: p["budgets"].update(longer={"tokens": 40_000}), "more than the tokens of t5"),
        (
            lambda p: p["budgets"]["longer"].update(tasks={"nothing": {"recipe": {}}}),
            "role nothing",
        ),
        (lambda p: p["budgets"]["tasks"]["sst"].update(target=1.5), "target is 1.5"),
        (lambda p: p["recipes"].update(nothing={}), "role nothing"),
        (lambda p: p["joint"]["roles"].append("cooking"), "role cooking"),
        (lambda p: p["variants"]["changes"].update(odd={"tokns": 3}), "unknown key 'tokns'"),
        (lambda p: p.update(trials={"odd": {"tokns": 3}}), "trials.odd: unknown key 'tokns'"),
        (lambda p: p["models"].update(t5="google-t5/t5-small"), "'own'"),
    ],
)
def test_a_section_that_does_not_fit_is_refused_in_one_sentence(change, says):
    values = copy.deepcopy(smoke())
    change(values)
    with pytest.raises(StudyError, match=says) as caught:
        load_profile(values)
    assert "\n" not in str(caught.value)


def test_a_page_names_every_version_that_its_runs_were_made_with(tmp_path):
    def made(seed: int, torch: str) -> Run:
        provenance = {
            "device": "CPU",
            "libraries": {"python": "3.12", "torch": torch},
            "commit": None,
            "seconds": 1.0,
            "peak_memory_bytes": 2**20,
        }
        return RunStore(tmp_path).obtain(
            {"seed": seed}, lambda work: (work.save_metrics({}), provenance)[1]
        )

    runs = [made(1, "2.11.0"), made(2, "2.13.0"), made(3, "2.11.0")]
    table = provenance_table(load_profile("smoke"), 21, runs)["value"]
    assert table["libraries"] == "python 3.12, torch 2.11.0 and 2.13.0"


def test_a_page_without_runs_names_its_profile_and_nothing_else(study):
    assert list(provenance_table(study.profile, 21, []).index) == ["profile", "seed"]
    run = study.pretrain("t5")
    table = provenance_table(study.profile, 21, [run])["value"]
    assert table["runs"] == run.identity
    assert table["computing time"].endswith(" s")
