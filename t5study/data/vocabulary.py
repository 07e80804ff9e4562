"""One SentencePiece vocabulary for T5, BERT and GPT, saved as a fast T5 tokenizer.

The layout of the ids is T5's (Raffel et al. 2020, section 2.2): 0 pads, 1 ends a sequence, 2 is
unknown, and the sentinels `<extra_id_N>` … `<extra_id_0>` close the table, so that the id of
`<extra_id_0>` is the highest. Three more special pieces serve the other two architectures:
`[CLS]`, `[SEP]` and `[MASK]` (ids 3, 4 and 5) are BERT's, and GPT begins and ends a text with
`</s>`, as GPT-2 does with its one `<|endoftext|>`. There is no byte fallback, as in T5: a character
that the training text never showed becomes the unknown piece.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from t5study.base.errors import StudyError
from t5study.base.files import replacing

PAD, EOS, UNK, CLS, SEP, MASK = 0, 1, 2, 3, 4, 5
SPECIAL_PIECES = ("<pad>", "</s>", "<unk>", "[CLS]", "[SEP]", "[MASK]")

PROMPT_CHARACTERS = "0123456789.:_"
"""Always in the vocabulary: prompts and labels are written with them, whatever the text holds."""

PROMPT_WORDS = (
    *("imdb", "review", "negative", "positive", "emotion", "sadness", "joy", "love", "anger"),
    *("fear", "surprise", "cola", "sentence", "unacceptable", "acceptable", "sst", "mrpc", "not"),
    *("equivalent", "rte", "entailment", "wnli", "stsb", "translate", "English", "to", "German"),
    *("summarize", "sentiment", "acceptability", "paraphrase", "similarity"),
)
"""Wanted in every vocabulary as one piece each: the words of prompts and labels.

A further task is written with the pieces that there are, and changes no model that was made before.
Words added here make another vocabulary, and so another identity of every pre-training.
"""

# The trainer's sums depend on how the sentences are dealt out to its threads: the number is fixed.
_THREADS = 2
_SAMPLE_CHARACTERS = 24_000_000
_FOLLOWERS = ("", " .", ".", ",", ":")
_SPELLINGS = 10


def sentinel_ids(tokenizer) -> list[int]:
    """Ids of the tokenizer's sentinels in the order of their use (descending, as in T5)."""
    ids = []
    vocabulary = tokenizer.get_vocab()
    while (token := f"<extra_id_{len(ids)}>") in vocabulary:
        ids.append(vocabulary[token])
    return ids


def _sample(texts: list[str], limit: int) -> Iterator[str]:
    """Texts spread evenly over the corpus, at most `limit` characters in all."""
    total = sum(map(len, texts))
    keep = min(1.0, limit / max(total, 1))
    due = 0.0
    for text in texts:
        due += keep
        if due >= 1.0:
            due -= 1.0
            yield " ".join(text.split())


def _train_pieces(texts: list[str], pieces: int) -> bytes:
    """Train the unigram model (Kudo 2018) and return the serialised SentencePiece model."""
    import sentencepiece

    sentencepiece.set_random_generator_seed(0)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_sample(texts, _SAMPLE_CHARACTERS),
            model_writer=model,
            model_type="unigram",
            vocab_size=pieces,
            hard_vocab_limit=False,
            normalization_rule_name="nmt_nfkc",
            character_coverage=0.9999,
            required_chars=PROMPT_CHARACTERS,
            pad_id=PAD,
            eos_id=EOS,
            unk_id=UNK,
            bos_id=-1,
            pad_piece="<pad>",
            control_symbols=",".join(SPECIAL_PIECES[3:]),
            max_sentence_length=1 << 20,
            num_threads=_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise StudyError(
            f"SentencePiece could not train a vocabulary of {pieces} pieces on this text"
            f" ({str(error).splitlines()[-1].strip()}): give more text or another size."
        ) from error
    return model.getvalue()


def _fast_tokenizer(model: bytes, sentinels: int):
    """A `T5Tokenizer` with the pieces of a SentencePiece model and the sentinels behind them."""
    from sentencepiece import SentencePieceProcessor
    from sentencepiece import sentencepiece_model_pb2 as proto
    from transformers import T5Tokenizer

    pieces = SentencePieceProcessor(model_proto=model)
    vocabulary = [
        (pieces.id_to_piece(index), pieces.get_score(index)) for index in range(len(pieces))
    ]
    vocabulary += [(f"<extra_id_{index}>", 0.0) for index in reversed(range(sentinels))]
    specification = proto.ModelProto.FromString(model)
    return T5Tokenizer(
        vocab=vocabulary,
        _spm_precompiled_charsmap=specification.normalizer_spec.precompiled_charsmap,
        extra_ids=sentinels,
        bos_token="</s>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        clean_up_tokenization_spaces=False,
    )


def framed(tokenizer, template: str):
    """The same pieces, with every text put into a frame of special pieces such as `[CLS] $A [SEP]`.

    T5's class would put back its own frame, `$A </s>`, whenever it is loaded; the library's plain
    fast tokenizer keeps what is saved.
    """
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    special = [piece for piece in template.split() if piece != "$A"]
    pieces.post_processor = TemplateProcessing(
        single=template,
        special_tokens=[(piece, tokenizer.convert_tokens_to_ids(piece)) for piece in special],
    )
    return PreTrainedTokenizerFast(tokenizer_object=pieces, **tokenizer.special_tokens_map)


def _spelled_out(words: Iterable[str]) -> list[str]:
    """The words with several followers each, often enough to be worth a piece.

    The trainer takes a string for a candidate only where what comes after it varies, so a word
    that is merely repeated would never become one piece.
    """
    return [word + follower for word in words for follower in _FOLLOWERS] * _SPELLINGS


def train_vocabulary(
    texts: Iterable[str],
    size: int,
    folder: str | Path,
    sentinels: int = 100,
    words: Iterable[str] = (),
) -> Path:
    """Train a vocabulary and save it as a tokenizer folder; the same texts give the same bytes.

    `size` counts every id: special pieces, pieces of text and sentinels. A text too small for it
    gets a smaller vocabulary. `words` are wanted as one piece each, whether the texts hold them or
    not: those of prompts and labels. `folder` receives `spiece.model`, `tokenizer.json` and
    `tokenizer_config.json` and is replaced when it exists. Returns `folder`.

    Raises StudyError when SentencePiece makes no vocabulary of these texts.
    """
    model = _train_pieces([*texts, *_spelled_out(words)], size - sentinels)
    with replacing(Path(folder)) as draft:
        _fast_tokenizer(model, sentinels).save_pretrained(draft)
        (draft / "spiece.model").write_bytes(model)
    return Path(folder)
