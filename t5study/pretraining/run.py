"""Pre-training from random weights: a recipe and a corpus give a model and its record.

T5 learns span corruption, BERT masked language modelling with next-sentence prediction, GPT next
token prediction, all on the same text, with one vocabulary, in windows of one length without
padding. The loop is that of fine-tuning.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from t5study.base.device import device_name, usual_device
from t5study.data import corpora
from t5study.data.corpora import TokenStream
from t5study.data.vocabulary import framed
from t5study.experiments.pretraining import BERT_FRAME, Pretraining
from t5study.models.loading import save_model
from t5study.models.modules import parameter_count
from t5study.pretraining import embeddings as cooccurrence
from t5study.pretraining import objectives
from t5study.pretraining.cost import flops_per_sequence
from t5study.pretraining.examples import EXAMPLES, Examples
from t5study.pretraining.models import build_model
from t5study.pretraining.plan import HeldOut, PretrainingPlan
from t5study.pretraining.text import CorpusText, corpus_text
from t5study.runs.provenance import peak_memory_bytes, recorded
from t5study.training.allocator import tune_allocator
from t5study.training.callbacks import Pace
from t5study.training.checkpointing import latest_checkpoint
from t5study.training.compiling import compiled_or_not
from t5study.training.history import history
from t5study.training.loop import StudyTrainer
from t5study.training.plan import share_of_this_process

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace

MICRO_BATCH_TOKENS = {"cpu": 8192, "cuda": 131_072}


def pretrain(plan: Pretraining, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Train the model for the recipe's budget of tokens, on text that a store's runs share.

    Fills `work.record` with metrics.json, history.csv and model/ (weights after the last update,
    and tokenizer), and returns the provenance. Interrupted, it continues from its last checkpoint
    in `work.scratch`.
    """
    with recorded() as provenance:
        plan = plan.resolved()
        tune_allocator()
        text = corpus_text(plan.recipe, hub, work.root.parent)
        trainer = _trainer(plan, text, work.scratch)
        trainer.find_start(latest_checkpoint)
        if plan.recipe.initial_embeddings == "cooccurrence" and not trainer.resumed_from:
            _place_embeddings(trainer, len(text.tokenizer))
        trainer.train_from_start()
        work.save_metrics(
            {
                **_budget(plan, trainer, len(text.tokenizer)),
                **text.counts,
                "model": plan.architecture,
                "seed": plan.seed,
                "parameters": parameter_count(trainer.model),
                "vocabulary": len(text.tokenizer),
                "device": device_name(),
                "peak_memory_bytes": peak_memory_bytes(),
            }
        )
        work.save_history(_history(trainer, plan))
        if work.leader:
            save_model(trainer.model, _own_tokenizer(plan, text), work.record / "model")
        provenance |= {
            "data": corpora.revisions(plan.recipe.corpus, hub),
            "resumed_from": trainer.resumed_from,
            "micro_batches_cut_into": trainer.parts,
        }
    return provenance


def _own_tokenizer(plan: Pretraining, text: CorpusText) -> Any:
    """The tokenizer that frames a text as the architecture met texts in pre-training."""
    if plan.architecture == "bert":
        return framed(text.tokenizer, BERT_FRAME)
    return text.tokenizer


def _examples(plan: Pretraining, stream: TokenStream, tokenizer: Any) -> Examples:
    return EXAMPLES[plan.architecture](stream, tokenizer, plan.recipe.sequence_length, plan.seed)


def _place_embeddings(trainer: StudyTrainer, vocabulary: int) -> None:
    """Set the model's embeddings from counts of neighbouring pieces, in place."""
    embeddings = trainer.model.get_input_embeddings()
    ids = trainer.plan.examples.stream.ids
    table = cooccurrence.embeddings(ids, vocabulary, embeddings.embedding_dim, trainer.plan.seed)
    cooccurrence.place(embeddings, table)


def _trainer(plan: Pretraining, text: CorpusText, scratch: Path) -> StudyTrainer:
    recipe, tokenizer = plan.recipe, text.tokenizer
    examples = _examples(plan, text.train, tokenizer)
    micro_rows = max(1, MICRO_BATCH_TOKENS[usual_device()] // recipe.sequence_length)
    held_out = HeldOut(_examples(plan, text.held_out, tokenizer), micro_rows, recipe.precision)
    updates = PretrainingPlan(
        examples, plan.rows, plan.steps, plan.seed, micro_rows, **share_of_this_process()
    )
    pace = Pace(
        evaluate_every=recipe.evaluate_every,
        save_every=recipe.save_every,
        log_every=max(1, recipe.evaluate_every // 5),
    )

    def validation(model: torch.nn.Module) -> dict[str, float]:
        return {**held_out(model), "seconds": _seconds(trainer)}

    model = build_model(plan.architecture, recipe, tokenizer, plan.seed)
    loss = compiled_or_not(examples.loss) if recipe.compile else examples.loss
    trainer = StudyTrainer(model, updates, loss, validation, recipe, pace, scratch)
    return trainer


def _evaluations(trainer: StudyTrainer) -> list[dict[str, Any]]:
    return [row for row in trainer.state.log_history if "eval_loss" in row]


def _seconds(trainer: StudyTrainer) -> float:
    """Seconds of training, those before an interruption included."""
    begun = trainer.resumed_from
    before = [row["eval_seconds"] for row in _evaluations(trainer) if row["step"] <= begun]
    return (before[-1] if before else 0.0) + trainer.stopwatch.seconds


def _budget(plan: Pretraining, trainer: StudyTrainer, vocabulary: int) -> dict[str, float]:
    """Held-out result of the last update, and what the training cost.

    BERT's share of non-padding pieces is that of its first updates; the others pad nothing.
    """
    last = {
        name.replace("eval_", "held_out_"): value
        for name, value in _evaluations(trainer)[-1].items()
        if name.startswith("eval_")
    }
    seconds = last.pop("held_out_seconds")
    recipe, examples = plan.recipe, trainer.plan.examples
    sequences = plan.steps * plan.rows
    tokens = sequences * recipe.sequence_length
    share = _full_share(trainer.plan, recipe.sequence_length)
    length = round(recipe.sequence_length * share)
    targets = examples.targets_length
    return {
        **last,
        "steps": plan.steps,
        "tokens": tokens,
        "non_pad_tokens": round(tokens * share),
        "target_tokens": sequences * targets,
        "flops": sequences * flops_per_sequence(recipe, vocabulary, length, targets),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }


def _full_share(plan: PretrainingPlan, length: int) -> float:
    """Non-padding pieces of the first updates over the positions that the budget counts."""
    updates = [
        plan.examples(np.arange(plan.rows), objectives.generator(plan.seed, step))[0]
        for step in range(min(4, len(plan)))
    ]
    if "attention_mask" not in updates[0]:
        return 1.0
    return float(np.mean([update["attention_mask"].sum() for update in updates])) / (
        plan.rows * length
    )


def _history(trainer: StudyTrainer, plan: Pretraining) -> pd.DataFrame:
    """One row a logged step: step, tokens, loss, grad_norm, learning_rate, and the held-out
    results (held_out_loss and so on) with the seconds trained."""
    tokens = plan.rows * plan.recipe.sequence_length
    table = history(trainer.state.log_history, lambda step: {"tokens": step * tokens}, "held_out")
    return table.rename(columns={"held_out_seconds": "seconds"})
