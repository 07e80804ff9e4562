"""An explorer of attention: sentence, layer and head to choose, and where each token looks.

It is HTML with its numbers inside, and a little script without any library. Where scripts are off
it stays the picture that it begins with. It can be used with a mouse, with the keyboard, by touch
and with a screen reader; what it shows is told by heights and numbers, not by colour.
"""

from __future__ import annotations

import base64
import json
from html import escape

import numpy as np

from t5study.chapters.style import BLUE, ORANGE, word
from t5study.chapters.tables import Table
from t5study.runs.record import Run

FINEST = 255
"""A weight is kept as a whole number of this many parts, in one byte."""

_STYLE = f"""
.looks {{ border: 1px solid var(--pst-color-border, #ccc); border-radius: 6px; padding: .8rem;
  color: var(--pst-color-text-base, inherit); }}
.looks:not([data-ready]) .looks-choose {{ display: none; }}
.looks-choose {{ display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-bottom: .6rem; }}
.looks-choose label, .looks-choose select {{ max-width: 100%; }}
.looks-choose select {{ min-width: 0; text-overflow: ellipsis; }}
.looks-tokens {{ display: flex; flex-wrap: wrap; gap: 4px; }}
.looks-tokens button {{ background: none; border: 2px solid transparent; border-radius: 4px;
  color: inherit; font: inherit; font-size: .85rem; padding: 0 3px 2px; min-width: 2.6rem;
  line-height: 1.25; cursor: pointer; }}
.looks-tokens button[aria-pressed=true] {{ border-color: {ORANGE}; font-weight: bold; }}
.looks-bar {{ display: flex; align-items: flex-end; height: 3.4rem; margin-bottom: 2px;
  border-bottom: 1px solid currentColor; }}
.looks-bar span {{ background: {BLUE}; width: 100%; }}
.looks-tokens small {{ display: block; font-weight: normal; font-variant-numeric: tabular-nums; }}
.looks-said {{ margin: .6rem 0 0; }}
"""

_SCRIPT = """
for (const box of document.querySelectorAll('.looks:not([data-ready])')) {
  const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
  const [sentence, layer, head] = box.querySelectorAll('select');
  const row = box.querySelector('.looks-tokens'), said = box.querySelector('.looks-said');
  const kept = data.sentences.map(
    one => Uint8Array.from(atob(one.weights), letter => letter.charCodeAt(0)));
  let at = data.at;
  const tokens = () => data.sentences[sentence.value].tokens;
  function weights() {
    const n = tokens().length;
    const from = ((+layer.value * data.heads + +head.value) * n + at) * n;
    return [...kept[sentence.value].subarray(from, from + n)].map(part => part / data.finest);
  }
  function show() {
    const all = weights();
    [...row.children].forEach((button, i) => {
      button.querySelector('.looks-bar span').style.height = 100 * all[i] + '%';
      button.querySelector('small').textContent = all[i].toFixed(2);
      button.setAttribute('aria-pressed', i === at);
    });
    const best = all.map((weight, i) => [weight, i]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    const words = best.map(([weight, i]) => `“${tokens()[i]}” ${weight.toFixed(2)}`);
    said.textContent = `“${tokens()[at]}” looks at ${words.join(', ')}.`;
  }
  function rebuild() {
    const pattern = row.firstElementChild;
    row.replaceChildren(...tokens().map(token => {
      const button = pattern.cloneNode(true);
      button.querySelector('.looks-name').textContent = token;
      return button;
    }));
    at = Math.min(at, tokens().length - 1);
    show();
  }
  function look(event) {
    const button = event.target.closest('button');
    if (button) { at = [...row.children].indexOf(button); show(); }
  }
  for (const kind of ['mouseover', 'focusin', 'click']) row.addEventListener(kind, look);
  row.addEventListener('keydown', event => {
    const next = {ArrowRight: 'nextElementSibling', ArrowLeft: 'previousElementSibling'}[event.key];
    if (next && event.target[next]) { event.preventDefault(); event.target[next].focus(); }
  });
  sentence.addEventListener('change', rebuild);
  for (const choice of [layer, head]) choice.addEventListener('change', show);
  box.dataset.ready = '';
  rebuild();
}
"""


def explorer(seen: Run, *, layer: int, head: int, token: str) -> Table:
    """Return an explorer of an observation of attention.

    Args:
        seen: an observation with `sentences`, `layers` and `heads`, and an array
            `attention_0`, … (layers, heads, queries, keys) a sentence.
        layer: the layer that is shown first, counted from 0.
        head: its head, counted from 0.
        token: the token of the first sentence that looks at first.
    """
    values = seen.values
    sentences = [
        {"tokens": [word(each) for each in one["tokens"]], "weights": _bytes(seen, number)}
        for number, one in enumerate(values["sentences"])
    ]
    at = sentences[0]["tokens"].index(token)
    data = {"heads": values["heads"], "finest": FINEST, "at": at, "sentences": sentences}
    first = seen.arrays["attention_0"][layer, head, at].astype(float)
    choices = (
        _choice("Sentence", [one["sentence"] for one in values["sentences"]], 0),
        _choice("Layer", range(1, values["layers"] + 1), layer),
        _choice("Head", range(1, values["heads"] + 1), head),
    )
    row = "".join(map(_button, sentences[0]["tokens"], first, np.arange(len(first)) == at))
    best = sorted(zip(first, sentences[0]["tokens"], strict=True), reverse=True)[:3]
    said = ", ".join(f"“{name}” {weight:.2f}" for weight, name in best)
    return Table(
        f'<style>{_STYLE}</style>\n<div class="looks">\n'
        f'<div class="looks-choose">{"".join(choices)}</div>\n'
        f'<div class="looks-tokens" role="group" aria-label="Tokens: choose the one that looks">'
        f"{row}</div>\n"
        f'<p class="looks-said" aria-live="polite">{escape(f"“{token}” looks at {said}.")}</p>\n'
        f'<script type="application/json">{_json(data)}</script>\n'
        f"</div>\n<script>{_SCRIPT}</script>",
        "An explorer of attention weights.",
    )


def _json(data: dict[str, object]) -> str:
    # A token that closes an element would end the script.
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def _bytes(seen: Run, number: int) -> str:
    """The weights of one sentence, a byte each, in base 64."""
    weights = seen.arrays[f"attention_{number}"].astype(float)
    return base64.b64encode(np.rint(weights * FINEST).astype(np.uint8).tobytes()).decode()


def _choice(name: str, options: object, chosen: int) -> str:
    items = "".join(
        f'<option value="{place}"{" selected" if place == chosen else ""}>{escape(str(option))}'
        "</option>"
        for place, option in enumerate(options)  # type: ignore[arg-type]
    )
    return f"<label>{name} <select>{items}</select></label>"


def _button(name: str, weight: float, pressed: bool) -> str:
    return (
        f'<button type="button" aria-pressed="{"true" if pressed else "false"}">'
        f'<span class="looks-bar"><span style="height: {100 * weight:.0f}%"></span></span>'
        f'<span class="looks-name">{escape(name)}</span><small>{weight:.2f}</small></button>'
    )
