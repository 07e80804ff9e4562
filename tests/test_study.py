"""What a notebook asks of a study: points of a curve, budgets, and identities that hold."""

from __future__ import annotations

import pytest
import yaml

from t5study.base.errors import StudyError
from t5study.chapters import sequences
from t5study.chapters.provenance import provenance_table
from t5study.experiments.questions import ParallelismTiming
from t5study.experiments.recipes import Recipe
from t5study.profiles import profile_folder
from t5study.runs.record import Run, identity_of
from t5study.runs.store import RunStore
from t5study.study import Study
from t5study.training.finetune import plan_settings


def smoke() -> dict:
    text = (profile_folder() / "smoke.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["profile"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return Study(smoke(), store=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def few(study):
    return study.runs("sst, T5, 16 labels")


def test_a_point_of_the_curve_has_its_labels_seeds_and_recipe(few):
    assert [run.config["seed"] for run in few] == [21, 22]
    for run in few:
        limits = {split: limit for split, (_, limit) in run.config["data"].items()}
        # Sixteen labels to train on, and no more to choose the checkpoint by.
        assert limits == {"train": 16, "validation": 16, "test": 48}
        assert run.config["recipe"]["min_updates"] == 3
        assert run.history["step"].max() == 3


def test_an_experiment_without_seeds_has_that_of_the_study(study):
    (run,) = study.runs("sst, T5")
    assert (run.config["seed"], run.config["model"]["name"]) == (21, "own t5")
    other = Study(smoke(), seed=22, store=study.store.root)
    assert [asked.seed for asked in other.plans("sst, T5")] == [22]
    assert [asked.seed for asked in other.plans("sst, T5, 16 labels")] == [21, 22]


def test_a_smaller_budget_is_another_model_with_a_schedule_of_its_own(study):
    whole, small = study.pretraining("t5"), study.pretraining("t5@12k")
    assert small.config["recipe"] == whole.config["recipe"] | {"tokens": 12_000, "warmup_steps": 2}
    assert small.metrics["tokens"] <= 12_000 < whole.metrics["tokens"]
    model = study.run("sst, T5 12k, 16 labels").config["model"]
    assert model == {"name": "own t5, 12,000 tokens", "fingerprint": f"run:{small.identity}"}


def test_what_is_asked_is_known_before_it_is_made(study, tmp_path):
    fresh = Study(smoke(), store=tmp_path)
    for name in ("sst, T5 12k, 16 labels", "sst, T5 from scratch, 16 labels"):
        (asked, *_), made = fresh.plans(name), study.run(name)
        assert identity_of(fresh.config(asked)) == made.identity
    assert not list(tmp_path.iterdir())
    assert (study.found(asked).path, fresh.found(asked)) == (made.path, None)


def test_a_model_that_read_more_begins_a_run_of_its_own(study):
    longer = study.pretraining("t5@60k")
    assert longer.config["precision"] == "fp32"
    run = study.run("sst, T5 60k, 32 tokens")
    assert run.config["model"]["fingerprint"] == f"run:{longer.identity}"


def test_a_variant_changes_what_it_names(study):
    plain = study.pretraining("t5@12k").config["recipe"]
    changed = study.pretraining("t5@12k, embeddings from co-occurrence").config["recipe"]
    assert {key for key in changed if plain[key] != changed[key]} == {"initial_embeddings"}


def test_another_recipe_changes_nothing_else(study):
    usual, other = study.run("emotion, T5").config, study.run("emotion, T5, Adafactor").config
    assert {key for key, value in other.items() if value != usual[key]} == {"recipe"}
    assert other["recipe"]["optimizer"] == "adafactor"


def test_experiments_are_chosen_by_what_they_are(study):
    assert study.names(task="sst", labels=16, init="pretrained") == [
        "sst, T5, 16 labels",
        "sst, T5 12k, 16 labels",
        "sst, T5 24k, 16 labels",
        "sst, T5 60k, 16 labels",
    ]
    assert study.names(task="sst", model=None, labels=None) == ["sst, TF-IDF", "sst, NB-SVM"]
    (chosen,) = study.select(model="t5", recipe="few labels", init="pretrained").values()
    assert [run.config["seed"] for run in chosen] == [21, 22]
    assert study.baseline("sst", "nb-svm").metrics["model"] == "NB-SVM bigrams"
    assert study.baseline("sst").identity == study.run("sst, TF-IDF").identity
    with pytest.raises(StudyError, match="have no 'role': choose by task, tasks"):
        study.names(role="sst")


def test_the_model_that_an_experiment_begins_from_can_be_observed(study):
    begun_from = study.observe("t5.modules", model="t5@12k", rows=1).config["model"]
    assert begun_from == study.run("sst, T5 12k, 16 labels").config["model"]
    assert begun_from != study.observe("t5.modules", rows=1).config["model"]


def with_trials(store, **trials) -> Study:
    values = smoke()
    values["pretraining"] |= {
        f"t5, {name}": {"of": "t5", "gpu_only": True} | changes for name, changes in trials.items()
    }
    return Study(values, store=store)


def test_trials_are_made_on_a_gpu_and_kept(study, monkeypatch):
    trying = with_trials(study.store.root, long={"tokens": 8_192, "sequence_length": 128})
    assert not trying.has("t5, long")
    with pytest.raises(StudyError, match="takes days without a GPU"):
        trying.pretraining("t5, long")
    monkeypatch.setattr("t5study.study.usual_device", lambda: "cuda")
    made = trying.pretraining("t5, long")
    assert made.config["recipe"]["sequence_length"] == 128
    assert made.metrics["steps"] == 4
    monkeypatch.undo()
    assert trying.has("t5, long")
    assert trying.pretraining("t5, long").identity == made.identity


def test_without_training_there_are_the_trials_that_were_published(tmp_path, monkeypatch):
    trials = {"made": {"tokens": 8_192}, "other": {"tokens": 4_096}}
    asking = with_trials(tmp_path, **trials)
    config = asking.pretraining_plan("t5, made").config(asking.hub)
    assert config["precision"] == "auto"
    made = RunStore(tmp_path).obtain(
        config | {"precision": "bf16"}, lambda work: (work.save_metrics({}), {})[1]
    )
    monkeypatch.setenv("T5STUDY_TRAINING", "forbid")
    asking = with_trials(tmp_path, **trials)
    assert (asking.has("t5, made"), asking.has("t5, other")) == (True, False)
    assert asking.pretraining("t5, made") == made


def test_the_joint_model_may_start_from_another_budget(study):
    values = smoke()
    values["experiments"][sequences.JOINT] |= {"tasks": ["sst", "emotion"], "model": "t5@12k"}
    values["experiments"]["emotion, T5 12k"] = {
        "task": "emotion",
        "model": "t5@12k",
        "recipe": "labels",
    }
    other = Study(values, store=study.store.root)
    joint = other.run(sequences.JOINT)
    assert joint.config["model"] == other.run("emotion, T5 12k").config["model"]
    table = sequences.joint_table(other)
    assert set(table.index.get_level_values(0)) == {"sst", "emotion"}
    assert (
        table.loc[("emotion", "accuracy"), "single"]
        == other.run("emotion, T5 12k").metrics["accuracy"]
    )


def test_what_the_profile_lacks_is_one_sentence(study):
    for ask, says in (
        (lambda: study.runs("sst, T5, 61 labels"), "no experiment .*did you mean 'sst, T5, 16 lab"),
        (lambda: study.run("nothing"), "`study.experiments` lists them"),
        (lambda: study.pretraining("t6"), "pre-trains no model 't6': it has t5, bert, gpt"),
        (lambda: study.checkpoint("t6"), "has no model 't6': it has t5, bert, gpt"),
        (lambda: study.task("cooking"), "has no task for 'cooking': it has sentiment"),
        (lambda: study.baseline("summary", "overlap"), "has no baseline overlap of 'summary'"),
    ):
        with pytest.raises(StudyError, match=says) as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(StudyError, match="pre-trains no model 't5': it has none"):
        Study("full", store=study.store.root).pretraining("t5")


@pytest.mark.parametrize("seed", ["21", 21.0, -1, 2**32, True, None])
def test_a_seed_that_is_no_whole_number_is_refused(seed, tmp_path):
    with pytest.raises(StudyError, match=r"The seed is .*: give a whole number"):
        Study(smoke(), seed=seed, store=tmp_path)


def test_a_name_with_published_records_answers_from_them_and_computes_nothing(fresh_clone):
    computing = Study("smoke")
    assert computing.store.root == fresh_clone / "_build" / "smoke" / "runs"
    config = ParallelismTiming().config()
    made = RunStore(fresh_clone / "results" / "smoke").obtain(
        config, lambda work: (work.save_metrics({"a": 1}), {})[1]
    )
    replaying = Study("smoke")
    assert (computing.replays, replaying.replays) == (False, True)
    assert replaying.measure_parallelism() == made
    with pytest.raises(StudyError, match="training is forbidden"):
        replaying.run("sst, TF-IDF")
    assert not (fresh_clone / "_build").exists()
    for other in (Study(smoke()), Study("smoke", store=fresh_clone / "other")):
        assert not other.replays


def test_epochs_are_added_until_there_are_enough_updates(few):
    class Small:
        recipe = Recipe(epochs=2, batch_size=32, min_updates=100)
        architecture = "t5"
        seed = 1

    assert plan_settings(Small, 50)["epochs"] == 50
    assert plan_settings(Small, 32_000)["epochs"] == 2


def test_a_page_names_every_version_and_weights_that_its_runs_were_made_with(tmp_path):
    def made(seed: int, torch: str) -> Run:
        provenance = {
            "device": "CPU",
            "libraries": {"python": "3.12", "torch": torch},
            "commit": None,
            "seconds": 1.0,
            "peak_memory_bytes": 2**20,
            "weights": {"someone/model": "the package some-weights 1.0"},
        }
        return RunStore(tmp_path).obtain(
            {"seed": seed}, lambda work: (work.save_metrics({}), provenance)[1]
        )

    runs = [made(1, "2.11.0"), made(2, "2.13.0"), made(3, "2.11.0")]
    table = provenance_table("smoke", 21, runs)["value"]
    assert table["libraries"] == "python 3.12, torch 2.11.0 and 2.13.0"
    assert table["weights"] == "someone/model: the package some-weights 1.0"


def test_a_page_without_runs_names_its_profile_and_nothing_else(study):
    assert list(provenance_table(study.profile.name, 21, []).index) == ["profile", "seed"]
    run = study.pretraining("t5")
    table = provenance_table(study.profile.name, 21, [run])["value"]
    assert table["runs"] == run.identity
    assert table["computing time"].endswith(" s")
