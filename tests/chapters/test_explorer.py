"""The explorer holds the record's weights, needs nothing from elsewhere and begins as a picture."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from handmade import record, rows_of_softmax

from t5study.chapters.explorer import FINEST, explorer

TOKENS = ["[CLS]", "▁The", "▁<film>", "[SEP]"]


@pytest.fixture(scope="module")
def seen():
    arrays = {
        "attention_0": rows_of_softmax(2, 3, 4, 4),
        "attention_1": rows_of_softmax(2, 3, 2, 2),
    }
    sentences = [
        {"sentence": "The <film>", "tokens": TOKENS},
        {"sentence": "&", "tokens": ["a", "b"]},
    ]
    return record(arrays, sentences=sentences, layers=2, heads=3)


@pytest.fixture(scope="module")
def html(seen) -> str:
    return explorer(seen, layer=1, head=2, token="<film>").html


def _data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1])


def test_it_holds_all_weights_to_a_half_of_a_hundredth(seen, html):
    for number, sentence in enumerate(_data(html)["sentences"]):
        kept = np.frombuffer(base64.b64decode(sentence["weights"]), np.uint8) / FINEST
        weights = seen.arrays[f"attention_{number}"]
        assert np.allclose(kept.reshape(weights.shape), weights, atol=0.5 / FINEST + 1e-9)


def test_it_begins_as_the_picture_that_was_asked_for(seen, html):
    weights = seen.arrays["attention_0"][1, 2, 2]
    assert re.findall(r"<small>([\d.]+)</small>", html) == [f"{weight:.2f}" for weight in weights]
    assert re.findall(r'aria-pressed="(\w+)"', html) == ["false", "false", "true", "false"]
    best = ["[CLS]", "The", "&lt;film&gt;", "[SEP]"][weights.argmax()]
    assert f"“&lt;film&gt;” looks at “{best}” {weights.max():.2f}" in html


def test_nothing_is_loaded_and_every_choice_has_a_name(html):
    assert "http" not in html
    assert not re.search(r"\b(src|href)=", html)
    assert re.findall(r"<label>(\w+) <select>", html) == ["Sentence", "Layer", "Head"]
    assert 'aria-live="polite"' in html
    parser = HTMLParser()
    parser.feed(html)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_its_script_is_one(html, tmp_path):
    script = tmp_path / "explorer.js"
    script.write_text(re.findall(r"<script>(.*?)</script>", html, re.S)[-1])
    subprocess.run(["node", "--check", str(script)], check=True)
