"""Run a notebook in a kernel of this interpreter, in an environment of the study's making."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
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
KERNEL = "python3"
SECONDS_TO_START = 180


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
    ) -> tuple[Any, str]:
        """Run a notebook with papermill's parameters in the folder `place`.

        Cells tagged `needs:MODEL` are passed over where the model is not among `models`.

        Returns the notebook with its outputs, and what went wrong, as the rest of a sentence about
        the chapter, or nothing.
        """
        failed: list[int] = []
        logging.getLogger("traitlets").setLevel(logging.CRITICAL)
        notebook = load_notebook_node(notebook)
        notebook = parameterize_notebook(
            notebook, parameters, kernel_name=KERNEL, language="python"
        )

        client = _Client(
            notebook,
            kernel_name=KERNEL,
            timeout=None,
            startup_timeout=SECONDS_TO_START,
            kernel_manager_class=_OwnKernel,
            on_cell_start=lambda cell, cell_index, **_: on_cell(cell_index),
            on_cell_error=lambda cell, cell_index, **_: failed.append(cell_index),
        )
        client.models = models
        write_text(log, "")
        problem = ""
        with log.open("w") as output:
            try:
                options = {"cwd": str(place), "env": self.environment}
                client.execute(**options, stdout=output, stderr=output)
            except CellExecutionError as error:
                problem = f"stopped in {_named(notebook.cells, *failed)}: {_reason(error)}"
            except DeadKernelError:
                problem = f"stopped because its kernel died, often for lack of memory (see {log})"
            except (RuntimeError, TimeoutError):
                problem = f"could not begin, since its kernel did not start (see {log})"
            finally:
                # After a failed start nbclient leaves this to be done at the end of the process,
                # where it would raise.
                atexit.unregister(client._cleanup_kernel)
        return notebook, problem


class _OwnKernel(AsyncKernelManager):
    """Starts this interpreter, whatever kernels are registered."""

    @default("kernel_spec_manager")
    def _own_spec(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


class _Client(NotebookClient):
    """Passes over what the models at hand cannot show."""

    models: Collection[str] = ()

    async def async_execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        if lacks(cell, self.models):
            return cell
        return await super().async_execute_cell(cell, cell_index, **options)


def _named(cells: list[Any], index: int) -> str:
    """A code cell by its number in the source and its first line."""
    before = [cell for cell in cells[:index] if cell.cell_type == "code"]
    # The source has one code cell less: papermill adds one for the parameters.
    number = max(1, len(before))
    return f"code cell {number} (`{cells[index].source.strip().splitlines()[0]}`)"


def _reason(error: Any) -> str:
    reason = " ".join(str(error.evalue).split()).rstrip(".")
    return reason if error.ename == "StudyError" else f"{error.ename}: {reason}"
