"""The shapes that all drawings are made of: boxes, rows of tokens, arrows, words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from t5study.chapters.style import BLUE, GREY, INK, ORANGE

WIDE = 620
"""Width of a drawing that fills the page's column, in pixels."""
NORMAL, SMALL = 14, 12.5
"""Sizes of type in pixels; on a telephone they are a little more than half of that."""
WHITE, PALE, BLUISH, ORANGISH, GREENISH = "#ffffff", "#eceff1", "#d3e6f5", "#fbdfce", "#cfebdf"
FAINT = "#b8c2c8"

_FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
_HEADS = (BLUE, ORANGE, GREY, FAINT, INK)


def breadth(token: str, size: float = SMALL) -> float:
    """Return how wide the box of a token is that holds it in type of a size."""
    return max(22.0, len(token) * size * 0.66 + 10)


class Drawing:
    """A drawing of a size in pixels, to which shapes are added; a notebook shows it as SVG."""

    def __init__(self, height: float, width: float = WIDE) -> None:
        self.width, self.height = width, height
        self._shapes: list[str] = []

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        words: str = "",
        *,
        fill: str = WHITE,
        edge: str = "#78909c",
        dashed: bool = False,
        size: float = NORMAL,
        bold: bool = False,
    ) -> None:
        """Add a rectangle with words in its middle, several lines of them with line breaks."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self._shapes.append(
            f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="4" '
            f'fill="{fill}" stroke="{edge}" stroke-width="1.2"{dash}/>'
        )
        lines = words.split("\n") if words else []
        first = top + height / 2 - (len(lines) - 1) * size * 0.6
        for number, line in enumerate(lines):
            middle = first + number * size * 1.2
            self.words(left + width / 2, middle, line, size=size, bold=bold)

    def words(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = NORMAL,
        anchor: str = "middle",
        bold: bool = False,
        colour: str = INK,
    ) -> None:
        """Add a line of words; `y` is its middle, `anchor` what of it stands at `x`."""
        weight = ' font-weight="bold"' if bold else ""
        self._shapes.append(
            f'<text x="{x:g}" y="{y + size * 0.36:.4g}" font-size="{size:g}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def line(
        self,
        *points: tuple[float, float],
        colour: str = GREY,
        width: float = 1.3,
        dashed: bool = False,
        head: bool = False,
    ) -> None:
        """Add a line through points, with the head of an arrow at its end if it has one."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        end = f' marker-end="url(#h{_HEADS.index(colour)})"' if head else ""
        way = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._shapes.append(
            f'<polyline points="{way}" fill="none" stroke="{colour}" '
            f'stroke-width="{width:g}"{dash}{end}/>'
        )

    def arrow(self, *points: tuple[float, float], **options: object) -> None:
        """Add a line with the head of an arrow."""
        self.line(*points, head=True, **options)  # type: ignore[arg-type]

    def tokens(
        self,
        left: float,
        top: float,
        names: Sequence[str],
        *,
        fills: Sequence[str] = (),
        width: float | None = None,
        height: float = 26,
        gap: float = 5,
        size: float = SMALL,
    ) -> list[float]:
        """Add a row of boxes, one a token; return the middle of each.

        A box is as wide as its token needs, or `width`.
        """
        middles = []
        for place, name in enumerate(names):
            wide = width or breadth(name, size)
            fill = fills[place] if fills else WHITE
            self.box(left, top, wide, height, name, fill=fill, size=size)
            middles.append(left + wide / 2)
            left += wide + gap
        return middles

    def grid(
        self, left: float, top: float, allowed: Sequence[Sequence[bool]], side: float = 15
    ) -> None:
        """Add a mask as a grid: filled where a row may look at a column, crossed out elsewhere."""
        for row, cells in enumerate(allowed):
            for column, seen in enumerate(cells):
                x, y = left + column * side, top + row * side
                self.box(x, y, side, side, fill=BLUE if seen else WHITE, edge=FAINT)
                if not seen:
                    self.line((x + 4, y + 4), (x + side - 4, y + side - 4), colour=FAINT)

    def svg(self) -> str:
        """Return the drawing as SVG, the same text every time."""
        heads = "".join(
            f'<marker id="h{number}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
            for number, colour in enumerate(_HEADS)
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" '
            f'height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'font-family="{_FONT}"><defs>{heads}</defs>\n<path d="M0,0 H{self.width:g} '
            f'V{self.height:g} H0 z" fill="{WHITE}"/>\n' + "\n".join(self._shapes) + "\n</svg>"
        )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"image/svg+xml": self.svg(), "text/plain": "A drawing."}, raw=True)
