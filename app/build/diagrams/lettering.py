"""Words in a drawing: a line of text with formulas between dollars, how wide it is, and its SVG.

A formula has letters, and `_` and `^` before one sign or a group in braces: `$x_{t-1}$`, `$ᾱ_t$`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

SMALL = 0.74
"""Size of a subscript, as a share of the size of its line."""

SHIFT = {"": 0.0, "_": 0.2, "^": -0.36}
"""How far signs stand below the line, as a share of its size."""

#: Advance widths of Inter, in hundredths of the size (rounded up to three); capitals, Greek and signs: see `DEFAULT`.
_WIDTHS = {
    24: "ijl", 27: " I", 30: "!',.:;·", 33: "`t|", 36: "()/[]f", 39: "r", 42: "1{}", 45: "-_", 48: '"^', 51: "*?",
    54: "ksxz", 57: "7JLacevy", 60: "25EFbdghnopqu", 63: "03689#$&PRSZ", 66: "4+<=>BKT~−×", 69: "AVXY", 72: "CD",
    75: "GHNOQU", 81: "w", 87: "m", 90: "M", 99: "%W—…→←",
}  # fmt: skip
ADVANCE = {sign: width / 100 for width, signs in _WIDTHS.items() for sign in signs}
ADVANCE |= {"\u0302": 0.0, "\u0304": 0.0}  # accents stand over the letter before
DEFAULT = 0.66

_FORMULA = re.compile(r"\$([^$]*)\$")
_SIGNS = re.compile(r"([_^]?)(\{[^}]*\}|.[\u0302\u0304]?)")


@dataclass(frozen=True)
class Run:
    """Signs of one face: `math` is the serif face of formulas; `place` is "", "_" (below the line) or "^" (above)."""

    text: str
    math: bool = False
    italic: bool = False
    place: str = ""

    def width(self, size: float) -> float:
        """Its width where a line has this size, within a few per cent."""
        return sum(ADVANCE.get(sign, DEFAULT) for sign in self.text) * size * (SMALL if self.place else 1.0)


def runs(line: str) -> list[Run]:
    """Divides a line into runs."""
    found = []
    for part, text in enumerate(_FORMULA.split(line)):
        if not part % 2:
            found += [Run(text)] if text else []
            continue
        for place, signs in _SIGNS.findall(text):
            for sign in re.findall(".[\u0302\u0304]?", signs.strip("{}")):
                run = Run(sign, True, sign[0].isalpha(), place)
                same = found and (found[-1].math, found[-1].italic, found[-1].place) == (True, run.italic, place)
                found[-1:] = [Run(found[-1].text + sign, True, run.italic, place)] if same else [*found[-1:], run]
    return found


def width_of(line: str, size: float) -> float:
    """The width of a line, within a few per cent: faces differ by machine where the page's fonts are missing."""
    return sum(run.width(size) for run in runs(line))


def line_svg(x: float, y: float, line: str, size: float, attributes: str) -> str:
    """A line whose signs stand on the height `y`, as a text element with the attributes."""
    pieces, level = [], 0.0
    for run in runs(line):
        to = SHIFT[run.place] * size
        marks = f' dy="{to - level:.1f}"' if abs(to - level) > 0.01 else ""
        marks += f' font-size="{size * SMALL:.1f}"' if run.place else ""
        marks += ' font-family="var(--serif)"' if run.math else ""
        marks += ' font-style="italic"' if run.italic else ""
        pieces.append(f"<tspan{marks}>{escape(run.text)}</tspan>" if marks else escape(run.text))
        level = to
    start = f'<text x="{x:.1f}" y="{y:.1f}" {attributes.strip()}'
    return f"{start.rstrip()}>{''.join(pieces)}</text>"
