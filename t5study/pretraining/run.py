"""Pre-training from random weights: a recipe and a corpus give a model and its record.

T5 learns span corruption, BERT masked language modelling with next-sentence prediction, GPT next
token prediction, all on the same text, with one vocabulary, in windows of one length without
padding. The loop is that of fine-tuning.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from t5study.base.device import device_name, usual_device
from t5study.data import corpora
from t5study.data.corpora import TokenStream
from t5study.data.vocabulary import framed
from t5study.experiments.pretraining import BERT_FRAME, Pretraining
from t5study.experiments.recipes import PretrainingRecipe
from t5study.models.loading import save_model
from t5study.models.modules import parameter_count
from t5study.pretraining import embeddings as cooccurrence
from t5study.pretraining import objectives
from t5study.pretraining.examples import EXAMPLES, Examples
from t5study.pretraining.models import build_model
from t5study.pretraining.plan import HeldOut, PretrainingPlan
from t5study.pretraining.text import CorpusText, corpus_text
from t5study.runs.provenance import peak_memory_bytes, recorded
from t5study.training.acceleration import tune_allocator
from t5study.training.callbacks import Pace, history
from t5study.training.checkpointing import latest_checkpoint
from t5study.training.compiling import compiled_or_not
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
            embeddings, ids = trainer.model.get_input_embeddings(), trainer.plan.examples.stream.ids
            sizes = (len(text.tokenizer), embeddings.embedding_dim)
            cooccurrence.place(embeddings, cooccurrence.embeddings(ids, *sizes, plan.seed))
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
        update = plan.rows * plan.recipe.sequence_length
        log = trainer.state.log_history
        table = history(log, lambda step: {"tokens": step * update}, "held_out")
        work.save_history(table.rename(columns={"held_out_seconds": "seconds"}))
        if work.leader:
            # The tokenizer frames a text as the architecture met texts in pre-training.
            frames = plan.architecture == "bert"
            tokenizer = framed(text.tokenizer, BERT_FRAME) if frames else text.tokenizer
            save_model(trainer.model, tokenizer, work.record / "model")
        repos = dict.fromkeys(corpora.SOURCES[name].repo for name in plan.recipe.corpus)
        provenance |= {
            "data": {repo: hub.revision(repo) for repo in repos},
            "resumed_from": trainer.resumed_from,
            "micro_batches_cut_into": trainer.parts,
        }
    return provenance


def _examples(plan: Pretraining, stream: TokenStream, tokenizer: Any) -> Examples:
    return EXAMPLES[plan.architecture](stream, tokenizer, plan.recipe.sequence_length, plan.seed)


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


def flops_per_sequence(
    recipe: PretrainingRecipe, vocabulary: int, length: int, targets: int
) -> float:
    """Floating-point operations of training on one sequence (forward and backward).

    6 for every weight that is multiplied with every piece (Kaplan et al. 2020, 2.1), embedding
    look-ups not counted; and 12 x length x width for each layer's attention. `targets` pieces pass
    the output layer: GPT's every one, BERT's masked ones, those that T5's decoder writes. T5's
    cross-attention reads keys and values from `length` pieces for `targets` pieces written.
    """
    size, output = recipe.architecture, recipe.architecture.d_model * vocabulary
    width = size.d_kv * size.num_heads
    attention, feed = 4 * size.d_model * width, 2 * size.d_model * size.d_ff
    if size.num_decoder_layers is None:
        read = size.num_layers * (attention + feed)
        return 6.0 * (length * read + targets * output) + 12.0 * size.num_layers * length**2 * width
    read = size.num_layers * (attention + feed) + size.num_decoder_layers * attention // 2
    written = size.num_decoder_layers * (attention * 3 // 2 + feed) + output
    pairs = size.num_layers * length**2 + size.num_decoder_layers * targets * (targets + length)
    return 6.0 * (length * read + targets * written) + 12.0 * pairs * width


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
