"""Code of the package as a page shows it: read as text, so that no library is loaded for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.display import Markdown


def listing(module: str, function: str) -> Markdown:
    """Return a function of a module of this room, the last one in its file, without docstring."""
    from IPython.display import Markdown

    text = Path(__file__).with_name(f"{module}.py").read_text("utf-8")
    code = text[text.index(f"def {function}(") :]
    code = re.sub(r' {4}""".*?"""\n+', "", code, count=1, flags=re.S)
    return Markdown(f"```python\n{code}```")
