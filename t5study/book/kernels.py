"""Run a notebook in a kernel of this interpreter, in an environment of the study's making."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import papermill
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from traitlets import default

from t5study.base.files import write_text
from t5study.book.prose import lacks

ENVIRONMENT = {
    "DATASETS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""What every kernel gets, whatever the shell says."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
ENGINE = "t5study"
SECONDS_TO_START = 180
SECONDS_BETWEEN_LOOKS = 0.5


class Kernels:
    """Starts kernels in one environment; `folder` is for what they need on disk."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        # The user's own IPython and Matplotlib have start-up files and settings: not here.
        own = {"IPYTHONDIR": str(folder / "ipython"), "MATPLOTLIBRC": str(folder / "matplotlibrc")}
        write_text(folder / "matplotlibrc", "")
        self.environment = {**environment, **ENVIRONMENT, **own}

    def run(
        self,
        notebook: Any,
        parameters: dict[str, Any],
        place: Path,
        log: Path,
        on_cell: Callable[[int], None],
        models: Collection[str],
    ) -> tuple[Any, str, int]:
        """Run a notebook by papermill with its parameters in the folder `place`.

        Cells tagged `needs:MODEL` are passed over where the model is not among `models`.

        Returns the notebook with its outputs, what went wrong (as the rest of a sentence about the
        chapter, or nothing), and the most bytes that the kernel and its processes held at once.
        """
        memory = _PeakMemory()
        logging.getLogger("traitlets").setLevel(logging.CRITICAL)
        logging.getLogger("papermill").setLevel(logging.ERROR)
        write_text(log, "")
        problem, ran = "", []
        with log.open("w") as output, memory:
            options = {"cwd": str(place), "env": self.environment, "stdout": output}
            try:
                # With a path to write to, papermill would fill in the braces of a folder's name.
                papermill.execute_notebook(
                    notebook,
                    None,
                    parameters=parameters,
                    engine_name=ENGINE,
                    kernel_name="python3",
                    progress_bar=False,
                    request_save_on_cell_execute=False,
                    options={**options, "stderr": output},
                    watch=memory.watch,
                    on_cell=on_cell,
                    models=models,
                    ran=ran,
                )
            except papermill.PapermillExecutionError as error:
                problem = f"stopped in {_failed_cell(error)}: {_reason(error)}"
            except DeadKernelError:
                problem = f"stopped because its kernel died, often for lack of memory (see {log})"
            except (RuntimeError, TimeoutError):
                problem = f"could not begin, since its kernel did not start (see {log})"
        executed = ran[0] if ran else notebook
        # Papermill marks where a notebook stopped by cells of its own.
        executed.cells = [cell for cell in executed.cells if not _is_mark(cell)]
        return executed, problem, memory.peak


def _is_mark(cell: Any) -> bool:
    return "papermill-error-cell-tag" in cell.metadata.get("tags", [])


class _OwnSpec(KernelSpecManager):
    """Knows one kernel: this interpreter, whatever kernels are registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        # What the cells were is in the notebook: a data base of them would only be in the way.
        command.append("--HistoryManager.enabled=False")
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


class _OwnKernel(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _own_spec(self) -> KernelSpecManager:
        return _OwnSpec()


class _Client(PapermillNotebookClient):
    """Papermill's client, which passes over what the models at hand cannot show."""

    models: Collection[str] = ()
    watch: Callable[[int], None]

    def papermill_execute_cells(self):
        self.watch(self.km.provisioner.pid)
        super().papermill_execute_cells()

    def execute_cell(self, cell, index, **kwargs):
        if lacks(cell, self.models):
            return cell
        return super().execute_cell(cell, index, **kwargs)


class _StudyEngine(Engine):
    """Papermill's engine with kernels of our own, an environment of our making, and news of cells.

    The kernel is started in a folder. Papermill's own `cwd` would move this whole process there,
    and of chapters that run side by side one could bring it back to where another had moved it.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, options, watch, on_cell, models, ran, **_unused
    ):
        ran.append(nb_man.nb)
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            timeout=None,
            startup_timeout=SECONDS_TO_START,
            kernel_manager_class=_OwnKernel,
            on_cell_start=lambda cell, cell_index: on_cell(cell_index),
        )
        client.models, client.watch = models, watch
        try:
            client.execute(**options)
        finally:
            # After a failed start nbclient leaves this to be done at the end of the process, where
            # it would raise.
            atexit.unregister(client._cleanup_kernel)


papermill_engines.register(ENGINE, _StudyEngine)


def _failed_cell(error: Any) -> str:
    """The code cell of the source that raised, by its number and first line."""
    lines = [line.strip() for line in error.source.splitlines() if line.strip()]
    # The source has one code cell less: papermill adds one for the parameters.
    return f"code cell {max(1, error.exec_count - 1)} (`{lines[0] if lines else ''}`)"


def _reason(error: Any) -> str:
    reason = " ".join(str(error.evalue).split()).rstrip(".")
    return reason if error.ename == "StudyError" else f"{error.ename}: {reason}"


class _PeakMemory:
    """Watches a process and those below it; `peak` is the most bytes they held together."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()

    def watch(self, pid: int) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, args=[pid], daemon=True).start()

    def __enter__(self) -> _PeakMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _watch(self, pid: int) -> None:
        with suppress(psutil.Error):
            kernel = psutil.Process(pid)
            while not self._stop.wait(SECONDS_BETWEEN_LOOKS):
                held = 0
                for process in [kernel, *kernel.children(recursive=True)]:
                    with suppress(psutil.Error):
                        held += process.memory_info().rss
                self.peak = max(self.peak, held)
