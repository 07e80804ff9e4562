"""Observations: small computations on one model that chapters 1 to 7 show.

An observation is a pure function `(model, tokenizer, **inputs) -> Observation`, entered in
`OBSERVATIONS` under its name. `Study.observe` calls it once and keeps the result as a run record,
from which the figures are drawn. Castings and answers to texts of one's own are kept as well.
"""

from __future__ import annotations

from typing import Any

from transformers import BertModel, LlamaForCausalLM, PreTrainedModel

from t5study.base.errors import StudyError
from t5study.chapters.observations import bert, generation, gpt, minilm, smollm2, t5
from t5study.chapters.observations.core import OBSERVATIONS
from t5study.data.casts import label_ids
from t5study.experiments.questions import Answering, Casting, Observing, observed_model
from t5study.experiments.reopening import experiment_of
from t5study.judging import answers
from t5study.models.architectures import ARCHITECTURES
from t5study.models.loading import load_model, load_tokenizer
from t5study.models.opening import checkpoint_in
from t5study.runs.provenance import recorded
from t5study.runs.store import Workspace


def record(asked: Answering | Casting | Observing, work: Workspace) -> dict[str, Any]:
    """Keep what a page asks of a model into the workspace; return the provenance."""
    kept = {Answering: answer, Casting: show_casting, Observing: observe}
    return kept[type(asked)](asked, work)


def observe(asked: Observing, work: Workspace) -> dict[str, Any]:
    """Make the observation; keep its values and its arrays.

    Raises StudyError when there is no observation of that name.
    """
    if asked.name not in OBSERVATIONS:
        raise StudyError(
            f"There is no observation '{asked.name}': choose one of {', '.join(OBSERVATIONS)}."
        )
    with recorded("cpu") as provenance:
        model = load_model(asked.checkpoint, _class_of(asked.name), attn="eager").eval()
        seen = OBSERVATIONS[asked.name](model, load_tokenizer(asked.checkpoint), **asked.inputs)
        work.save_values(seen.values)
        work.save_arrays(seen.arrays)
        work.save_metrics({"observation": asked.name})
    return provenance | asked.checkpoint.origins


def _class_of(name: str) -> type[PreTrainedModel]:
    """What an observation looks at a checkpoint as."""
    model = observed_model(name)
    published = {"minilm": BertModel, "smollm2": LlamaForCausalLM}
    return published[model] if model in published else ARCHITECTURES[model].pretrained_as


def answer(asked: Answering, work: Workspace) -> dict[str, Any]:
    """Keep the share that the run's model gives each label, by text."""
    with recorded("cpu") as provenance:
        experiment = experiment_of(asked.run.config, checkpoint_in(asked.run.model, weights=True))
        sources, words = answers.sources_of(experiment, asked.texts), experiment.task.label_words
        tokenizer = load_tokenizer(experiment.checkpoint)
        shares = answers.answer_texts(
            experiment, answers.saved_model(experiment).eval(), tokenizer, sources
        )
        work.save_values({"words": list(words), "shares": shares.tolist()})
        work.save_metrics({"texts": len(sources)})
    return provenance


def show_casting(casting: Casting, work: Workspace) -> dict[str, Any]:
    """Keep the label words with their token ids and pieces."""
    with recorded("cpu") as provenance:
        tokenizer = load_tokenizer(casting.checkpoint)
        ids = label_ids(casting.task, tokenizer)
        pieces = [tokenizer.convert_ids_to_tokens(row) for row in ids]
        words = list(casting.task.label_words)
        work.save_values({"words": words, "ids": ids, "pieces": pieces})
        work.save_metrics({"labels": len(ids)})
    return provenance
