"""What a notebook talks to: a profile bound to its data sources and to the store of runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from t5study.base.errors import StudyError
from t5study.base.settings import checked
from t5study.chapters.facts import Facts, Findings
from t5study.chapters.tables import Table, show
from t5study.data.casts import cast
from t5study.data.hub import Hub
from t5study.data.rows import split_rows
from t5study.data.tasks import Task, get_task
from t5study.experiments import identity as experiments
from t5study.experiments.recipes import OWN, PretrainingRecipe, Recipe, TaskSettings
from t5study.models.checkpoints import Checkpoint, open_checkpoint
from t5study.profiles import Profile, load_profile
from t5study.runs.provenance import usual_device
from t5study.runs.record import Run
from t5study.runs.store import RunStore, Workspace


def checkout() -> Path:
    """Return the folder of the checkout: the nearest one upwards that holds `_config.yml`."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_config.yml").is_file():
            return folder
    return here


class Study:
    """A profile bound to data sources and run store; every method returns a kept run or loads it.

    `profile` is a profile's name or the mapping of a profile file. `source` names a mirror (else
    T5STUDY_HUB), `store` the folder of runs (else T5STUDY_STORE, else `_build/<profile>/runs`).
    With T5STUDY_TRAINING=forbid nothing is computed: runs are read from the store or `results/`.
    """

    def __init__(
        self,
        profile: str | dict[str, Any] = "pocket",
        seed: int = 21,
        source: Path | str | None = None,
        store: Path | str | None = None,
    ) -> None:
        self.profile: Profile = load_profile(profile)
        self.seed = seed
        self.hub = Hub(source)
        root = store or os.environ.get("T5STUDY_STORE")
        root = Path(root) if root else checkout() / "_build" / self.profile.name / "runs"
        training_allowed = os.environ.get("T5STUDY_TRAINING") != "forbid"
        # Published records answer only where nothing may be computed: otherwise a run of the book
        # would repeat what was published and prove nothing.
        published = None if training_allowed else self.published
        self.store = RunStore(root, published=published, training=training_allowed)
        self.used: list[Run] = []
        self.facts = Facts()
        self.finds = Findings()

    @property
    def published(self) -> Path:
        """Folder of the profile's published records."""
        return checkout() / "results" / self.profile.name

    # --- what the profile holds

    @property
    def roles(self) -> list[str]:
        """The roles that the profile gives a task."""
        return list(self.profile.tasks)

    def has(self, role: str) -> bool:
        """Return whether the profile gives the role a task."""
        return role in self.profile.tasks

    def settings(self, role: str) -> TaskSettings:
        """Return task name, row limits, seeds and recipe of a role."""
        if role not in self.profile.tasks:
            raise StudyError(
                f"the profile {self.profile.name} has no task for {role!r}: "
                f"it has {', '.join(self.roles)}"
            )
        return self.profile.tasks[role]

    def task(self, role: str) -> Task:
        """Return the task that plays a role in this profile."""
        return get_task(self.settings(role).task)

    # --- checkpoints

    def checkpoint(self, model: str, tokens: int | None = None) -> Checkpoint:
        """Return the checkpoint of "t5", "bert" or "gpt": the profile's, or one made here.

        `tokens` asks for one that was pre-trained here with that budget.
        """
        name = self.profile.models.get(model)
        if name is None:
            raise StudyError(f"the profile {self.profile.name} names no model for {model!r}")
        if name != OWN and tokens is not None:
            raise StudyError(
                f"the profile {self.profile.name} takes {model} from {name}, so its budget of "
                "tokens cannot be chosen: use a profile that pre-trains its own models"
            )
        if name != OWN:
            return open_checkpoint(self.hub, name)
        run = self.pretrain(model, tokens)
        budget = "" if tokens is None else f", {tokens:,} tokens"
        return _own_checkpoint(f"own {model}{budget}", run)

    def pretrain(self, model: str, tokens: int | None = None, variant: str | None = None) -> Run:
        """Return the pre-training run of one of the study's own models.

        With `tokens` the budget is another and the schedule as long as that. The warm-up of a
        smaller budget keeps its share of it; the profile's longer budget keeps the warm-up and has
        a precision of its own. `variant` names a change of the recipe among the profile's variants.
        """
        return self._pretrain(model, self._pretraining_recipe(model, tokens, variant))

    def trials(self) -> dict[str, Run]:
        """Return the profile's trials by name: T5 pre-trained whole by other recipes, on a GPU.

        Without a GPU, where they would take days, and where training is forbidden there are only
        those that were made before.
        """
        plans = self.trial_plans()
        if not self.store.training or usual_device() == "cpu":
            kept = {name for name, plan in plans.items() if self.store.has(plan.config(self.hub))}
            plans = {name: plan for name, plan in plans.items() if name in kept}
        return {name: self._pretrain("t5", plan.recipe) for name, plan in plans.items()}

    def trial_plans(self) -> dict[str, experiments.Pretraining]:
        """Return what the profile's trials are, by name, whether they were made or not."""
        return {
            name: experiments.Pretraining("t5", self._changed("t5", changes), self.seed)
            for name, changes in self.profile.trials.items()
        }

    def _pretrain(self, model: str, recipe: PretrainingRecipe) -> Run:
        plan = experiments.Pretraining(model, recipe, self.seed)
        return self._obtain(plan.config(self.hub), "pretraining.run.pretrain", plan, self.hub)

    def _pretraining_recipe(
        self, model: str, tokens: int | None, variant: str | None
    ) -> PretrainingRecipe:
        if model not in self.profile.pretraining:
            raise StudyError(f"the profile {self.profile.name} pre-trains no model {model!r}")
        recipe = self.profile.pretraining[model]
        changes: dict[str, Any] = {}
        longer = self.profile.longer
        if longer is not None and model == "t5" and tokens == longer.tokens:
            changes = {"tokens": tokens, "precision": longer.precision}
        elif tokens is not None:
            warmup = round(recipe.warmup_steps * tokens / recipe.tokens)
            changes |= {"tokens": tokens, "warmup_steps": warmup}
        if variant is not None:
            variants = self.profile.variants.changes if self.profile.variants else {}
            if variant not in variants:
                raise StudyError(
                    f"the profile {self.profile.name} has no variant {variant!r}: "
                    f"it has {', '.join(variants) or 'none'}"
                )
            changes |= variants[variant]
        return self._changed(model, changes)

    def _changed(self, model: str, changes: dict[str, Any]) -> PretrainingRecipe:
        recipe = self.profile.pretraining[model].model_dump()
        return checked(PretrainingRecipe, recipe | changes, f"the budget of {model}")

    # --- runs

    def finetune(
        self,
        role: str,
        model: str = "t5",
        init: str = "pretrained",
        seed: int | None = None,
        labels: int | None = None,
        tokens: int | None = None,
        recipe: str | None = None,
    ) -> Run:
        """Return the fine-tuning of `model` on the role's task with the profile's recipe.

        `init` is "pretrained", or "scratch" for the same architecture with random weights.
        `labels` is a point of the role's learning curve: so many training rows, and at most as
        many validation rows. `tokens` starts from a model pre-trained with that budget; for T5 the
        profile may name one for the role. `recipe` names another recipe of the role among the
        profile's `recipes`.
        """
        settings = self._limited(role, labels)
        if recipe is not None:
            settings = settings.model_copy(update={"recipe": self._other_recipe(role, recipe)})
        if model == "t5" and tokens is None:
            tokens = settings.tokens
        return self._finetune(role, settings, model, init, seed, tokens)

    def _finetune(
        self,
        role: str,
        settings: TaskSettings,
        model: str = "t5",
        init: str = "pretrained",
        seed: int | None = None,
        tokens: int | None = None,
    ) -> Run:
        experiment = experiments.Experiment(
            self.task(role),
            settings,
            self.checkpoint(model, tokens),
            model,
            init,
            self.seed if seed is None else seed,
        )
        return self._obtain(
            experiment.config(self.hub), "training.finetune.finetune", experiment, self.hub
        )

    def finetunes(
        self,
        role: str,
        model: str = "t5",
        init: str = "pretrained",
        labels: int | None = None,
        tokens: int | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[Run]:
        """Return one run for each seed: the role's, or with `labels` its learning curve's."""
        if seeds is None:
            curve = self.profile.learning_curves.get(role)
            seeds = self.settings(role).seeds if labels is None or curve is None else curve.seeds
        return [
            self.finetune(role, model, init, seed=seed, labels=labels, tokens=tokens)
            for seed in seeds
        ]

    def _other_recipe(self, role: str, name: str) -> Recipe:
        known = self.profile.recipes.get(role, {})
        if name not in known:
            raise StudyError(
                f"the profile {self.profile.name} has no recipe {name!r} for {role}: "
                f"it has {', '.join(known) or 'none'}"
            )
        return known[name]

    def other_recipes(self, role: str) -> dict[str, Run]:
        """Return one run of T5, with the role's first seed, for each of its other recipes."""
        seed = self.settings(role).seeds[0]
        return {
            name: self.finetune(role, seed=seed, recipe=name)
            for name in self.profile.recipes.get(role, {})
        }

    def with_recipe(self, name: str, roles: Iterable[str]) -> dict[str, Run]:
        """Return one run of T5, with the role's first seed, for each role that has this recipe.

        A role that the profile gives no other recipe of this name is left out.
        """
        return {
            role: self.finetune(role, seed=self.settings(role).seeds[0], recipe=name)
            for role in roles
            if name in self.profile.recipes.get(role, {})
        }

    def after_longer(self, role: str) -> list[Run]:
        """Return the runs of T5 pre-trained for longer, on all the role's labels, one a seed.

        There is none where the profile has no longer budget for the role.
        """
        longer = self.profile.longer
        if longer is None or role not in longer.tasks:
            return []
        task = longer.tasks[role]
        settings = self.settings(role).model_copy(update={"recipe": task.recipe})
        return [
            self._finetune(role, settings, seed=seed, tokens=longer.tokens) for seed in task.seeds
        ]

    def _limited(self, role: str, labels: int | None) -> TaskSettings:
        """The role's settings with few labels: rows, and the curve's test rows and recipe."""
        settings = self.settings(role)
        if labels is None:
            return settings
        limits: dict[str, Any] = {
            "train": labels,
            # A choice among checkpoints uses labels as well: no more than there are to train on.
            "validation": min(labels, settings.validation or labels),
        }
        curve = self.profile.learning_curves.get(role)
        if curve is not None:
            limits |= {
                "test": curve.test or settings.test,
                "recipe": curve.recipe or settings.recipe,
            }
        return settings.model_copy(update=limits)

    def finetune_jointly(self) -> Run:
        """Return the fine-tuning of one T5 on all tasks of the profile's section `joint`."""
        joint = self.profile.joint
        if joint is None:
            raise StudyError(f"the profile {self.profile.name} has no section 'joint'")
        checkpoint = self.checkpoint("t5", joint.tokens)
        parts = {
            role: experiments.Experiment(
                self.task(role),
                self.settings(role).model_copy(update={"recipe": joint.recipe}),
                checkpoint,
                "t5",
                "pretrained",
                self.seed,
            )
            for role in joint.roles
        }
        together = experiments.Mixture(parts, joint.cap)
        return self._obtain(
            together.config(self.hub), "training.mixture.finetune_jointly", together, self.hub
        )

    def baseline(self, role: str, kind: str | None = None, labels: int | None = None) -> Run:
        """Return a cheap baseline of the role's task: the usual one, or a kind of `KINDS`.

        `labels` is a point of the learning curve, as for `finetune`.
        """
        baseline = experiments.Baseline(self.task(role), self._limited(role, labels), kind)
        return self._obtain(
            baseline.config(self.hub), "judging.baselines.fit_and_judge", baseline, self.hub
        )

    def casting(self, role: str) -> Run:
        """Return how the role's labels look as texts: words, token ids and pieces."""
        asked = experiments.Casting(self.task(role), self.checkpoint("t5"))
        return self._obtain(asked.config(), "chapters.observations.recording.show_casting", asked)

    def observe(
        self, name: str, run: Run | None = None, role: str | None = None, **inputs: Any
    ) -> Run:
        """Return an observation of a model: what `observations.OBSERVATIONS[name]` computes.

        The model is that of `run`, or else the profile's checkpoint of the observation's model;
        with `role` it is the checkpoint that the fine-tuning on the role's task begins from.
        """
        tokens = None if role is None else self.settings(role).tokens
        asked = experiments.Observing(
            name,
            self.checkpoint(experiments.observed_model(name), tokens)
            if run is None
            else _own_checkpoint("fine-tuned", run),
            json.loads(json.dumps(inputs)),
        )
        return self._obtain(asked.config(), "chapters.observations.recording.observe", asked)

    def measure_parallelism(self) -> Run:
        """Return the timing of recurrence against attention, of `observations.recurrence`."""
        return self._obtain(experiments.parallelism(), "chapters.observations.recurrence.measure")

    # --- what a page shows

    def examples(self, role: str, run: Run, count: int = 32) -> pd.DataFrame:
        """Return the first test rows with their length, label, answer and its probability.

        The text of a row is shown where the data is at hand and printing it is not switched off
        (T5STUDY_TEXTS=hide, as when publishing).
        """
        task = self.task(role)
        table = run.predictions.head(count)
        words = list(task.label_words)
        shares = table[[f"p_{word}" for word in words]].to_numpy()
        columns: dict[str, Any] = {
            "row": table["row"],
            "tokens": table["tokens"],
            "actual": [words[i] for i in table["label"]],
            "predicted": [words[i] for i in table["prediction"]],
            "probability": shares.max(axis=1),
        }
        texts = self._texts(role, count)
        if texts is not None:
            columns["text"] = texts
        return pd.DataFrame(columns).set_index("row")

    def _texts(self, role: str, count: int) -> list[str] | None:
        if os.environ.get("T5STUDY_TEXTS") == "hide":
            return None
        task, settings = self.task(role), self.settings(role)
        try:
            rows = split_rows(task, self.hub, "test", settings.test)
        except StudyError:
            return None
        sources = cast(task, rows.select(range(min(count, len(rows)))))["source"]
        return [text.removeprefix(task.prefix) for text in sources]

    def badge(self) -> Any:
        """Return the warning that stands over a notebook computed on the bundled corpus."""
        from IPython.display import Markdown

        if not self.profile.synthetic:
            return None
        return Markdown(
            f"**Computed on the pocket corpus** (profile `{self.profile.name}`): synthetic text "
            "and small models trained by the run itself. Nothing here measures real data sets."
        )

    def glue(self, name: str, value: Any, digits: int = 2) -> None:
        """Make a number available to the prose as `{glue:text}`; floats are rounded to `digits`."""
        from myst_nb import glue

        text = f"{value:.{digits}f}" if isinstance(value, float) else str(value)
        glue(name, text, display=False)

    def provenance(self) -> Table:
        """Return the table at the foot of a page: where its numbers come from, nothing cut off."""
        return show(provenance_table(self.profile, self.seed, self.used))

    def _obtain(self, config: dict[str, Any], function: str, *asked: Any) -> Run:
        """The run of `config`; what it lacks is made by `module.name` of the package on `asked`.

        The module is imported when something is to be computed: the libraries that train take many
        seconds to load, and a page that is drawn from records needs none of them.
        """
        module, _, name = function.rpartition(".")

        def produce(work: Workspace) -> dict[str, Any]:
            return getattr(import_module(f"t5study.{module}"), name)(*asked, work)

        run = self.store.obtain(config, produce)
        if all(run.path != known.path for known in self.used):
            self.used.append(run)
        return run


def _own_checkpoint(name: str, run: Run) -> Checkpoint:
    """The checkpoint inside a run; identified by the run, so its files need not be there."""
    identity = run.identity
    return Checkpoint(
        name=name,
        folder=run.path / "model",
        fingerprint=f"run:{identity}",
        design=f"design of run:{identity}",
        has_weights=True,
    )


def provenance_table(profile: Profile, seed: int, runs: list[Run]) -> pd.DataFrame:
    """Return two columns, what and value, over all runs that a page used."""
    named = {"profile": profile.name, "seed": str(seed)}
    if not runs:
        return pd.DataFrame({"value": named})
    records = [run.provenance for run in runs]
    data: dict[str, str] = {}
    devices, commits = [], []
    # A dictionary for each library: a set that keeps the order in which its versions were met.
    versions: dict[str, dict[str, None]] = {}
    for record in records:
        data |= record.get("data", {})
        devices.append(record["device"])
        for name, number in record["libraries"].items():
            versions.setdefault(name, {})[number] = None
        commits.append(record["commit"] or "unknown")
    peak = max(record["peak_memory_bytes"] for record in records)
    rows = named | {
        "runs": ", ".join(run.identity for run in runs),
        "data": "; ".join(f"{name} at {_short(revision)}" for name, revision in data.items()),
        "device": "; ".join(dict.fromkeys(devices)),
        "libraries": ", ".join(f"{name} {' and '.join(all_)}" for name, all_ in versions.items()),
        "computing time": f"{sum(r['seconds'] for r in records):.0f} s",
        "peak memory": f"{peak / 2**20:.0f} MiB",
        "commit": ", ".join(dict.fromkeys(commits)),
    }
    return pd.DataFrame({"value": rows})


def _short(revision: str) -> str:
    """A commit's or a checksum's first twelve digits; any other revision in full."""
    return revision[:12] if set(revision) <= set("0123456789abcdef") else revision
