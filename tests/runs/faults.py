"""Faults on purpose: what is killed, cut short, planted or refused a disk, and what comes of it.

`make faults` injects them all and prints how many were survived; the tests inject a few of each.
A fault is survived when the command ends in the right result or in one sentence, and the same
command afterwards, undisturbed, gives the numbers of a run that nobody disturbed. Anything else
counts as lost or wrong.
"""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tiny import no_hub, tiny_experiment, tiny_t5

from t5study.base.errors import StudyError
from t5study.base.files import content
from t5study.commands import asking
from t5study.data import mirror
from t5study.models.checkpoints import Checkpoint
from t5study.profiles import load_profile
from t5study.runs.record import Run
from t5study.runs.store import RunStore
from t5study.study import Study

SAME = ("accuracy", "macro_f1", "validation_loss", "best_step", "confusion")
TEXT = "a fine film with a dull end"


@dataclass
class Tally:
    """What was injected of one kind, and what did not survive it."""

    injected: int = 0
    lost: list[str] = field(default_factory=list)

    def count(self, fault: str, right: bool) -> None:
        """Count one fault, by its name where it was not survived."""
        self.injected += 1
        self.lost += [] if right else [fault]


# --- what is disturbed: each a process of its own, from a server that has loaded the libraries ----


def _finetune(checkpoint: Checkpoint, root: Path) -> None:
    import torch

    from t5study.training.finetune import finetune

    torch.set_num_threads(1)
    experiment = tiny_experiment(checkpoint, epochs=2, evaluations_per_epoch=3, dropout=0.1)
    RunStore(root).obtain(
        experiment.config(no_hub()), lambda work: finetune(experiment, no_hub(), work)
    )


def _pretrain(checkpoint: Checkpoint, root: Path) -> None:
    import torch

    torch.set_num_threads(1)
    Study(load_profile("smoke"), store=root).pretraining("t5@12k")


def _fetch(checkpoint: Checkpoint, root: Path) -> None:
    mirror.copy(checkpoint.folder, content(checkpoint.folder), root / "models" / "tiny")


def _outcome(root: Path) -> object:
    """What a finished run left that a disturbed one must leave, too."""
    runs = RunStore(root).runs()
    if not runs:
        return {path.relative_to(root): path.read_bytes() for path in content(root)}
    (run,) = (run for run in runs if (run.path / "model").is_dir())
    metrics = {name: run.metrics.get(name) for name in SAME}
    return metrics, (run.model / "model.safetensors").read_bytes()


WORK: dict[str, Callable[[Checkpoint, Path], None]] = {
    "fine-tuning": _finetune,
    "pre-training": _pretrain,
    "fetching": _fetch,
}


class Disturber:
    """Starts work in processes of its own and disturbs them."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder, self.random = folder, Random(seed)
        self.checkpoint = tiny_t5(folder / "model")
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["t5study.training.finetune", "t5study.study"])
        self._straight: dict[str, tuple[object, float]] = {}

    def start(self, work: Callable, *arguments: object) -> multiprocessing.Process:
        process = self.context.Process(target=work, args=arguments)
        process.start()
        return process

    def straight(self, name: str) -> tuple[object, float]:
        """What the work gives undisturbed, and its seconds."""
        if name not in self._straight:
            for attempt in ("first", "straight"):  # the first loads the libraries
                root, began = self.folder / f"{name} {attempt}", time.monotonic()
                self.start(WORK[name], self.checkpoint, root).join()
                self._straight[name] = _outcome(root), time.monotonic() - began
        return self._straight[name]

    def kills(self, name: str, times: int) -> Tally:
        """Kill the work at random moments, up to three times in a row, and let it end."""
        tally, (outcome, seconds) = Tally(), self.straight(name)
        while tally.injected < times:
            root = self.folder / f"{name} killed {tally.injected}"
            killed = 0
            for _ in range(min(3, times - tally.injected)):
                process = self.start(WORK[name], self.checkpoint, root)
                process.join(self.random.uniform(0.1, 0.95) * seconds)
                process.kill()
                process.join()
                killed += 1
            self.start(WORK[name], self.checkpoint, root).join()
            for _ in range(killed):
                tally.count(f"{name}, killed: {root}", _outcome(root) == outcome)
        return tally

    def two_at_once(self, name: str, times: int) -> Tally:
        """Two processes do the same work in one store: one result, whoever made it."""
        tally, (outcome, _) = Tally(), self.straight(name)
        for trial in range(times):
            root = self.folder / f"{name} twice {trial}"
            both = [self.start(_or_refused, WORK[name], self.checkpoint, root) for _ in range(2)]
            for process in both:
                process.join()
            tally.count(f"{name}, two at once: {root}", _outcome(root) == outcome)
        return tally

    def full_disks(self, name: str, times: int) -> Tally:
        """The disk is full at one of the work's writes; with room again it ends as ever."""
        tally, (outcome, _) = Tally(), self.straight(name)
        writes = self.context.Value("i", 0)
        root = self.folder / f"{name} counted"
        self.start(_with_full_disk, WORK[name], self.checkpoint, root, 0, writes).join()
        total = writes.value
        chosen = sorted(self.random.sample(range(1, total + 1), min(times, total)))
        for number in chosen:
            root = self.folder / f"{name} full {number}"
            said = self.context.Value("i", 0)
            self.start(_with_full_disk, WORK[name], self.checkpoint, root, number, said).join()
            ended_well = said.value != -1
            self.start(WORK[name], self.checkpoint, root).join()
            right = ended_well and _outcome(root) == outcome
            tally.count(f"{name}, disk full at write {number} of {total}", right)
        return tally


def _or_refused(work: Callable, checkpoint: Checkpoint, root: Path) -> None:
    """Do the work unless another process is at it, which is said in a sentence."""
    with contextlib.suppress(StudyError):
        work(checkpoint, root)


def _with_full_disk(work: Callable, checkpoint: Checkpoint, root: Path, number: int, said) -> None:
    """Do the work with no room for the write of that number; 0 counts the writes alone.

    `said` becomes how many writes there were, or -1 where the work ended in no sentence.
    """
    written = 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal written
        if event == "open":
            path, _, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        elif event in ("os.rename", "os.mkdir"):
            path, writes = arguments[0], True
        else:
            return
        if writes and isinstance(path, str | os.PathLike) and str(path).startswith(str(root)):
            written += 1
            if written == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    sys.addaudithook(watch)
    try:
        work(checkpoint, root)
    except (StudyError, OSError):
        said.value = written
    except BaseException:
        said.value = -1
        raise
    else:
        said.value = written


# --- damaged and planted --------------------------------------------------------------------------


def truncations(disturber: Disturber, times: int) -> Tally:
    """Files of a record cut off anywhere: the same answer, or one sentence."""
    tally = Tally()
    disturber.straight("fine-tuning")
    (made,) = RunStore(disturber.folder / "fine-tuning straight").runs()
    right = asking.predict(made.path, [TEXT])
    files = [path.relative_to(made.path) for path in content(made.path)]
    for trial in range(times):
        record = disturber.folder / f"cut {trial}" / "run"
        shutil.copytree(made.path, record)
        cut = record / files[trial % len(files)]
        cut.write_bytes(cut.read_bytes()[: disturber.random.randrange(cut.stat().st_size)])
        with contextlib.suppress(StudyError):
            asking.report(record, record.parent / "page.html")
        try:
            survived = asking.predict(record, [TEXT]) == right
        except StudyError:
            survived = True
        except Exception as error:  # what a user would see as a traceback
            print(f"{cut}: {type(error).__name__}: {error}", file=sys.stderr)
            survived = False
        tally.count(f"cut off: {cut}", survived)
    return tally


class _Runs:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def planted(disturber: Disturber) -> Tally:
    """What a stranger could plant runs nothing and writes nothing outside its folder."""
    tally = Tally()
    disturber.straight("fine-tuning")
    (made,) = RunStore(disturber.folder / "fine-tuning straight").runs()
    for name, plant in PLANTED.items():
        place = disturber.folder / f"planted {name}"
        record, mark = place / "run", place / "it ran"
        shutil.copytree(made.path, record)
        plant(record, mark)
        before = {path for path in place.rglob("*") if record not in path.parents}
        with contextlib.suppress(StudyError):
            asking.predict(record, [TEXT])
        with contextlib.suppress(StudyError):
            asking.report(record, record / "page.html")
        with contextlib.suppress(StudyError, ValueError):
            _ = Run(record).arrays
        with contextlib.suppress(StudyError):
            mirror.copy(record / "model", content(record / "model"), record / "copy")
        after = {path for path in place.rglob("*") if record not in path.parents}
        page = record / "page.html"
        quiet = not page.exists() or "<script" not in page.read_text("utf-8").lower()
        tally.count(f"planted: {name}", quiet and not mark.exists() and after == before)
    return tally


def _pickled_weights(record: Path, mark: Path) -> None:
    (record / "model" / "model.safetensors").unlink()
    (record / "model" / "pytorch_model.bin").write_bytes(pickle.dumps(_Runs(mark)))


def _remote_code(record: Path, mark: Path) -> None:
    path = record / "model" / "config.json"
    auto = {
        "AutoConfig": "evil.Config",
        "AutoModel": "evil.Model",
        "AutoTokenizer": ["evil.T", None],
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": auto}))
    (record / "model" / "evil.py").write_text(f"open({str(mark)!r}, 'w')")


def _template(record: Path, mark: Path) -> None:
    code = "{{ cycler.__init__.__globals__.os.system('touch \"" + str(mark) + "\"') }}"
    (record / "model" / "chat_template.jinja").write_text(code)


def _pickled_arrays(record: Path, mark: Path) -> None:
    import numpy as np

    np.savez(record / "arrays.npz", x=np.array([_Runs(mark)], dtype=object))


def _pickled_arguments(record: Path, mark: Path) -> None:
    (record / "model" / "training_args.bin").write_bytes(pickle.dumps(_Runs(mark)))


def _config(**values: object) -> Callable[[Path, Path], None]:
    def plant(record: Path, mark: Path) -> None:
        path = record / "config.json"
        text = json.dumps(json.loads(path.read_text()) | values)
        path.write_text(text.replace("MARK", str(mark)))

    return plant


def _shard_elsewhere(record: Path, mark: Path) -> None:
    model = record / "model"
    (model / "model.safetensors").rename(mark.with_name("elsewhere.safetensors"))
    index = {"metadata": {}, "weight_map": {"shared.weight": "../../elsewhere.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))


def _named_script(record: Path, mark: Path) -> None:
    path = record / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["model"] = "<script>alert(1)</script>"
    metrics["per_label"] = {
        f"</td><script>alert({n})</script>": row
        for n, row in enumerate(metrics["per_label"].values())
    }
    path.write_text(json.dumps(metrics))


PLANTED: dict[str, Callable[[Path, Path], None]] = {
    "a pickle in place of the weights": _pickled_weights,
    "a checkpoint with code of its own": _remote_code,
    "a chat template that calls the system": _template,
    "a pickle among the arrays": _pickled_arrays,
    "a pickle of training arguments": _pickled_arguments,
    "a task that is an import": _config(task="__import__('os').system('touch MARK')"),
    "an architecture that is a path": _config(architecture="../../../t5"),
    "a recipe with a tag of YAML": _config(recipe={"epochs": "!!python/object/apply:os.system"}),
    "an own task whose template reads attributes": _config(
        definition={"repo": "own data", "template": "{x.__class__}", "target": "<script>"}
    ),
    "a shard outside of the folder": _shard_elsewhere,
    "labels and a model with tags of a page": _named_script,
}

AMOUNTS = {"kills": 12, "full": 40, "twice": 4, "cut": 40}
FEW = {"kills": 1, "full": 1, "twice": 1, "cut": 6}


def faults(
    folder: Path, amounts: dict[str, int] = AMOUNTS, works: Sequence[str] = tuple(WORK)
) -> Iterator[tuple[str, Tally]]:
    """Inject them kind by kind."""
    disturber = Disturber(folder)
    for name in works:
        yield f"{name}, killed", disturber.kills(name, amounts["kills"])
        yield f"{name}, disk full at a write", disturber.full_disks(name, amounts["full"])
    yield "two commands on one store", disturber.two_at_once("fine-tuning", amounts["twice"])
    yield "files cut off", truncations(disturber, amounts["cut"])
    yield "planted", planted(disturber)


def main() -> int:
    """Inject all faults and print what came of them; the status is 1 where one was not survived."""
    began, injected, lost = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["T5STUDY_CORPUS"] = str(Path(folder) / "corpus")
        print(f"{'fault':<40} injected survived  lost or wrong")
        for kind, tally in faults(Path(folder)):
            survived = tally.injected - len(tally.lost)
            print(f"{kind:<40} {tally.injected:>8} {survived:>8} {len(tally.lost):>14}", flush=True)
            injected, lost = injected + tally.injected, [*lost, *tally.lost]
    print(f"{'all':<40} {injected:>8} {injected - len(lost):>8} {len(lost):>14}")
    print(f"in {time.monotonic() - began:.0f} s")
    print("\n".join(lost))
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
