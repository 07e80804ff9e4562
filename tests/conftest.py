"""What all tests share: no network, quiet libraries, and a miniature of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUARD = ROOT / "tests" / "refuse_network"

# What a developer has set must not decide what the tests see.
for name in [name for name in os.environ if name.startswith("T5STUDY_")]:
    del os.environ[name]
# Processes that the tests start (kernels, torchrun, the command line) refuse the network, too. The
# dead proxy is for libraries that open sockets without Python.
os.environ["T5STUDY_REFUSE_NETWORK"] = "1"
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(GUARD), os.environ.get("PYTHONPATH", "")])
)
for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
    os.environ[proxy] = "http://127.0.0.1:9"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

sys.path.insert(0, str(GUARD))
import sitecustomize as guard  # noqa: E402

if not hasattr(guard, "refuse_network"):  # the system's own sitecustomize was imported first
    del sys.modules["sitecustomize"]
    import sitecustomize as guard
sys.path.remove(str(GUARD))
guard.refuse_network()

from t5study.runs.record import RESULT_VERSION, canonical, identity_of  # noqa: E402

PROFILE = """\
profile:
  name: tiny
  about: a miniature
  synthetic: true
  budget_minutes: 1
  models: {t5: google-t5/t5-small}
  tasks: {sentiment: {task: pocket-sentiment}}
seed: 7
"""

MADE = {"kind": "measurement", "name": "answer"}
RECORD = identity_of(MADE)
"""The run that the miniature's first chapter makes."""

SENTIMENT = f"""\
# %% [markdown]
# (ch-sentiment)=
# # Sentiment
#
# The answer is {{eval}}`facts.answer`.

# %% tags=["parameters"]
profile = "tiny"
seed = 21

# %%
import os
import sys
from pathlib import Path
from t5study.chapters.facts import Facts

facts = Facts()
facts(answer=seed * 6)
store = Path(os.environ["T5STUDY_STORE"])
record = next(store.rglob("*{RECORD}"), store / "{RECORD}")
if os.environ.get("T5STUDY_TRAINING") != "forbid":
    (record / "model").mkdir(parents=True, exist_ok=True)
    (record / "model" / "model.safetensors").write_bytes(b"weights")
    for name in ("metrics.json", "provenance.json"):
        (record / name).write_text("{{}}")
    (record / "config.json").write_text('{canonical(MADE | {"result_version": RESULT_VERSION})}')
assert (record / "metrics.json").is_file()

# %%
name = profile if isinstance(profile, str) else profile["name"]
print("seed", seed, name, sys.executable, os.getcwd())
print("run", "{RECORD}", "offline", os.environ.get("HF_HUB_OFFLINE"))
sys.stderr.write("noi" + "se")
"""

EMOTION = """\
# %% [markdown]
# # Emotion
#
# The same trainer as in {ref}`ch-sentiment`.

# %% tags=["parameters"]
profile = "tiny"
seed = 21

# %%
1 + 1
"""


@pytest.fixture
def fresh_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package lies in a clone where nothing is published and nothing was computed."""
    from t5study.base import project

    for name in ("_config.yml", "book", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(project, "HOME", tmp_path)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone in miniature: two chapters that run in a second, with the real settings."""
    root = tmp_path / "project"
    (root / "notebooks" / "profiles").mkdir(parents=True)
    (root / "notebooks" / "profiles" / "tiny.yaml").write_text(PROFILE)
    (root / "notebooks" / "06_sentiment.py").write_text(SENTIMENT)
    (root / "notebooks" / "07_emotion.py").write_text(EMOTION)
    (root / "t5study").mkdir()
    (root / "t5study" / "tasks.py").write_text("NAMES = ()\n")
    (root / "requirements.lock").write_text("torch==2.13.0\n")
    (root / "book").mkdir()
    (root / "book" / "intro.md").write_text("# A book\n\nIt begins with {ref}`ch-sentiment`.\n")
    (root / "book" / "references.bib").write_text("")
    shutil.copy(ROOT / "_config.yml", root)
    shutil.copy(ROOT / "book" / "_toc.yml", root / "book")
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    return root


@pytest.fixture
def published(project: Path) -> Path:
    """The miniature with published outputs, all of it committed."""
    import nbformat

    from t5study.book import Layout, find_chapters
    from t5study.book.notebooks import publish_notebook, read_source
    from t5study.chapters.facts import MIME

    layout = Layout.of("tiny", project)
    for chapter in find_chapters(layout):
        notebook = read_source(chapter)
        notebook.cells[-1].outputs = [
            nbformat.v4.new_output("display_data", {MIME: {"facts": {"answer": "42"}}}),
            nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=3),
        ]
        publish_notebook(chapter, notebook, layout)
    (project / ".gitignore").write_text("_build\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", project, *who, *words], check=True, capture_output=True)
    return project


def stale_pairs(root: Path) -> list[str]:
    """One sentence for every published notebook that is not its source with published outputs."""
    from t5study.book import Layout, find_chapters
    from t5study.book.pairs import problem_of

    return list(filter(None, map(problem_of, find_chapters(Layout.of("published", root)))))
