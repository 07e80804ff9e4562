"""Pre-training: corpora without test texts, packing, examples, plans, cost, exact resume."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from t5study.base.errors import StudyError
from t5study.data import corpora
from t5study.data.hub import Hub
from t5study.data.vocabulary import train_vocabulary
from t5study.experiments.pretraining import Pretraining
from t5study.experiments.recipes import Architecture, PretrainingRecipe
from t5study.models.modules import parameter_count
from t5study.pretraining import embeddings as cooccurrence
from t5study.pretraining import examples, objectives
from t5study.pretraining.examples import EXAMPLES, Windows
from t5study.pretraining.models import build_model
from t5study.pretraining.plan import PretrainingPlan
from t5study.pretraining.run import flops_per_sequence, pretrain
from t5study.pretraining.text import corpus_text
from t5study.runs.store import RunStore
from t5study.training.loop import StudyTrainer

ARCHITECTURES = {"t5": "span-corruption", "bert": "mlm-nsp", "gpt": "causal"}
SUBJECTS = ["the film", "the plot", "a scene", "the actor", "this story"]
VERBS = ["was", "seemed", "is", "remained"]
QUALITIES = ["good", "bad", "dull", "bright", "slow", "moving", "odd"]


def texts(count: int = 400) -> list[str]:
    draw = random.Random(0)

    def sentence() -> str:
        words = f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(QUALITIES)}."
        return words.capitalize()

    return [" ".join(sentence() for _ in range(draw.randint(2, 6))) for _ in range(count)]


def recipe(architecture: str, **changes) -> PretrainingRecipe:
    decoder = 1 if architecture == "t5" else None
    values = {
        "objective": ARCHITECTURES[architecture],
        "corpus": ["pocket-text"],
        "architecture": Architecture(
            d_model=32,
            d_ff=64,
            d_kv=16,
            num_heads=2,
            num_layers=1,
            num_decoder_layers=decoder,
            dropout=0.1,
        ),
        "vocabulary_size": 200,
        "tokens": 4 * 512,
        "batch_tokens": 512,
        "sequence_length": 32,
        "learning_rate": 5e-3,
        "precision": "fp32",
        "evaluate_every": 2,
        "save_every": 2,
    }
    return PretrainingRecipe.model_validate(values | changes)


@pytest.fixture
def small_corpus(monkeypatch):
    """The recipes' corpus, made here in place of the larger bundled one."""
    corpus = corpora.sift(texts())
    monkeypatch.setattr(corpora, "gather", lambda names, hub: corpus)
    return corpus


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = train_vocabulary(texts(), 200, tmp_path_factory.mktemp("text") / "vocabulary", 20)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def stream(tokenizer, tmp_path_factory):
    return corpora.pack(texts(), tokenizer, tmp_path_factory.mktemp("ids") / "train.ids")


# --- corpora


def test_texts_of_a_test_set_are_left_out_and_counted():
    corpus = corpora.sift(
        ["A fine film.", "A dull film!", "  ", "another one", "a  FINE film", "Another one."],
        tests=["a dull film"],
    )
    assert sorted(corpus.train + corpus.held_out) == ["A fine film.", "another one"]
    assert corpus.counts["excluded_in_test"] == 1
    assert corpus.counts["excluded_repeated"] == 2
    assert corpus.counts["excluded_blank"] == 1


def test_about_one_text_in_a_hundred_is_held_out_whatever_the_order():
    lines = [f"text number {number}" for number in range(5000)]
    corpus = corpora.sift(lines)
    assert 20 < len(corpus.held_out) < 90
    assert set(corpora.sift(lines[::-1]).held_out) == set(corpus.held_out)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "has 0 texts"),
        (["", " \n"], "2 blank ones"),
        (["seen in the test"], "1 of a test set"),
        (["only one"], "has 1 texts"),
    ],
)
def test_an_unusable_corpus_is_refused(lines, message):
    with pytest.raises(StudyError, match=message):
        corpora.sift(lines, tests=["Seen in the test."])


def test_packing_keeps_every_text_and_is_done_once(tokenizer, tmp_path):
    lines = texts(30)
    packed = corpora.pack(lines, tokenizer, tmp_path / "a.ids")
    parted = corpora.separated(packed, separator=1)
    assert packed.documents == parted.documents == 30
    assert packed.ids.dtype == parted.ids.dtype == np.uint16
    for number, line in enumerate(lines):
        assert packed.document(number).tolist() == tokenizer(line).input_ids[:-1]
        assert parted.document(number).tolist() == tokenizer(line).input_ids
    again = corpora.pack(["something else"], tokenizer, tmp_path / "a.ids")
    assert np.array_equal(again.ids, packed.ids)


def test_a_half_packed_corpus_is_packed_again(tokenizer, tmp_path):
    (tmp_path / "a.ids").write_bytes(b"\x01\x02")
    packed = corpora.pack(texts(5), tokenizer, tmp_path / "a.ids")
    assert packed.starts[-1] == len(packed.ids) > 5


def test_sentences_are_cut_behind_their_full_stop(tokenizer):
    ends = corpora.sentence_ends(tokenizer)
    ids = np.array(tokenizer("The film was good. The plot is odd.").input_ids[:-1])
    parts = corpora.sentences(ids, ends)
    assert [tokenizer.decode(part) for part in parts] == ["The film was good.", "The plot is odd."]


# --- examples


def test_windows_meet_every_piece_once_an_epoch():
    windows = Windows(np.arange(1000), 10, seed=1)
    epoch = windows(np.arange(99))
    assert np.array_equal(np.diff(epoch, axis=1), np.ones((99, 9)))
    assert len(np.unique(epoch)) == 990
    assert not np.array_equal(epoch, windows(np.arange(99, 198)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_plan_is_a_function_of_seed_and_step(architecture, tokenizer, stream):
    examples = EXAMPLES[architecture](stream, tokenizer, 32, 7)
    plan = PretrainingPlan(examples, rows=8, steps=3, seed=7, micro_rows=8)
    first, again, other = plan[1], plan[1], plan[2]
    ids = first["micro_batches"][0]["input_ids"]
    assert torch.equal(ids, again["micro_batches"][0]["input_ids"])
    assert ids.shape[0] == 8
    assert not torch.equal(ids, other["micro_batches"][0]["input_ids"][:, : ids.shape[1]])
    with pytest.raises(IndexError):
        plan[3]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_gradient_does_not_depend_on_how_an_update_is_cut(architecture, tokenizer, stream):
    """16 x 1, 1 x 16 and two processes give the same gradient."""
    model = build_model(architecture, recipe(architecture), tokenizer, 0).eval()
    examples = EXAMPLES[architecture](stream, tokenizer, 32, 7)
    whole = PretrainingPlan(examples, rows=16, steps=1, seed=7, micro_rows=16)
    plans = [
        [whole],
        [replace(whole, micro_rows=1)],
        [replace(whole, rank=rank, world_size=2) for rank in range(2)],
    ]
    norms = [_gradient_norm(model, examples.loss, processes) for processes in plans]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)
    assert norms[2] == pytest.approx(norms[0], rel=1e-4)


def _gradient_norm(model, loss, processes) -> float:
    model.zero_grad()
    for plan in processes:
        update = plan[0]
        for batch in update["micro_batches"]:
            (loss(model, batch) / update["items"]).backward()
    return torch.nn.utils.get_total_norm([p.grad for p in model.parameters()]).item()


def test_an_update_smaller_than_the_processes_is_refused(tokenizer, stream):
    examples = EXAMPLES["gpt"](stream, tokenizer, 32, 7)
    with pytest.raises(StudyError, match="processes"):
        PretrainingPlan(examples, rows=2, steps=1, seed=0, micro_rows=8, world_size=4)


def test_a_window_with_more_spans_than_sentinels_is_refused_before_training(stream, tokenizer):
    with pytest.raises(StudyError, match=r"need .* sentinels and the vocabulary has .*: use"):
        EXAMPLES["t5"](stream, tokenizer, 4096, 7)


def test_t5_windows_need_no_padding(tokenizer, stream):
    examples = EXAMPLES["t5"](stream, tokenizer, 32, 0)
    batch, items = examples(np.arange(5), objectives.generator(0, 0))
    assert batch["input_ids"].shape == (5, 32)
    assert items == batch["labels"].numel() == 5 * examples.targets_length
    assert batch["decoder_input_ids"][:, 0].eq(tokenizer.pad_token_id).all()
    assert torch.equal(batch["decoder_input_ids"][:, 1:], batch["labels"][:, :-1])


def test_bert_pairs_have_their_form(tokenizer, stream):
    examples = EXAMPLES["bert"](stream, tokenizer, 32, 0)
    batch, items = examples(np.arange(50), objectives.generator(0, 0))
    ids = torch.where(batch["labels"] == -100, batch["input_ids"], batch["labels"])
    assert ids[:, 0].eq(tokenizer.cls_token_id).all()
    assert ids.eq(tokenizer.sep_token_id).sum(1).eq(2).all()
    assert torch.equal(batch["attention_mask"].bool(), ids != tokenizer.pad_token_id)
    between = (ids == tokenizer.sep_token_id).cumsum(1)
    inside = (ids != tokenizer.sep_token_id) & (ids != tokenizer.pad_token_id)
    assert torch.equal(batch["token_type_ids"][inside], between[inside])
    assert items == int((batch["labels"] != -100).sum())
    assert 5 < int(batch["next_sentence_label"].sum()) < 45


def test_bert_s_loss_is_the_sum_of_its_two_means(tokenizer, stream):
    model = build_model("bert", recipe("bert"), tokenizer, 0).eval()
    examples = EXAMPLES["bert"](stream, tokenizer, 32, 0)
    batch, items = examples(np.arange(8), objectives.generator(0, 0))
    names = ("input_ids", "attention_mask", "token_type_ids", "labels", "next_sentence_label")
    expected = model(**{name: batch[name] for name in names}).loss
    assert (examples.loss(model, batch) / items).item() == pytest.approx(expected.item(), rel=1e-5)


def test_texts_of_one_sentence_give_no_pairs(tokenizer, tmp_path):
    single = corpora.pack(["the film was good."] * 4, tokenizer, tmp_path / "a.ids")
    with pytest.raises(StudyError, match="several sentences"):
        EXAMPLES["bert"](single, tokenizer, 32, 0)


# --- models and cost


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_multiplied_weights_are_those_of_the_model(architecture, tokenizer):
    """Weights counted for one piece against the model's own matrices."""
    settings = recipe(architecture)
    model = build_model(architecture, settings, tokenizer, 0)
    matrices = sum(
        p.numel()
        for name, p in model.named_parameters()
        if p.dim() == 2
        and "emb" not in name
        and "shared" not in name
        and ".wte" not in name
        and ".wpe" not in name
        and "relative" not in name
        and "pooler" not in name
        and "cls." not in name
    )
    output = settings.architecture.d_model * len(tokenizer)
    cost = flops_per_sequence(settings, len(tokenizer), 1, 1)
    attention = 12 * 32 * (3 if architecture == "t5" else 1)
    assert cost == 6 * (matrices + output) + attention


def test_bert_writes_the_masked_pieces_as_it_would_among_all(tokenizer, stream):
    model = build_model("bert", recipe("bert"), tokenizer, 0).eval()
    batch, _ = examples.MaskedPairs(stream, tokenizer, 32, 7)(
        np.arange(4), objectives.generator(7, 0)
    )
    words, labels, following, _ = examples._bert_outputs(model, batch)
    whole = model(**{k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids")})
    masked = batch["labels"] != objectives.IGNORED
    torch.testing.assert_close(words, whole.prediction_logits[masked])
    torch.testing.assert_close(following, whole.seq_relationship_logits)
    assert labels.tolist() == batch["labels"][masked].tolist()


def test_the_text_of_a_store_is_made_once(small_corpus, tmp_path, monkeypatch):
    """A second model finds vocabulary and ids; a half-made folder is completed."""
    first = corpus_text(recipe("t5"), Hub(), tmp_path)
    monkeypatch.setattr(corpora, "gather", lambda names, hub: pytest.fail("gathered again"))
    second = corpus_text(recipe("gpt"), Hub(), tmp_path)
    assert np.array_equal(first.train.ids, second.train.ids)
    assert first.counts == second.counts == small_corpus.counts
    next(tmp_path.glob(".text-*/counts.json")).unlink()
    monkeypatch.setattr(corpora, "gather", lambda names, hub: small_corpus)
    assert corpus_text(recipe("t5"), Hub(), tmp_path).counts == small_corpus.counts


def test_t5_is_version_one(tokenizer):
    model = build_model("t5", recipe("t5"), tokenizer, 0)
    assert model.config.decoder_start_token_id == tokenizer.pad_token_id
    assert model.config.scale_decoder_outputs
    assert model.lm_head.weight is model.shared.weight
    assert not model.config.is_gated_act


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_seed_gives_the_same_weights(architecture, tokenizer):
    state = torch.random.get_rng_state()
    models = [build_model(architecture, recipe(architecture), tokenizer, s) for s in (1, 1, 2)]
    assert torch.equal(state, torch.random.get_rng_state())
    one, same, other = (m.get_input_embeddings().weight for m in models)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_pieces_used_alike_get_alike_embeddings():
    """Texts of two subjects: one uses the pieces 6 to 12, the other 13 to 19."""
    draw = np.random.default_rng(0)
    ids = np.concatenate([draw.integers(6, 13, 50) + 7 * (number % 2) for number in range(200)])
    table = cooccurrence.embeddings(ids, 24, width=16, seed=0)
    assert torch.allclose(table[6:20].pow(2).mean(1), torch.ones(14))
    assert not table[:6].any()
    assert not table[20:].any()
    unit = torch.nn.functional.normalize(table, dim=1)
    alike = unit[6:20] @ unit[6:20].T
    assert alike[:7, :7].min() > alike[:7, 7:].max() + 0.2
    again = cooccurrence.embeddings(ids, 24, width=16, seed=0)
    assert torch.allclose(table, again, atol=1e-4)


def test_placed_embeddings_keep_the_model_s_scale_and_its_rare_pieces():
    embedding = torch.nn.Embedding(10, 4)
    torch.nn.init.normal_(embedding.weight, std=0.02)
    before = embedding.weight.detach().clone()
    table = torch.zeros(10, 4)
    table[3:6] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    cooccurrence.place(embedding, table)
    assert torch.equal(embedding.weight[6:], before[6:])
    assert embedding.weight[3].abs().tolist() == pytest.approx(
        [before.pow(2).mean().sqrt().item()] * 4
    )


# --- whole runs


def run(plan: Pretraining, root):
    hub = Hub()
    return RunStore(root).obtain(plan.config(hub), lambda work: pretrain(plan, hub, work))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_run_learns_and_keeps_its_record(architecture, small_corpus, tmp_path):
    settings = recipe(architecture, tokens=16 * 512, evaluate_every=8, save_every=8)
    made = run(Pretraining(architecture, settings, 3), tmp_path)
    history = made.history.dropna(subset=["held_out_loss"])
    assert history["held_out_loss"].iloc[-1] < history["held_out_loss"].iloc[0]
    assert history["tokens"].iloc[-1] == made.metrics["tokens"] == 16 * 512
    assert made.metrics["held_out_loss"] == pytest.approx(history["held_out_loss"].iloc[-1])
    assert made.metrics["documents"] == len(small_corpus.train)
    assert made.metrics["flops"] > 0
    if architecture == "bert":
        assert made.metrics["non_pad_tokens"] < made.metrics["tokens"]
    tokenizer = AutoTokenizer.from_pretrained(made.path / "model")
    assert tokenizer.pad_token_id == 0
    ids = tokenizer("a film", truncation=True, max_length=3).input_ids
    if architecture == "bert":  # as it met texts in pre-training, also where they are cut
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    else:
        assert ids[-1] == tokenizer.eos_token_id
        assert tokenizer.cls_token_id not in ids
    assert (made.path / "model" / "model.safetensors").is_file()
    assert made.metrics["parameters"] == parameter_count(
        build_model(architecture, settings, tokenizer, 3)
    )


def test_an_interrupted_run_ends_with_the_same_weights(small_corpus, tmp_path, monkeypatch):
    plan = Pretraining("t5", recipe("t5", initial_embeddings="cooccurrence"), 3)
    whole = run(plan, tmp_path / "whole")
    step = StudyTrainer.training_step

    def interrupted(self, *args, **kwargs):
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(StudyTrainer, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(plan, tmp_path / "broken")
    monkeypatch.setattr(StudyTrainer, "training_step", step)
    resumed = run(plan, tmp_path / "broken")
    assert resumed.provenance["resumed_from"] == 2
    for column in ("held_out_loss", "loss"):
        assert resumed.history[column].dropna().tolist() == pytest.approx(
            whole.history[column].dropna().tolist(), rel=1e-6
        )
    weights = [(r.path / "model" / "model.safetensors").read_bytes() for r in (whole, resumed)]
    assert weights[0] == weights[1]


def test_the_identity_names_what_decides_the_result():
    hub = Hub()
    plan = Pretraining("t5", recipe("t5"), 3)
    config = plan.config(hub)
    assert config == Pretraining("t5", recipe("t5", compile=True), 3).config(hub)
    for other in (
        replace(plan, seed=4),
        replace(plan, recipe=recipe("t5", tokens=1024)),
        replace(plan, recipe=recipe("t5", initial_embeddings="cooccurrence")),
    ):
        assert other.config(hub) != config
