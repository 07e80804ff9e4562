"""What a notebook talks to: a profile bound to its data sources and to the store of runs."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t5study.base.device import resolve_precision, usual_device
from t5study.base.errors import StudyError
from t5study.base.project import workplace
from t5study.chapters import facts
from t5study.data.hub import Hub
from t5study.data.tasks import Task, get_task
from t5study.experiments.entries import ExperimentSettings
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
    observed_model,
)
from t5study.experiments.recipes import LARGEST_SEED, OWN, Recipe, TaskRows
from t5study.models.checkpoints import Checkpoint
from t5study.models.opening import open_checkpoint, pinned_checkpoint
from t5study.producing import produce
from t5study.profiles import ModelSource, Profile, load_profile
from t5study.runs.record import Run, identity_of
from t5study.runs.store import RunStore

if TYPE_CHECKING:
    from t5study.chapters.tables import Table

Asked = Experiment | Mixture | Baseline | Prompting
"""What an experiment asks for with one of its seeds, fully determined."""


class Study:
    """A profile bound to data sources and run store; every verb gives a run, found or made.

    Args:
        profile: the name of a profile whose records are published: these answer, and nothing is
            computed, loaded or fetched. Any other name, the path of a file, or the contents of one
            (which papermill injects) computes what the store lacks.
        seed: of the pre-trainings, and of experiments that name no seeds.
        source: a mirror of the hub, else T5STUDY_HUB.
        store: the folder of runs, else T5STUDY_STORE, else `_build/<profile>/runs`.

    With T5STUDY_TRAINING=forbid nothing is computed: runs are read from the store and `results/`.

    Raises:
        StudyError: an unknown or faulty profile, or a seed that no generator takes.
    """

    def __init__(
        self,
        profile: str | dict[str, Any] | Profile = "published",
        seed: int = 21,
        *,
        source: Path | str | None = None,
        store: Path | str | None = None,
    ) -> None:
        self.profile: Profile = load_profile(profile)
        self.seed = _checked_seed(seed)
        self.hub = Hub(source)
        self.replays = isinstance(profile, str) and store is None and self.is_published
        self.store = self._open_store(store)
        self.used: list[Run] = []
        self.facts = facts.Facts()
        self.finds = facts.finds
        self._opened: dict[str, Checkpoint] = {}

    @property
    def published(self) -> Path:
        """Folder of the profile's published records."""
        return workplace() / "results" / self.profile.name

    @property
    def is_published(self) -> bool:
        """Whether the profile has published records."""
        return next(self.published.rglob("config.json"), None) is not None

    def _open_store(self, named: Path | str | None) -> RunStore:
        if self.replays:
            return RunStore(self.published, self.published, training=False)
        root = named or os.environ.get("T5STUDY_STORE")
        root = Path(root) if root else workplace() / "_build" / self.profile.name / "runs"
        if os.environ.get("T5STUDY_TRAINING") == "forbid":
            return RunStore(root, published=self.published, training=False)
        # Published records do not answer where something is computed: a run of the book would
        # repeat what was published and prove nothing.
        return RunStore(root)

    # --- what the profile holds

    @property
    def experiments(self) -> dict[str, ExperimentSettings]:
        """The experiments by name, in the profile's order."""
        return self.profile.experiments

    def has(self, name: str) -> bool:
        """Return whether the profile has an experiment, a task or a pre-training of that name.

        A pre-training for a GPU that was not made is there on a machine with a GPU alone.
        """
        entry = self.profile.pretraining.get(name)
        if entry is not None and entry.gpu_only and not self.found(self.pretraining_plan(name)):
            return self.store.training and usual_device() != "cpu"
        return entry is not None or name in self.experiments or name in self.profile.tasks

    def names(self, **wanted: Any) -> list[str]:
        """Return the experiments whose settings are as wanted, in the profile's order.

        `names(task="emotion", model="t5", init="pretrained", labels=None)`: None is a value as
        well, here "no limit"; what is not named may be anything.
        """
        if unknown := set(wanted) - set(ExperimentSettings.model_fields):
            raise StudyError(
                f"Experiments have no '{min(unknown)}': choose by "
                f"{', '.join(ExperimentSettings.model_fields)}."
            )
        return [
            name
            for name, entry in self.experiments.items()
            if all(getattr(entry, key) == value for key, value in wanted.items())
        ]

    def rows(self, role: str) -> TaskRows:
        """Return the task of a role and the limits of its rows."""
        if role not in self.profile.tasks:
            raise StudyError(
                f"The profile {self.profile.name} has no task for '{role}': "
                f"it has {', '.join(self.profile.tasks)}."
            )
        return self.profile.tasks[role]

    def task(self, role: str) -> Task:
        """Return the task that plays a role in this profile."""
        return get_task(self.rows(role).task)

    def recipe(self, name: str) -> Recipe:
        """Return the hyper-parameters of an experiment that trains."""
        return self.profile.recipes[self.entry(name).recipe or ""]

    def entry(self, name: str) -> ExperimentSettings:
        """Return the settings of an experiment; StudyError names the likely one for another."""
        if name not in self.experiments:
            near = difflib.get_close_matches(name, self.experiments, n=3, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "`study.experiments` lists them."
            raise StudyError(f"The profile {self.profile.name} has no experiment '{name}': {hint}")
        return self.experiments[name]

    # --- what is asked, before anything is computed

    def plans(self, name: str, make: bool = False) -> list[Asked]:
        """Return what an experiment asks for, one for each seed and fully determined.

        With `make` a model to start from that is not there yet is pre-trained; without it, its
        identity is all that is known of it.
        """
        entry, settings = self.entry(name), self.profile.settings(name)
        if entry.baseline is not None:
            ((role, rows),) = settings.items()
            return [Baseline(self.task(role), rows, entry.baseline)]
        return [self._plan(entry, settings, seed, make) for seed in entry.seeds or [self.seed]]

    def _plan(
        self, entry: ExperimentSettings, settings: dict[str, Any], seed: int, make: bool
    ) -> Asked:
        model = entry.model or ""
        checkpoint, architecture = self.checkpoint(model, make), self.profile.architecture(model)
        if entry.prompt is not None:
            ((role, rows),) = settings.items()
            return Prompting(
                self.task(role), rows, checkpoint, entry.prompt, entry.shots or 0, seed
            )
        parts = {
            role: Experiment(
                self.task(role), rows, checkpoint, architecture, entry.init or "pretrained", seed
            )
            for role, rows in settings.items()
        }
        if entry.tasks is not None:
            return Mixture(parts, entry.cap or 0)
        return next(iter(parts.values()))

    def pretraining_plan(self, name: str) -> Pretraining:
        """Return what a pre-training of the profile is, whether it was made or not."""
        if name not in self.profile.pretraining:
            own = ", ".join(self.profile.pretraining) or "none"
            raise StudyError(
                f"The profile {self.profile.name} pre-trains no model '{name}': it has {own}."
            )
        entry = self.profile.pretraining[name]
        return Pretraining(entry.family, entry.recipe, self.seed)

    def config(self, asked: Asked | Pretraining) -> dict[str, Any]:
        """Return what identifies a run here: in the precision of this machine, if it is "auto"."""
        config = asked.config(self.hub)
        if self.store.training and "precision" in config:
            return config | {"precision": resolve_precision(config["precision"])}
        return config

    def found(self, asked: Asked | Pretraining) -> Run | None:
        """Return the run of what is asked if it is there, and nothing is made."""
        return self.store.recorded(self.config(asked))

    def checkpoint(self, model: str, make: bool = True) -> Checkpoint:
        """Return the checkpoint of a model of the profile; one of our own is made if need be.

        Without `make` one that is not there yet has its name and identity, and no files.
        """
        if model not in self.profile.models:
            raise StudyError(
                f"The profile {self.profile.name} has no model '{model}': "
                f"it has {', '.join(self.profile.models)}."
            )
        source = self.profile.models[model]
        if source != OWN:
            repo = source.checkpoint if isinstance(source, ModelSource) else source
            # Its weights are hashed, once for all the runs that begin from them.
            if repo not in self._opened:
                pinned = pinned_checkpoint(repo) if self.replays else None
                self._opened[repo] = pinned or open_checkpoint(self.hub, repo)
            return self._opened[repo]
        name, asked = self.profile.own_name(model), self.pretraining_plan(model)
        run = self.pretraining(model) if make else self.found(asked)
        if run is not None:
            return _own_checkpoint(name, run.identity, run.path)
        return _own_checkpoint(name, identity_of(self.config(asked)), Path())

    # --- runs

    def runs(self, name: str) -> list[Run]:
        """Return the runs of an experiment, one for each seed."""
        return [self.obtain(asked) for asked in self.plans(name, make=True)]

    def run(self, name: str) -> Run:
        """Return the run of an experiment with the first of its seeds."""
        return self.obtain(self.plans(name, make=True)[0])

    def select(self, **wanted: Any) -> dict[str, list[Run]]:
        """Return the runs of the experiments that `names` finds, by the experiment's name."""
        return {name: self.runs(name) for name in self.names(**wanted)}

    def pretraining(self, name: str) -> Run:
        """Return the pre-training of one of the study's own models."""
        asked = self.pretraining_plan(name)
        if not self.has(name):
            raise StudyError(
                f"'{name}' takes days without a GPU, and was not made yet: "
                f'run `t5study pretrain "{name}" --profile {self.profile.name}` on one.'
            )
        return self.obtain(asked)

    def obtain(self, asked: Asked | Pretraining) -> Run:
        """Return the run of what `plans` or `pretraining_plan` gave, made if it is not there."""
        return self._obtain(asked, asked.config(self.hub))

    def _obtain(self, asked: Any, config: dict[str, Any]) -> Run:
        run = self.store.obtain(config, lambda work: produce(asked, self.hub, work))
        if all(run.path != known.path for known in self.used):
            self.used.append(run)
        return run

    def baseline(self, role: str, kind: str | None = None) -> Run:
        """Return a baseline of the role's task: the first in the profile, or one of a kind."""
        wanted = {} if kind is None else {"baseline": kind}
        names = self.names(task=role, model=None, labels=None, **wanted)
        if not names:
            what = f"baseline {kind}" if kind else "baseline"
            raise StudyError(f"The profile {self.profile.name} has no {what} of '{role}'.")
        return self.run(names[0])

    def casting(self, role: str) -> Run:
        """Return how the role's labels look as texts: words, token ids and pieces."""
        asked = Casting(self.task(role), self.checkpoint("t5"))
        return self._obtain(asked, asked.config())

    def answers(self, run: Run, texts: Sequence[str]) -> Run:
        """Return what a fine-tuned model answers to texts of one's own: shares by label."""
        asked = Answering(run, tuple(texts))
        return self._obtain(asked, asked.config())

    def observe(
        self, name: str, run: Run | None = None, model: str | None = None, **inputs: Any
    ) -> Run:
        """Return an observation of a model: what `observations.OBSERVATIONS[name]` computes.

        It is the model of `run`, or else the profile's `model`, or else the one that the
        observation is about.
        """
        asked = Observing(
            name,
            self.checkpoint(model or observed_model(name))
            if run is None
            else _own_checkpoint("fine-tuned", run.identity, run.path),
            json.loads(json.dumps(inputs)),
        )
        return self._obtain(asked, asked.config())

    def shrink(self, run: Run) -> Run:
        """Return what the model of a fine-tuning loses and saves when it is made smaller."""
        asked = Shrinking(run)
        return self._obtain(asked, asked.config())

    def measure_parallelism(self) -> Run:
        """Return the timing of recurrence against attention, of `observations.recurrence`."""
        asked = ParallelismTiming()
        return self._obtain(asked, asked.config())

    def measure_memory(self) -> Run:
        """Return the peaks of memory that trainings took, of `observations.memory`."""
        asked = MemoryPeaks()
        return self._obtain(asked, asked.config())

    # --- what a page shows

    def badge(self) -> Any:
        """Return the warning that stands over a notebook computed on the bundled corpus."""
        from IPython.display import Markdown

        if not self.profile.synthetic:
            return None
        return Markdown(
            f"**Computed on the pocket corpus** (profile `{self.profile.name}`): synthetic text "
            "and small models trained by the run itself. Nothing here measures real data sets."
        )

    def provenance(self) -> Table:
        """Return the table at the foot of a page: where its numbers come from, nothing cut off."""
        from t5study.chapters.provenance import provenance_table
        from t5study.chapters.tables import show

        return show(provenance_table(self.profile.name, self.seed, self.used))


def _checked_seed(seed: Any) -> int:
    if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
        what = f"the text '{seed}'" if isinstance(seed, str) else repr(seed)
        raise StudyError(
            f"The seed is {what}: give a whole number from 0 to {LARGEST_SEED} "
            "(with papermill `-p seed 21`, not `-r`)."
        )
    return seed


def _own_checkpoint(name: str, identity: str, folder: Path) -> Checkpoint:
    """The checkpoint inside a run; identified by the run, so its files need not be there."""
    return Checkpoint(
        name=name,
        folder=folder / "model",
        fingerprint=f"run:{identity}",
        design=f"design of run:{identity}",
        has_weights=True,
    )
