"""Tools shared by the observations: ids and pieces, attention weights, influence.

Nothing here knows a profile: special tokens are taken from the tokenizer, so the same code looks
at the small models of this study and at the published checkpoints.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import numpy as np
import torch

from t5study.base.errors import StudyError
from t5study.base.quiet import quiet


@contextlib.contextmanager
def looking_at(model) -> Iterator[None]:
    """Evaluation mode, no gradients, and attention weights that can be read.

    The default attention of PyTorch (sdpa) never forms the matrix of weights; only the eager
    implementation hands it out. Mode and implementation are put back at the end. The library's
    hints are silenced meanwhile: they would stand in the pages.
    """
    before, training = model.config._attn_implementation, model.training
    model.eval()
    model.set_attn_implementation("eager")
    try:
        with quiet(), torch.no_grad():
            yield
    finally:
        model.set_attn_implementation(before)
        model.train(training)


@contextlib.contextmanager
def sampling(model, seed: int) -> Iterator[None]:
    """Random draws from a seed of their own; the global generators are put back afterwards."""
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def plain_ids(tokenizer, text: str) -> list[int]:
    """Ids of a text without any special token."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def start_id(tokenizer) -> int:
    """The id a causal language model reads before the first word."""
    # A model tuned to chat names the start of a turn; its texts began behind this one.
    parting = tokenizer.get_vocab().get("<|endoftext|>")
    for value in (parting, tokenizer.bos_token_id, tokenizer.eos_token_id):
        if value is not None:
            return value
    raise StudyError("The tokenizer names neither a beginning nor an end of text: use GPT's own.")


def pieces(tokenizer, ids) -> list[str]:
    """Tokens as a figure shows them: `▁` marks a space before, whatever the tokenizer writes.

    A model may have more ids than its tokenizer has pieces (T5-small: 32,128 and 32,100), so an
    id without a piece is shown by its number.
    """
    ids = list(ids)
    names = zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True)
    return [(name or f"<{index}>").replace("Ġ", "▁").replace("Ċ", "⏎") for index, name in names]


def tensor(model, ids) -> torch.Tensor:
    """A batch of one row of ids, where the model is."""
    return torch.tensor([list(ids)], dtype=torch.long, device=model.device)


def stacked(weights) -> np.ndarray:
    """A model's tuple of attention weights as one array (layers, heads, queries, keys)."""
    return torch.stack([layer[0] for layer in weights]).float().cpu().numpy()


def on_the_future(weights: np.ndarray) -> float:
    """Return the largest weight (…, queries, keys) that lies on a later position."""
    return float(np.triu(weights, 1).max(initial=0.0))


def looks(model, batch: torch.Tensor) -> np.ndarray:
    """Return the attention weights (layers, heads, queries, keys) of a model on one row of ids."""
    return stacked(model(batch, output_attentions=True).attentions)


def written(model, ids, length: int, **arguments) -> list[int]:
    """Return what a model writes for one row of ids: at most `length` tokens, greedily.

    Of a decoder that is what it read, and then what it wrote. `arguments` go to `generate`.
    """
    batch = tensor(model, ids)
    greedy = {"do_sample": False, "num_beams": 1}
    return model.generate(
        batch,
        attention_mask=torch.ones_like(batch),
        max_new_tokens=length,
        **greedy | arguments,
    )[0].tolist()


def log_probabilities(model, ids) -> torch.Tensor:
    """Return log p of each token of a row after the first, given all before it."""
    batch = tensor(model, ids)
    logs = model(batch).logits[0, :-1].float().log_softmax(-1)
    return logs.gather(1, batch[0, 1:, None])[:, 0]


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy in bits along the last axis; 0 log 0 counts as 0."""
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return -(probabilities * np.log2(safe)).sum(-1)


def top_candidates(tokenizer, probabilities: torch.Tensor, top: int) -> list[dict]:
    """The `top` most probable tokens of one distribution, best first."""
    values, ids = probabilities.topk(min(top, probabilities.numel()))
    names = pieces(tokenizer, ids.tolist())
    return [
        {"token": name, "probability": value}
        for name, value in zip(names, values.tolist(), strict=True)
    ]


def rank_of(probabilities: torch.Tensor, index: int) -> int:
    """Place of one token among all, 1 for the most probable."""
    return int((probabilities > probabilities[index]).sum()) + 1


_MARK = re.compile(r"\[([^\[\]]+)\]")


def unmarked(sentence: str) -> tuple[str, list[tuple[int, int]]]:
    """Take the square brackets out of `The film was [good].`: the text and the spans inside.

    Raises StudyError when nothing is marked.
    """
    text, spans, read = "", [], 0
    for mark in _MARK.finditer(sentence):
        text += sentence[read : mark.start()]
        spans.append((len(text), len(text) + len(mark[1])))
        text += mark[1]
        read = mark.end()
    if not spans:
        raise StudyError(
            f"Mark a word with square brackets, as in 'The film was [good].': {sentence!r}"
        )
    return text + sentence[read:], spans


def marked_ids(tokenizer, sentence: str, special: bool = False) -> tuple[list[int], list[int]]:
    """Ids of a sentence whose brackets are taken out, and the places of the marked words' ids.

    With `special` they stand between the tokenizer's special tokens, else without these.

    The whole sentence is tokenised as in training, and then the words are looked up in it:
    tokenising the sides apart would give other pieces.
    """
    text, spans = unmarked(sentence)
    encoded = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
    # A special token stands at no letters: its offsets are empty.
    places = [
        place
        for place, (left, right) in enumerate(encoded["offset_mapping"])
        if any(left < end and right > start for start, end in spans)
    ]
    return encoded["input_ids"], places


def marked_word(tokenizer, sentence: str) -> tuple[list[int], int]:
    """As `marked_ids`, for one word that is one token in this vocabulary.

    Raises StudyError when it is not.
    """
    ids, places = marked_ids(tokenizer, sentence)
    if len(places) != 1:
        raise StudyError(
            f"The marked part of {sentence!r} is {len(places)} tokens in this vocabulary:"
            " mark one word, and a common one."
        )
    return ids, places[0]


def influence(
    states: Callable[[torch.Tensor], torch.Tensor], ids: torch.Tensor, other: int
) -> np.ndarray:
    """How far the last hidden state at i moves when token j is replaced: an array [i, j].

    `states` maps a batch of ids (rows, length) to hidden states (rows, length, width); `ids` is
    one row, `other` the id put in place of each token in turn. The distance is Euclidean, divided
    by the length of the undisturbed state. Every column is a real forward pass: it says what a
    position can know of another through all the layers, whatever masks the code claims.
    """
    length = ids.shape[1]
    changed = ids.repeat(length, 1)
    changed.fill_diagonal_(other)
    # In one batch: a batch of another size may be summed in another order, and round differently.
    whole, *others = states(torch.cat([ids, changed]))
    moved = (torch.stack(others) - whole).norm(dim=-1) / whole.norm(dim=-1).clamp_min(1e-12)
    return moved.T.float().cpu().numpy()


def sides(moved: np.ndarray) -> dict[str, float]:
    """Return how far a position moves at most by a token to its right, and by one to its left."""
    later = np.triu(np.ones_like(moved, dtype=bool), 1)
    return {
        "from_the_right": float(moved[later].max(initial=0.0)),
        "from_the_left": float(moved[later.T].max(initial=0.0)),
    }


def one_piece_ids(tokenizer, group: list[str]) -> list[int]:
    """Return the id inside a sentence of each word of a group that is one token, the others not."""
    ids = [plain_ids(tokenizer, " " + word) for word in group]
    return [row[0] for row in ids if len(row) == 1]
