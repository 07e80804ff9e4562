"""Run a notebook in a kernel of this interpreter, in an environment of the study's making."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from t5study.base.files import write_text
from t5study.book.chapters import need

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
    ) -> tuple[str, int]:
        """Run a notebook, in place, with papermill's parameters in the folder `place`.

        Returns what went wrong (as the rest of a sentence about the chapter, or nothing), and the
        most bytes that the kernel and its processes held at once.
        """
        exceptions = need("nbclient.exceptions")
        _inject(notebook, parameters)
        memory = _PeakMemory()
        client = need("nbclient").NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=SECONDS_TO_START,
            record_timing=False,
            kernel_manager_class=_own_kernel(),
            on_notebook_start=lambda notebook: memory.watch(client.km.provisioner.pid),
            on_cell_start=lambda cell, cell_index: on_cell(cell_index),
        )
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        write_text(log, "")
        problem = ""
        with log.open("w") as output, memory:
            try:
                client.execute(cwd=str(place), env=self.environment, stdout=output, stderr=output)
            except exceptions.CellExecutionError as error:
                problem = f"stopped in {_failed_cell(notebook)}: {_reason(error)}"
            except exceptions.DeadKernelError:
                problem = f"stopped because its kernel died, often for lack of memory (see {log})"
            except (RuntimeError, TimeoutError):
                problem = f"could not begin, since its kernel did not start (see {log})"
        return problem, memory.peak


def _inject(notebook: Any, parameters: dict[str, Any]) -> None:
    """Add the cell that papermill adds: it sets the parameters behind those of the notebook."""
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    cell = need("nbformat").v4.new_code_cell("\n".join(["# Parameters", *lines]))
    cell.metadata["tags"] = ["injected-parameters"]
    tagged = ["parameters" in c.metadata.get("tags", []) for c in notebook.cells]
    notebook.cells.insert(tagged.index(True) + 1 if any(tagged) else 0, cell)


def _own_kernel() -> type:
    """A manager whose only kernel is this interpreter, whatever kernels are registered."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from traitlets import default

    class OwnSpec(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            # What the cells were is in the notebook: a data base of them would only be in the way.
            command.append("--HistoryManager.enabled=False")
            return KernelSpec(argv=command, display_name=kernel_name, language="python")

    class OwnKernel(AsyncKernelManager):
        @default("kernel_spec_manager")
        def _own_spec(self) -> KernelSpecManager:
            return OwnSpec()

    return OwnKernel


def _failed_cell(notebook: Any) -> str:
    """The code cell of the source that raised, by its number and first line."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    failed = [any(o.output_type == "error" for o in cell.outputs) for cell in code].index(True)
    lines = [line.strip() for line in code[failed].source.splitlines() if line.strip()]
    # The source has one code cell less: papermill adds one for the parameters.
    return f"code cell {max(1, failed)} (`{lines[0] if lines else ''}`)"


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
