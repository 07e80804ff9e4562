"""Which code computes what has no record yet: one place leads from a question to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t5study.experiments.identity import Experiment, Mixture
from t5study.experiments.pretraining import Pretraining
from t5study.experiments.questions import (
    Answering,
    Baseline,
    Casting,
    MemoryPeaks,
    Observing,
    ParallelismTiming,
    Prompting,
    Shrinking,
)

if TYPE_CHECKING:
    from t5study.data.hub import Hub
    from t5study.runs.store import Workspace


def produce(asked: Any, hub: Hub, work: Workspace) -> dict[str, Any]:
    """Compute what is asked into the workspace; return the provenance.

    What computes is imported here: the libraries that train take many seconds to load, and a page
    that is drawn from records needs none of them.
    """
    match asked:
        case Experiment():
            from t5study.training.finetune import finetune

            return finetune(asked, hub, work)
        case Mixture():
            from t5study.training.mixture import finetune_jointly

            return finetune_jointly(asked, hub, work)
        case Pretraining():
            from t5study.pretraining.run import pretrain

            return pretrain(asked, hub, work)
        case Baseline():
            from t5study.judging.baselines import fit_and_judge

            return fit_and_judge(asked, hub, work)
        case Prompting():
            from t5study.judging.prompting import ask

            return ask(asked, hub, work)
        case Answering() | Casting() | Observing():
            from t5study.chapters.observations import record

            return record(asked, work)
        case Shrinking():
            from t5study.chapters.observations.smaller import shrink

            return shrink(asked, hub, work)
        case MemoryPeaks():
            from t5study.chapters.observations.memory import measure

            return measure(work)
        case ParallelismTiming():
            from t5study.chapters.observations.recurrence import measure

            return measure(work)
        case _:
            raise TypeError(f"nothing here answers {asked!r}")
