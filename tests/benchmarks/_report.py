"""Figures beside their targets, and beside what the same machine has measured before."""

from __future__ import annotations

import html
import json
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Pattern of a figure's name → the most that it may be. The first that fits counts; what none fits has no target.
TARGETS = (
    (r"live / plain, ", 0.5),
    (r"live / convert, cold", 0.2),
    (r"live / convert, warm", 0.15),
    (r"first picture, ", 1000.0),
    (r"sent until live, cold", 6.0),
    (r"sent until live, warm", 0.1),
    (r"drag p95, .*: floor", None),  # a bare page
    (r"drag p95, ", 33.0),  # two frames; long work ("drag p95 of long work") has no target
    (r"playing, ", 1000 / 55),
    (r"building, (unchanged|serve: (prose|style))", 1.0),
    (r"memory of a Python, ", 1073.75),
)

#: Unit → share of the earlier median by which a figure may be more before that is no noise; "": ratios. All of it is
#: from one machine, but others may use that too: of times only ratios within a run are steady.
NOISE = {"": 0.15, "MB": 0.15, "ms": 0.3, "s": 0.3}

#: Earlier lines that a median is of.
REMEMBERED = 9


@dataclass(frozen=True)
class Figure:
    """One measured value; less is better. `earlier`: the median of earlier lines, if there are any."""

    name: str
    value: float
    earlier: float | None = None

    @property
    def unit(self) -> str:
        """What stands behind the last comma of the name, if that is a unit."""
        unit = self.name.rpartition(", ")[2]
        return unit if unit in NOISE else ""

    @property
    def target(self) -> float | None:
        """The most it may be, if that is laid down."""
        return next((most for pattern, most in TARGETS if re.match(pattern, self.name)), None)

    @property
    def of_target(self) -> float | None:
        """The value as a share of its target: 1 or less is met."""
        return None if self.target is None else self.value / self.target

    @property
    def of_earlier(self) -> float | None:
        """The value as a share of the median of earlier ones."""
        return self.value / self.earlier if self.earlier else None

    @property
    def worse(self) -> bool:
        """Whether it is more than earlier, beyond noise."""
        return self.of_earlier is not None and self.of_earlier > 1 + NOISE[self.unit]

    def verdict(self) -> str:
        """In words: against the target, and against earlier."""
        words = [] if self.of_target is None else ["met" if self.of_target <= 1 else "missed"]
        return ", ".join([*words, *(["REGRESSION"] if self.worse else [])])


def compared(values: Mapping[str, float], machine: str, history: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """The figures beside the medians of the last lines of the same machine."""
    lines = [line["figures"] for line in history if line["machine"] == machine][-REMEMBERED:]
    found = []
    for name, value in values.items():
        before = [line[name] for line in lines if name in line]
        found.append(Figure(name, value, statistics.median(before) if before else None))
    return found


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a history, oldest first; none if there is no file. Raises `ValueError` for one that is no JSON."""
    if not path.exists():
        return []
    lines = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None
    return lines


def add_to_history(path: Path, facts: Mapping[str, str], values: Mapping[str, float]) -> None:
    """Appends a line: facts (`date`, `commit`, `machine`, …) and the figures, to four digits."""
    rounded = {name: float(f"{value:.4g}") for name, value in values.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**facts, "figures": rounded}, ensure_ascii=False) + "\n")


HEAD = ("figure", "value", "target", "of target", "earlier", "of earlier", "")


def rows(figures: Sequence[Figure]) -> list[list[object]]:
    """Cells of a table with the columns of `HEAD`; None is a blank."""
    return [[f.name, f.value, f.target, f.of_target, f.earlier, f.of_earlier, f.verdict()] for f in figures]


def markdown(figures: Sequence[Figure], facts: Mapping[str, str]) -> str:
    """The report, with the plot of `plot` beside it as `report.svg`."""
    lines = ["# Benchmarks", "", *(f"- {key}: {value}" for key, value in facts.items()), "", "![](report.svg)", ""]
    lines += ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 2) + " --- |"]
    lines += ["| " + " | ".join(map(_text, row)) + " |" for row in rows(figures)]
    return "\n".join(lines) + "\n"


def _text(cell: object) -> str:
    return "" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


LABEL, SCALE, LINE, MOST = 330, 200, 20, 3.0  # widths and height in pixels; bars end at that share


def plot(figures: Sequence[Figure]) -> str:
    """A bar for each figure that has a target, as its share of that; the line is the target. As SVG."""
    bars = [figure for figure in figures if figure.of_target is not None]
    width, height = LABEL + int(SCALE * MOST) + 60, LINE * (len(bars) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k, figure in enumerate(bars):
        share, y = figure.of_target or 0.0, LINE * k + LINE // 2
        fill = "#2a7f5f" if share <= 1 else "#c2562d"
        length = SCALE * min(share, MOST)
        parts.append(f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{html.escape(figure.name)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{LINE - 5}" fill="{fill}"/>')
        parts.append(f'<text x="{LABEL + length + 5:.1f}" y="{y + 12}">{share:.2f}</text>')
    parts.append(f'<path d="M{LABEL + SCALE} 0V{height}" stroke="#222" stroke-dasharray="3 3"/></svg>')
    return "\n".join(parts) + "\n"
