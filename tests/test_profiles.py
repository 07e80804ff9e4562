"""Profiles: what is shipped loads, and what is wrong is refused in one sentence."""

from __future__ import annotations

import copy
import itertools

import pytest
import yaml

from t5study.base.errors import StudyError
from t5study.base.reading import checked
from t5study.chapters.transfer import architectures
from t5study.data.corpora import SOURCES
from t5study.data.tasks import get_task
from t5study.experiments.recipes import Recipe
from t5study.profiles import Profile, load_profile, needs, profile_folder, profile_names
from t5study.study import Study

ROLES = {
    "sentiment",
    "emotion",
    "acceptability",
    "sst",
    "paraphrase",
    "similarity",
    "entailment",
    "translation",
    "summary",
}
REPORT = {
    "epochs": 2,
    "learning_rate": 3e-4,
    "batch_size": 8 * 16,
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "max_source_length": 512,
}


@pytest.fixture
def pocket() -> dict:
    """The pocket profile's contents, to be spoilt."""
    return copy.deepcopy(load_profile("pocket").model_dump(exclude_none=True))


def refused(values: object) -> str:
    with pytest.raises(StudyError) as caught:
        load_profile(values)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_five_profiles_are_there() -> None:
    assert profile_names() == ["full", "laptop", "pocket", "published", "smoke"]


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_loads_and_knows_its_tasks(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    # The bundled corpus has these as well; its book leaves them out to stay short.
    left_out = {"paraphrase", "entailment"} if profile.synthetic else set()
    if name == "pocket":
        left_out |= {"similarity"}
    # The adapters learn from SST-2 whole; a published model's card scores the validation split.
    extra = {"phrases", "card"} if name == "published" else set()
    assert set(profile.tasks) == ROLES - left_out | extra
    for settings in profile.tasks.values():
        task = get_task(settings.task)
        assert (task.repo == "pocket") == profile.synthetic
        assert {"train", "validation", "test"} <= set(task.splits)
    for recipe in profile.pretraining.values():
        assert set(recipe.corpus) <= set(SOURCES)


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_is_a_plain_parameter_file(name: str) -> None:
    parameters = yaml.safe_load((profile_folder() / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(parameters) == {"profile", "seed"}
    assert isinstance(parameters["seed"], int)
    injected = yaml.safe_load(yaml.safe_dump(parameters["profile"]))
    assert load_profile(injected) == load_profile(name) == load_profile(parameters)


SHOWN = [
    ("models", "sentence-transformers/all-MiniLM-L6-v2"),
    ("models", "HuggingFaceTB/SmolLM2-135M-Instruct"),
]


def test_the_bundled_profiles_need_no_data_and_the_real_ones_say_what_they_need() -> None:
    assert needs(load_profile("smoke")) == []
    assert [(need.kind, need.repo) for need in needs(load_profile("pocket"))] == SHOWN
    wanted = {(need.kind, need.repo, need.config) for need in needs(load_profile("full"))}
    assert ("models", "google-t5/t5-small", "") in wanted
    assert ("datasets", "nyu-mll/glue", "cola") in wanted
    own = {(need.kind, need.repo) for need in needs(load_profile("published"))}
    assert ("datasets", "local/classic-books") in own
    assert {need for need in own if need[0] == "models"} == set(SHOWN)


def test_a_checkpoint_that_is_a_folder_is_not_needed_from_elsewhere(tmp_path, pocket) -> None:
    pocket["models"]["bert"] = str(tmp_path)
    pocket["models"]["gpt"] = "openai-community/gpt2"
    repos = [need.repo for need in needs(load_profile(pocket))]
    assert repos == ["openai-community/gpt2", *(repo for _, repo in SHOWN)]


def test_the_full_profile_is_the_reports_recipe_on_all_rows() -> None:
    for role in ("sentiment", "emotion"):
        (settings,) = load_profile("full").settings(f"{role}, T5").values()
        assert (settings.train, settings.validation, settings.test) == (None, None, None)
        assert REPORT.items() <= settings.recipe.model_dump().items()
    assert REPORT.items() <= Recipe().model_dump().items()
    assert Recipe().early_stopping is None


def test_equal_budget_architectures_share_vocabulary_and_tokens() -> None:
    study = Study("published")
    compared = architectures(study)
    assert list(compared) == ["t5", "bert", "gpt"]
    recipes = [study.profile.pretraining[model] for model in compared.values()]
    for key in ("vocabulary_size", "corpus", "batch_tokens", "tokens"):
        assert len({str(getattr(recipe, key)) for recipe in recipes}) == 1


def test_a_profile_is_found_by_path_and_passed_through(tmp_path, pocket) -> None:
    path = tmp_path / "pocket.yaml"
    path.write_text(yaml.safe_dump({"profile": pocket, "seed": 3}), encoding="utf-8")
    profile = load_profile(path)
    assert profile == load_profile("pocket")
    assert load_profile(profile) is profile


def test_a_copied_file_must_give_its_profile_a_name_of_its_own(tmp_path, pocket) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"profile": pocket, "seed": 3}), encoding="utf-8")
    assert "name is 'pocket' in a file called 'mine': write name: mine" in refused(str(path))
    path.write_text(yaml.safe_dump(pocket | {"name": "mine"}), encoding="utf-8")
    assert load_profile(path).name == "mine"


def test_a_profile_is_found_from_a_folder_inside_and_outside_the_checkout(
    tmp_path, monkeypatch
) -> None:
    expected = load_profile("smoke")
    monkeypatch.chdir(profile_folder().parent)
    assert load_profile("smoke") == expected
    monkeypatch.chdir(tmp_path)
    assert load_profile("smoke") == expected


def test_an_unknown_profile_names_the_known_ones() -> None:
    sentence = refused("poket")
    assert "'poket'" in sentence
    assert all(name in sentence for name in profile_names())
    assert "no profile file" in refused("nowhere/mine.yaml")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("3e-4", "0.0003"), ("1E5", "100000.0"), ("1e-8", "1.0e-08"), ("2.5e3", "2500.0")],
)
def test_a_number_that_yaml_reads_as_text_gets_its_right_spelling(
    pocket, text: str, remedy: str
) -> None:
    pocket["recipes"]["labels"]["learning_rate"] = yaml.safe_load(f"x: '{text}'")["x"]
    sentence = refused(pocket)
    assert "recipes.labels.learning_rate" in sentence
    assert f"YAML reads {text} as text, write {remedy}" in sentence
    assert isinstance(yaml.safe_load(f"x: {remedy}")["x"], float)


def test_yaml_reads_the_number_as_text_in_the_file_itself(tmp_path, pocket) -> None:
    path = tmp_path / "mine.yaml"
    text = yaml.safe_dump({"profile": pocket, "seed": 21})
    path.write_text(text.replace("learning_rate: 0.01", "learning_rate: 3e-4", 1), encoding="utf-8")
    sentence = refused(str(path))
    assert "mine.yaml" in sentence
    assert "write 0.0003" in sentence


def test_an_unknown_key_is_refused_with_the_likely_one(pocket) -> None:
    pocket["recipes"]["labels"]["learning_rat"] = 0.1
    sentence = refused(pocket)
    assert "unknown key 'recipes.labels.learning_rat'" in sentence
    assert "did you mean 'learning_rate'" in sentence
    pocket["recipes"]["labels"].pop("learning_rat")
    pocket["zzz"] = 1
    assert "the known keys there are name" in refused(pocket)
    assert "pretraining.t5.architecture.width" in refused(
        load_profile("pocket").model_dump(exclude_none=True) | {"pretraining": _wide(pocket)}
    )


def test_the_likely_key_is_found_in_a_section_of_sections() -> None:
    values = load_profile("smoke").model_dump(exclude_none=True)
    values["recipes"]["few labels"]["learning_rat"] = 0.1
    sentence = refused(values)
    assert "unknown key 'recipes.few labels.learning_rat'" in sentence
    assert "did you mean 'learning_rate'" in sentence
    values = load_profile("smoke").model_dump(exclude_none=True)
    values["experiments"]["all tasks, T5"]["capp"] = 3
    sentence = refused(values)
    assert "unknown key 'experiments.all tasks, T5.capp', did you mean 'cap'" in sentence


def _wide(pocket: dict) -> dict:
    pretraining = copy.deepcopy(pocket["pretraining"])
    pretraining["t5"]["architecture"]["width"] = 3
    return pretraining


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 0),
        ("learning_rate", -0.1),
        ("learning_rate", float("nan")),
        ("epochs", 1.5),
        ("epochs", "2"),
        ("warmup_steps", -1),
        ("dropout", 1.0),
        ("compile", "yes"),
        ("optimizer", "sgd"),
        ("early_stopping", 0),
        ("max_source_length", 4),
    ],
)
def test_a_bad_value_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(StudyError) as caught:
        checked(Recipe, {key: value}, "the command line")
    sentence = str(caught.value)
    assert sentence.startswith(f"the command line: {key} is ")
    assert repr(value) in sentence or f"'{value}'" in sentence


def test_a_seed_that_no_generator_takes_is_refused(pocket) -> None:
    pocket["experiments"]["emotion, T5"]["seeds"] = [21, 2**32]
    assert "experiments.emotion, T5.seeds.1 is 4294967296" in refused(pocket)


def test_a_misspelt_key_is_said_rather_than_the_one_it_leaves_missing(pocket) -> None:
    pocket["abuot"] = pocket.pop("about")
    assert "unknown key 'abuot', did you mean 'about'" in refused(pocket)


def test_an_unknown_key_beside_the_profile_is_refused(pocket) -> None:
    assert "unknown key 'sead' beside" in refused({"profile": pocket, "sead": 21})


def test_fp16_is_refused_with_the_reason(pocket) -> None:
    pocket["recipes"]["labels"]["precision"] = "fp16"
    assert "T5 overflows in fp16" in refused(pocket)


def test_an_own_model_needs_its_recipe(pocket) -> None:
    pocket["pretraining"].pop("gpt")
    assert "model gpt is 'own' and so needs an entry pretraining.gpt" in refused(pocket)


def test_a_wrong_objective_or_shape_is_refused(pocket) -> None:
    for role, key, value, part in (
        ("bert", "objective", "causal", "pretraining.bert.objective must be mlm-nsp"),
        ("gpt", "sequence_length", 4096, "batch_tokens must be at least sequence_length"),
        ("gpt", "save_every", 300, "save_every must be a multiple of evaluate_every"),
        ("t5", "tokens", 1000, "must be at least batch_tokens"),
        ("gpt", "corpus", ["pocket-text", "pocket-text"], "twice"),
        ("gpt", "corpus", ["wikipedia"], "corpus"),
    ):
        spoilt = copy.deepcopy(pocket)
        spoilt["pretraining"][role][key] = value
        assert part in refused(spoilt)
    pocket["pretraining"]["gpt"]["architecture"]["d_kv"] = 33
    assert "d_model must be d_kv times num_heads" in refused(pocket)


def test_a_lacking_key_is_named(pocket) -> None:
    pocket["tasks"]["emotion"].pop("task")
    assert "the key 'tasks.emotion.task' is missing" in refused(pocket)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"profile: [1, 2", "not valid YAML in line"),
        (b"", "holds no keys"),
        (b"- a\n- b\n", "holds no keys"),
        (b"profile: {name: \xff\xfe}", "not UTF-8"),
        (b"name: mine\nabout: a\nname: yours\n", "line 3: the key 'name' stands twice"),
        (b"a: &a {b: 1}\nc: {<<: *a, d: 1, d: 2}\n", "line 2: the key 'd' stands twice"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path, content: bytes, part: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert part in refused(str(path))


def test_profiles_do_not_change_later() -> None:
    profile = load_profile("pocket")
    with pytest.raises(ValueError, match="frozen"):
        profile.name = "other"
    assert isinstance(profile, Profile)
    for one, other in itertools.combinations(profile_names(), 2):
        assert load_profile(one) != load_profile(other)


EXPERIMENT = {"task": "emotion", "model": "t5", "recipe": "labels"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": "cooking"}, "names the task 'cooking', which there is not: sentiment, emotion"),
        ({"model": "t6"}, "names the model 't6', which there is not: t5, bert, gpt"),
        ({"recipe": "none"}, "names the recipe 'none', which there is not: labels"),
        ({"recipe": None}, "a model needs the name of a recipe"),
        ({"tasks": ["emotion", "sst"]}, "name either one task, or several under tasks"),
        ({"baseline": "tfidf-svm"}, "name either a model or a baseline"),
        ({"cap": 3}, "go together"),
        ({"seeds": [21, 21]}, "seeds names one seed twice"),
        ({"labels": [5, 9]}, "labels is a list exactly where the name holds {labels}"),
        ({"task": "summary", "model": "bert"}, "asks bert for texts, which a bert does not write"),
        ({"model": None, "recipe": None, "baseline": "lead"}, "has no baseline 'lead'"),
        ({"model": None, "baseline": "nb-svm"}, "a baseline takes no recipe, remove it"),
        ({"prompt": "{text}"}, "a prompt takes no recipe, remove it"),
        ({"prompt": "{text}", "recipe": None}, "prompt and shots, the number of solved"),
        ({"prompt": "{text}", "recipe": None, "shots": 0}, "t5: only a decoder takes prompts"),
        ({"labels": 300, "recipe": "few labels"}, "differ in nothing but seeds"),
    ],
)
def test_an_experiment_that_cannot_be_run_is_refused(pocket, change, says) -> None:
    pocket["experiments"]["odd"] = EXPERIMENT | change
    assert says in refused(pocket)


def test_one_line_stands_for_a_value_of_each_list_named_in_its_name(pocket) -> None:
    pocket["experiments"] = {
        "{task}, {model}, {labels} labels": EXPERIMENT
        | {"task": ["sst", "emotion"], "model": ["bert", "t5@240k"], "labels": [5, 50]}
    }
    found = load_profile(pocket).experiments
    assert list(found)[:3] == [
        "sst, BERT, 5 labels",
        "sst, BERT, 50 labels",
        "sst, T5 240k, 5 labels",
    ]
    assert len(found) == 8
    last = found["emotion, T5 240k, 50 labels"]
    assert (last.task, last.model, last.labels, last.init) == (
        "emotion",
        "t5@240k",
        50,
        "pretrained",
    )


def test_a_name_stands_for_one_experiment(pocket) -> None:
    pocket["experiments"] = {
        "emotion, T5, 5 labels": EXPERIMENT | {"labels": 5},
        "emotion, T5, {labels} labels": EXPERIMENT | {"labels": [5]},
    }
    assert "'emotion, T5, 5 labels' stands for two experiments" in refused(pocket)
    pocket["experiments"] = {"emotion, T5": EXPERIMENT, "Emotion T5": EXPERIMENT | {"labels": 5}}
    assert "the name 'Emotion T5' is too much like 'emotion, T5'" in refused(pocket)
    pocket["experiments"] = {"emotion, {lables}": EXPERIMENT}
    assert "{lables} is none of task, model, labels" in refused(pocket)


@pytest.mark.parametrize("section", ["learning_curves", "budgets", "variants", "trials", "joint"])
def test_a_profile_of_the_older_form_is_told_the_new_one(pocket, section) -> None:
    sentence = refused(pocket | {section: {"tokens": 12_000}})
    assert f"'{section}' is of an older form" in sentence
    assert "lines of `experiments`" in sentence


def test_a_pretraining_says_what_it_changes_of_another(pocket) -> None:
    pocket["pretraining"]["t5, wide"] = {"of": "t5@240k", "learning_rate": 0.5}
    made = load_profile(pocket).pretraining
    assert made["t5, wide"].recipe == made["t5@240k"].recipe.model_copy(
        update={"learning_rate": 0.5}
    )
    pocket["pretraining"]["odd"] = {"of": "t5", "tokns": 3}
    assert "unknown key 'pretraining.odd.tokns', did you mean 'tokens'" in refused(pocket)
    pocket["pretraining"]["odd"] = {"of": "nothing"}
    assert "pretraining.odd is of 'nothing', which is no entry above it" in refused(pocket)


def test_a_model_says_where_it_is_from_and_what_it_is(pocket) -> None:
    pocket["models"]["minilm"] = "sentence-transformers/all-MiniLM-L6-v2"
    assert "models.minilm needs its kind of network" in refused(pocket)
    pocket["models"]["minilm"] = {"checkpoint": "some/where", "architecture": "bert"}
    assert load_profile(pocket).architecture("minilm") == "bert"
    pocket["models"]["minilm"]["architecture"] = "elmo"
    assert "models.minilm" in refused(pocket)
    assert load_profile("published").architecture("t5@80M") == "t5"
