"""The hub: what it gives is what was pinned, and what is not is refused by name."""

from __future__ import annotations

import json
import shutil
import types
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from t5study.base.errors import StudyError
from t5study.data import hub as hub_module
from t5study.data import pins
from t5study.data.checkpoint_files import has_weights
from t5study.data.contents import content_fingerprint
from t5study.data.hub import Hub
from t5study.data.pins import Need

REPO, CONFIG = "someone/reviews", "plain"
NEED = Need("datasets", REPO, CONFIG)


def table(rows: int = 6, start: int = 0) -> pa.Table:
    numbers = range(start, start + rows)
    return pa.table(
        {
            "text": [f"review number {n}, größer" for n in numbers],
            "label": [n % 2 for n in numbers],
            "idx": list(numbers),
        }
    )


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """A mirror of one made-up data set and one checkpoint without weights, and pins for both."""
    source = tmp_path / "mirror"
    folder = source / "datasets" / REPO / CONFIG
    folder.mkdir(parents=True)
    splits = {}
    for split, start in (("train", 0), ("test", 100)):
        pq.write_table(table(start=start), folder / f"{split}-00000-of-00001.parquet")
        print_ = content_fingerprint(table(start=start), ["text", "label"])
        splits[split] = {"rows": 6, "fingerprint": print_}
    model = source / "models" / "someone" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "t5"}', encoding="utf-8")
    known = {
        "datasets": {
            REPO: {
                "revision": "a" * 40,
                "configs": {CONFIG: {"columns": ["text", "label"], "splits": splits}},
            },
            "local/only": {
                "revision": None,
                "configs": {"default": {"columns": ["text"], "splits": splits}},
            },
        },
        "models": {"someone/model": {"revision": "b" * 40}},
    }
    monkeypatch.setattr(pins, "all_pins", lambda: known)
    monkeypatch.delenv("T5STUDY_HUB", raising=False)
    return source


def test_a_split_is_read_with_all_its_columns(mirror) -> None:
    data = Hub(mirror).dataset(REPO, CONFIG, "train")
    assert data.num_rows == 6
    assert data[5] == {"text": "review number 5, größer", "label": 1, "idx": 5}


def test_the_environment_names_a_mirror_and_the_argument_wins(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("T5STUDY_HUB", str(mirror))
    assert Hub().dataset(REPO, CONFIG, "test").num_rows == 6
    other = tmp_path / "other"
    other.mkdir()
    assert Hub(other).source == other


def test_the_fingerprint_is_of_the_content_not_of_the_file(mirror) -> None:
    path = mirror / "datasets" / REPO / CONFIG / "train-00000-of-00001.parquet"
    path.unlink()
    chunks = pa.concat_tables([table(2), table(4, start=2)])
    chunks = chunks.set_column(0, "text", chunks["text"].cast(pa.large_string()))
    chunks = chunks.set_column(1, "label", chunks["label"].cast(pa.int32()))
    for number, part in enumerate((chunks.slice(0, 3), chunks.slice(3))):
        name = f"train-{number:05}-of-00002.parquet"
        pq.write_table(part, path.with_name(name), compression="gzip", row_group_size=1)
    assert Hub(mirror).dataset(REPO, CONFIG, "train").num_rows == 6


def test_the_hubs_own_conversion_layout_is_read(mirror) -> None:
    folder = mirror / "datasets" / REPO / CONFIG
    (folder / "train").mkdir()
    shutil.move(folder / "train-00000-of-00001.parquet", folder / "train" / "0000.parquet")
    assert Hub(mirror).dataset(REPO, CONFIG, "train").num_rows == 6


@pytest.mark.parametrize(
    "second",
    [
        lambda t: t.set_column(0, "text", t["text"].cast(pa.large_string())),
        lambda t: t.set_column(1, "label", t["label"].cast(pa.int32())),
        lambda t: t.append_column("__index_level_0__", pa.array(range(t.num_rows))),
    ],
)
def test_shards_may_store_the_same_content_in_other_types(mirror, second) -> None:
    path = mirror / "datasets" / REPO / CONFIG / "train-00000-of-00001.parquet"
    path.unlink()
    shards = table(4), second(table(2, start=4))
    for number, shard in enumerate(shards):
        pq.write_table(shard, path.with_name(f"train-{number:05}-of-00002.parquet"))
    data = Hub(mirror).dataset(REPO, CONFIG, "train")
    assert data.column_names == ["text", "label", "idx"]
    assert data["idx"][:] == list(range(6))


def test_shards_that_do_not_fit_together_are_one_sentence(mirror) -> None:
    path = mirror / "datasets" / REPO / CONFIG / "train-00000-of-00001.parquet"
    path.unlink()
    odd = table().set_column(1, "label", pa.array(list("abcdef")))
    for number, shard in enumerate((table(), odd)):
        pq.write_table(shard, path.with_name(f"train-{number:05}-of-00002.parquet"))
    with pytest.raises(StudyError, match="is damaged and cannot be read"):
        Hub(mirror).dataset(REPO, CONFIG, "train")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.slice(1),
        lambda t: t.take([1, 0, 2, 3, 4, 5]),
        lambda t: t.set_column(1, "label", pa.array([1, 1, 0, 1, 0, 1])),
        lambda t: t.drop_columns("label"),
        lambda t: t.set_column(0, "text", pa.array(["a", "b", "c", "d", "e", None])),
    ],
)
def test_other_rows_are_refused(mirror, change) -> None:
    path = mirror / "datasets" / REPO / CONFIG / "train-00000-of-00001.parquet"
    pq.write_table(change(table()), path)
    with pytest.raises(StudyError, match="damaged or different data") as caught:
        Hub(mirror).dataset(REPO, CONFIG, "train")
    assert str(path) in str(caught.value)
    assert "fetch it again" in str(caught.value)


def test_boundaries_between_texts_count() -> None:
    one, other = pa.table({"t": ["ab", "c"]}), pa.table({"t": ["a", "bc"]})
    assert content_fingerprint(one, ["t"]) != content_fingerprint(other, ["t"])
    nested, flat = pa.table({"t": [["a"], ["b", "c"]]}), pa.table({"t": [["a", "b"], ["c"]]})
    assert content_fingerprint(nested, ["t"]) != content_fingerprint(flat, ["t"])
    missing, empty = pa.table({"t": ["a", None]}), pa.table({"t": ["a", ""]})
    assert content_fingerprint(missing, ["t"]) != content_fingerprint(empty, ["t"])


def test_single_and_double_precision_scores_agree() -> None:
    scores = [3.8, 0.25, 4.999]
    single = pa.table({"s": pa.array(scores, pa.float32())})
    double = pa.table({"s": pa.array(scores, pa.float64())})
    assert content_fingerprint(single, ["s"]) == content_fingerprint(double, ["s"])


def test_a_truncated_file_is_named(mirror) -> None:
    path = mirror / "datasets" / REPO / CONFIG / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StudyError, match="damaged and cannot be read") as caught:
        Hub(mirror).dataset(REPO, CONFIG, "train")
    assert str(path) in str(caught.value)


def test_what_a_mirror_lacks_is_named(mirror, tmp_path) -> None:
    with pytest.raises(StudyError, match=r"is not a folder.*t5study fetch"):
        Hub(tmp_path / "nowhere")
    (mirror / "datasets" / REPO / CONFIG / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(StudyError, match=r"no parquet file for the split 'test'.*t5study fetch"):
        Hub(mirror).dataset(REPO, CONFIG, "test")
    shutil.rmtree(mirror / "datasets")
    with pytest.raises(StudyError, match=r"lacks datasets/someone/reviews.*t5study fetch"):
        Hub(mirror).dataset(REPO, CONFIG, "test")


def test_a_missing_shard_is_noticed(mirror) -> None:
    folder = mirror / "datasets" / REPO / CONFIG
    shutil.move(folder / "train-00000-of-00001.parquet", folder / "train-00000-of-00002.parquet")
    with pytest.raises(StudyError, match="lacks some of the files train-"):
        Hub(mirror).dataset(REPO, CONFIG, "train")


def test_unknown_names_list_the_known_ones(mirror) -> None:
    for arguments, part in (
        (("no/such", CONFIG, "train"), REPO),
        ((REPO, "fancy", "train"), CONFIG),
        ((REPO, CONFIG, "validation"), "train, test"),
    ):
        with pytest.raises(StudyError, match=part):
            Hub(mirror).dataset(*arguments)
    with pytest.raises(StudyError, match="'no/such' is neither a folder here nor a rep"):
        Hub().checkpoint("no/such")


def test_fingerprint_and_revision_need_no_data(mirror) -> None:
    empty = Hub()
    assert empty.fingerprint(REPO, CONFIG, "train") != empty.fingerprint(REPO, CONFIG, "test")
    assert empty.revision(REPO) == "a" * 40
    assert empty.revision("someone/model") == "b" * 40
    assert empty.revision("local/only") == "not on the hub"
    with pytest.raises(StudyError, match=r"'no/such' is neither a folder here nor .* pinned"):
        empty.revision("no/such")


def test_without_network_the_sentence_names_the_remedy(mirror, monkeypatch) -> None:
    def refuse(*args, local_files_only=False, **kwargs):
        raise FileNotFoundError if local_files_only else ConnectionError("refused")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", refuse)
    for ask in (
        lambda: Hub().dataset(REPO, CONFIG, "train"),
        lambda: Hub().checkpoint("someone/model"),
    ):
        with pytest.raises(StudyError, match=r"connect to the network.*--source DIR.*fetch"):
            ask()
    with pytest.raises(StudyError, match=r"not on the hub, only in a mirror.*--source DIR"):
        Hub().dataset("local/only", "default", "train")


def test_the_hubs_cache_comes_before_the_network(mirror, monkeypatch) -> None:
    calls = []

    def cached(repo, *, revision, local_files_only=False, **kwargs):
        calls.append((repo, revision, local_files_only))
        return str(mirror / "datasets" / repo)

    monkeypatch.setattr("huggingface_hub.snapshot_download", cached)
    assert Hub().dataset(REPO, CONFIG, "train").num_rows == 6
    assert calls == [(REPO, "a" * 40, True)]


def test_where_data_and_checkpoints_would_come_from(mirror, monkeypatch) -> None:
    def not_cached(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr("huggingface_hub.snapshot_download", not_cached)
    local, model = Need("datasets", "local/only", "default"), Need("models", "someone/model")
    assert Hub(mirror).found(NEED) == "in the mirror"
    assert Hub(mirror).found(local) == "not here"
    assert Hub().found(local) == "not here"
    assert Hub().found(NEED) == "on the hub"
    assert Hub().found(Need("datasets", "pocket", "text")) == "bundled"
    assert Hub().found(model) == "on the hub"
    weights = mirror / "models" / "someone" / "model" / "model.bin"
    weights.touch()
    assert Hub(mirror).found(model) == "not here"
    weights.rename(weights.with_suffix(".safetensors"))
    assert Hub(mirror).found(model) == "not here"
    (weights.parent / "tokenizer.json").touch()
    assert Hub(mirror).found(model) == "in the mirror"


@pytest.mark.parametrize(
    "cached",
    [
        ["config.json", "model.safetensors"],
        ["config.json", "tokenizer.json", "pytorch_model.bin"],
        ["config.json", "tokenizer.json", "model.safetensors.index.json"],
    ],
)
def test_a_cache_that_lacks_a_part_of_a_checkpoint_is_filled(
    mirror, tmp_path, monkeypatch, cached
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in cached:
        (folder / name).write_text('{"weight_map": {"a": "model-1.safetensors"}}')

    def snapshot(repo, local_files_only=False, **kwargs):
        if not local_files_only:
            for name in ("tokenizer.json", "model.safetensors"):
                (folder / name).touch()
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", lambda *args, **kwargs: None)
    need = Need("models", "someone/model")
    assert Hub().found(need) == "on the hub"
    assert Hub().checkpoint("someone/model") == folder
    assert Hub().found(need) == "in the hub's cache"


def test_fetch_makes_a_mirror_that_is_checked(mirror, tmp_path) -> None:
    made = tmp_path / "made"
    needs = [NEED, Need("models", "someone/model"), Need("datasets", "pocket", "text")]
    folders = Hub(mirror).fetch(needs, made)
    assert [folder.relative_to(made).as_posix() for folder in folders] == [
        "datasets/someone/reviews",
        "models/someone/model",
    ]
    sums = (folders[0] / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert [line.split("  ")[1] for line in sums] == [
        f"{CONFIG}/test-00000-of-00001.parquet",
        f"{CONFIG}/train-00000-of-00001.parquet",
    ]
    assert Hub(made).dataset(REPO, CONFIG, "test")[0]["idx"] == 100
    assert Hub(made).checkpoint("someone/model") == folders[1]

    (folders[1] / "config.json").write_text('{"model_type": "t6"}', encoding="utf-8")
    with pytest.raises(StudyError, match=r"config\.json is damaged \(its checksum differs"):
        Hub(made).checkpoint("someone/model")
    Hub(mirror).fetch(needs, made)
    assert Hub(made).checkpoint("someone/model") == folders[1]

    (folders[0] / CONFIG / "train-00000-of-00001.parquet").unlink()
    assert Hub(made).dataset(REPO, CONFIG, "test")[0]["idx"] == 100
    with pytest.raises(StudyError, match=r"no parquet file for the split 'train'.*t5study fetch"):
        Hub(made).dataset(REPO, CONFIG, "train")
    (folders[1] / "config.json").unlink()
    with pytest.raises(StudyError, match=r"has no config\.json"):
        Hub(made).checkpoint("someone/model")


def test_fetch_writes_nothing_into_a_folder_outside_the_mirror(mirror, tmp_path) -> None:
    own = tmp_path / "own"
    shutil.copytree(mirror / "models" / "someone" / "model", own)
    for repo in (str(own), "../../own"):
        with pytest.raises(StudyError, match=r"own' is a path, not the name of a repository"):
            Hub(mirror).fetch([Need("models", repo)], tmp_path / "made")
    assert [path.name for path in own.iterdir()] == ["config.json"]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "harm", [lambda text: text + "0123abcd\n", lambda text: text + "\xff  a\n"]
)
def test_a_damaged_list_of_checksums_is_one_sentence(mirror, tmp_path, harm) -> None:
    (folder,) = Hub(mirror).fetch([Need("models", "someone/model")], tmp_path / "made")
    sums = folder / "SHA256SUMS"
    sums.write_bytes(harm(sums.read_text()).encode("latin-1"))
    with pytest.raises(StudyError, match=r"SHA256SUMS is damaged.*delete it and fetch again"):
        Hub(tmp_path / "made").checkpoint("someone/model")


def test_a_broken_fetch_keeps_what_was_whole_and_leaves_nothing_half(
    mirror, tmp_path, monkeypatch
) -> None:
    made = tmp_path / "made"
    copy = shutil.copyfile
    calls = []

    def break_off(source, target):
        calls.append(target)
        if len(calls) == 2:
            target.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", break_off)
    with pytest.raises(StudyError, match="No space left on device"):
        Hub(mirror).fetch([NEED], made)
    files = sorted(path.name for path in made.rglob("*") if path.is_file())
    assert files == ["test-00000-of-00001.parquet"]
    Hub(mirror).fetch([NEED], made)
    assert len(calls) == 3
    assert Hub(made).dataset(REPO, CONFIG, "train").num_rows == 6


def test_a_source_that_cannot_be_read_is_not_taken_for_a_full_disk(mirror, tmp_path) -> None:
    need = Need("models", "someone/model")
    folder = mirror / "models" / "someone" / "model"
    (folder / "vocab.txt").mkdir()
    with pytest.raises(StudyError, match=r"vocab\.txt cannot be read .*another copy"):
        Hub(mirror).fetch([need], tmp_path / "made")
    (folder / "vocab.txt").rmdir()
    (tmp_path / "full").write_text("a file in the way")
    with pytest.raises(StudyError, match=r"full/models/someone/model/config\.json cannot be wr"):
        Hub(mirror).fetch([need], tmp_path / "full")


def test_pickled_weights_are_refused_and_shards_are_counted(tmp_path) -> None:
    assert not has_weights(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(StudyError, match=r"pytorch_model\.bin only, which is not read"):
        has_weights(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "model.gguf")
    with pytest.raises(StudyError, match=r"model\.gguf only, which is not read"):
        has_weights(tmp_path)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "model-1.safetensors").touch()
    with pytest.raises(StudyError, match=r"lacks its weight file model-2\.safetensors"):
        has_weights(tmp_path)
    (tmp_path / "model-2.safetensors").touch()
    assert has_weights(tmp_path)


def test_a_checkpoint_may_be_a_folder_but_must_be_one(tmp_path, mirror) -> None:
    folder = mirror / "models" / "someone" / "model"
    assert Hub().checkpoint(str(folder)) == folder
    with pytest.raises(StudyError, match=r"has no config\.json"):
        Hub().checkpoint(str(tmp_path))


def test_a_pinned_name_is_the_mirrors_whatever_folder_is_here(mirror, tmp_path, monkeypatch):
    here = tmp_path / "someone" / "model"
    shutil.copytree(mirror / "models" / "someone" / "model", here)
    monkeypatch.chdir(tmp_path)
    assert Hub(mirror).checkpoint("someone/model") == mirror / "models" / "someone" / "model"
    assert Hub(mirror).checkpoint("./someone/model").resolve() == here
    assert Hub(mirror).checkpoint(str(here)) == here


def test_the_bundled_corpus_needs_no_place(monkeypatch) -> None:
    rows = [{"text": "a fine film", "label": 1}]
    fake = types.SimpleNamespace(VERSION=7, rows=lambda config, split: rows)
    monkeypatch.setattr(hub_module, "_pocket", lambda: fake)
    hub_module._pocket_dataset.cache_clear()
    hub = Hub()
    assert hub.dataset("pocket", "sentiment", "train").to_list() == rows
    assert hub.fingerprint("pocket", "sentiment", "train") == "pocket-v7-sentiment-train"
    assert hub.revision("pocket") == "v7"
    hub_module._pocket_dataset.cache_clear()


def test_pins_are_commits_and_fingerprints() -> None:
    known = pins.all_pins()
    hexadecimal = set("0123456789abcdef")
    assert known["models"]["google-t5/t5-small"]["revision"].startswith("df1b051c")
    for repo in known["models"]:
        assert len(known["models"][repo]["revision"]) == 40
        package = pins.package_of(repo)
        for digest in (package.sha256, *package.files.values()) if package else ():
            assert len(digest) == 64
            assert set(digest) <= hexadecimal
    for repo, pin in known["datasets"].items():
        assert (pin["revision"] is None) == repo.startswith("local/")
        for config in pin["configs"].values():
            assert config["columns"]
            for split in config["splits"].values():
                assert split["rows"] > 0
                assert len(split["fingerprint"]) == 64
                assert set(split["fingerprint"]) <= hexadecimal
