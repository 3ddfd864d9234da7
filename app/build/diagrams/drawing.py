"""The vocabulary of diagrams: a `Drawing` holds boxes, labels, arrows between them, brackets, and computed marks.

Lengths are pixels of a drawing shown at its own width: 660 on a page, 340 on a phone; y is downwards. Colours are names
of the theme's tokens, so that a drawing follows the theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from diffusion_lab.app.build.diagrams.lettering import line_svg, width_of

WIDE, NARROW = 660, 340
"""Widths of drawings: the column of a page, and a phone of 390 pixels less its margins."""

SIZE, SMALL = 13.0, 11.5
"""Sizes of words: in boxes, and beside them."""

LEADING = 1.3
"""Distance of lines, as a share of the size."""

HEAD = 7.0
"""Length of the head of an arrow."""

BEND = 6.0
"""Radius of an arrow's corners."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A rectangle that a drawing has something in."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def middle(self) -> Point:
        """The point in its middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    def overlaps(self, other: Area) -> bool:
        """Whether both have room in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: Area) -> bool:
        """Whether the other one lies within this one."""
        inside = self.left <= other.left and other.right <= self.right
        return inside and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Spot:
    """A place on the edge of a box or beside a label, where an arrow may begin or end."""

    x: float
    y: float
    of: Box | Label


class _Ends:
    """The places on the four sides of an area."""

    area: Area

    def at(self, side: str, share: float = 0.5) -> Spot:
        """The place at `share` of a side, from its left or upper end."""
        a = self.area
        across, down = a.left + share * a.width, a.top + share * a.height
        x, y = {"left": (a.left, down), "right": (a.right, down), "top": (across, a.top), "bottom": (across, a.bottom)}[
            side
        ]
        assert isinstance(self, Box | Label)
        return Spot(x, y, self)

    def towards(self, point: Point) -> Spot:
        """The place on the edge of a round point that faces another point."""
        assert isinstance(self, Box)
        x, y = self.area.middle
        share = self.area.width / 2 / math.dist((x, y), point)
        return Spot(x + share * (point[0] - x), y + share * (point[1] - y), self)


#: Tone → token of the ground, its opacity, token of the outline, and its width.
TONES = {
    "plain": ("soft", 1.0, "mute", 1.0),
    "strong": ("bg", 1.0, "ink", 1.4),
    "learned": ("acc", 0.12, "acc", 1.4),
    "first": ("c0", 0.12, "c0", 1.2),
    "second": ("c2", 0.12, "c2", 1.2),
    "third": ("c5", 0.12, "c5", 1.2),
    "picture": ("bg", 1.0, "line", 1.0),
    "blank": ("soft", 1.0, "line", 1.0),
    "dot": ("ink", 1.0, "ink", 1.0),
    "accent dot": ("acc", 1.0, "acc", 1.0),
    "open dot": ("bg", 1.0, "ink", 1.4),
    "first dot": ("c0", 1.0, "c0", 1.0),
}


@dataclass(frozen=True)
class Box(_Ends):
    """A box with lines of words in its middle; `round` has its ends rounded, `dashed` its outline dashed."""

    area: Area
    lines: tuple[str, ...] = ()
    tone: str = "plain"
    size: float = SIZE
    round: bool = False
    dashed: bool = False
    bold: bool = False

    @property
    def is_point(self) -> bool:
        """Whether it is a disc without words, which lies on lines."""
        return self.round and not self.lines


@dataclass(frozen=True)
class Label(_Ends):
    """Lines of words outside of boxes; `area` is the room that they take."""

    area: Area
    lines: tuple[str, ...]
    x: float
    anchor: str
    size: float
    colour: str
    bold: bool
    halo: bool


@dataclass(frozen=True)
class Arrow:
    """A line from one place to another through `points`, both ends among them; with a head unless it is `plain`."""

    start: Spot
    end: Spot
    points: tuple[Point, ...]
    colour: str
    dashed: bool
    plain: bool


@dataclass(frozen=True)
class Group:
    """A frame round boxes."""

    area: Area
    dashed: bool


@dataclass
class Drawing:
    """A drawing of this width and height, filled by its methods."""

    width: float
    height: float
    groups: list[Group] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    # --- what a drawing is made of -----------------------------------------------------------------------------------

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        words: str = "",
        tone: str = "plain",
        *,
        size: float = SIZE,
        round: bool = False,
        dashed: bool = False,
        bold: bool = False,
    ) -> Box:
        """Adds a box; `words` may have several lines."""
        lines = tuple(words.split("\n")) if words else ()
        self.boxes.append(Box(Area(left, top, width, height), lines, tone, size, round, dashed, bold))
        return self.boxes[-1]

    def group(self, left: float, top: float, width: float, height: float, *, dashed: bool = True) -> Group:
        """Adds a frame round boxes."""
        self.groups.append(Group(Area(left, top, width, height), dashed))
        return self.groups[-1]

    def label(
        self,
        x: float,
        y: float,
        words: str,
        anchor: str = "middle",
        *,
        size: float = SMALL,
        colour: str = "mute",
        bold: bool = False,
        halo: bool = False,
    ) -> Label:
        """Adds words whose middle has the height `y`; `anchor` says what is at `x`: their start, middle or end.

        `halo`: with an edge of the page's ground, where they lie on marks.
        """
        lines = tuple(words.split("\n"))
        width, height = max(width_of(line, size) for line in lines), len(lines) * LEADING * size
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self.labels.append(Label(Area(left, y - height / 2, width, height), lines, x, anchor, size, colour, bold, halo))
        return self.labels[-1]

    def arrow(
        self,
        start: Spot,
        end: Spot,
        *via: Point,
        colour: str = "ink",
        dashed: bool = False,
        plain: bool = False,
    ) -> Arrow:
        """Adds an arrow; `via` are its corners."""
        points = ((start.x, start.y), *via, (end.x, end.y))
        self.arrows.append(Arrow(start, end, points, colour, dashed, plain))
        return self.arrows[-1]

    def mark(self, svg: str | Iterable[str]) -> None:
        """Adds SVG that something else has made, such as dots."""
        self.marks += [svg] if isinstance(svg, str) else svg

    def point(self, x: float, y: float, tone: str = "dot", size: float = 7) -> Box:
        """Adds a small disc, where arrows may begin and end."""
        return self.box(x - size / 2, y - size / 2, size, size, tone=tone, round=True)

    def between(self, start: Box, end: Box, *, colour: str = "ink", dashed: bool = False) -> Arrow:
        """Adds a straight arrow from one point to another."""
        return self.arrow(start.towards(end.area.middle), end.towards(start.area.middle), colour=colour, dashed=dashed)

    def curve(self, points: Iterable[Point], colour: str = "ink", width: float = 1.5, *, dashed: bool = False) -> None:
        """Adds a line through points."""
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.mark(f'<path d="{path}" fill="none" stroke="var(--{colour})" stroke-width="{width:g}"{dash}/>')

    # --- its SVG -----------------------------------------------------------------------------------------------------

    def svg(self, name: str, layout: str, title: str, words: str) -> str:
        """The drawing as an SVG element, with its title and what it says in words for those who do not see it."""
        at = f"{name}-{layout}"
        parts = [
            *(_group_svg(group) for group in self.groups),
            *(_box_svg(box) for box in self.boxes if not box.is_point),
            *self.marks,
            *(_box_svg(box) for box in self.boxes if box.is_point),
            *(_arrow_svg(arrow) for arrow in self.arrows),
            *(_box_words(box) for box in self.boxes if box.lines),
            *(_label_svg(label) for label in self.labels),
        ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{layout}"'
            f' viewBox="-1 -1 {self.width + 2:g} {self.height + 2:g}" role="img"'
            f' aria-labelledby="{at}-title" aria-describedby="{at}-words" font-family="var(--sans)"'
            f' font-size="{SIZE:g}" fill="var(--ink)" text-anchor="middle">'
            f'<title id="{at}-title">{escape(title)}</title><desc id="{at}-words">{escape(words)}</desc>'
            f"{''.join(parts)}</svg>"
        )


def _group_svg(group: Group) -> str:
    a, dash = group.area, ' stroke-dasharray="4 3"' if group.dashed else ""
    return (
        f'<rect x="{a.left:g}" y="{a.top:g}" width="{a.width:g}" height="{a.height:g}" rx="5" fill="none"'
        f' stroke="var(--mute)"{dash}/>'
    )


def _box_svg(box: Box) -> str:
    a, (ground, opacity, outline, width) = box.area, TONES[box.tone]
    rx = min(a.width, a.height) / 2 if box.round else min(3.0, a.height / 2)
    faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    dash = ' stroke-dasharray="4 3"' if box.dashed else ""
    return (
        f'<rect x="{a.left:g}" y="{a.top:g}" width="{a.width:g}" height="{a.height:g}" rx="{rx:g}"'
        f' fill="var(--{ground})"{faint} stroke="var(--{outline})" stroke-width="{width:g}"{dash}/>'
    )


def _box_words(box: Box) -> str:
    return _lines_svg(box.area.middle, box.lines, "middle", box.size, "ink", box.bold)


def _label_svg(label: Label) -> str:
    place = label.x, label.area.middle[1]
    return _lines_svg(place, label.lines, label.anchor, label.size, label.colour, label.bold, label.halo)


def _lines_svg(
    middle: Point, lines: Sequence[str], anchor: str, size: float, colour: str, bold: bool, halo: bool = False
) -> str:
    """Lines about the height of `middle`; capitals are about 0.72 of the size high."""
    x, y = middle
    first = y + 0.36 * size - (len(lines) - 1) / 2 * LEADING * size
    attributes = "" if size == SIZE else f'font-size="{size:g}"'
    attributes += "" if colour == "ink" else f' fill="var(--{colour})"'
    attributes += "" if anchor == "middle" else f' text-anchor="{anchor}"'
    attributes += ' font-weight="600"' if bold else ""
    attributes += ' stroke="var(--bg)" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    return "".join(line_svg(x, first + k * LEADING * size, line, size, attributes) for k, line in enumerate(lines))


def _arrow_svg(arrow: Arrow) -> str:
    (x0, y0), (x1, y1) = arrow.points[-2:]
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    points = list(arrow.points)
    head = ""
    if not arrow.plain:
        back = x1 - HEAD * ux, y1 - HEAD * uy
        points[-1] = x1 - 0.8 * HEAD * ux, y1 - 0.8 * HEAD * uy  # the line ends within the head
        side = 0.42 * HEAD
        head = (
            f'<path d="M{x1:.1f} {y1:.1f}L{back[0] - side * uy:.1f} {back[1] + side * ux:.1f}'
            f'L{back[0] + side * uy:.1f} {back[1] - side * ux:.1f}z" fill="var(--{arrow.colour})"/>'
        )
    dash = ' stroke-dasharray="4 3"' if arrow.dashed else ""
    line = f'<path d="{rounded(points)}" fill="none" stroke="var(--{arrow.colour})" stroke-width="1.3"{dash}/>'
    return line + head


def rounded(points: Sequence[Point]) -> str:
    """The path through points, its corners rounded."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        enter, leave = _towards(corner, before), _towards(corner, after)
        path += f"L{enter[0]:.1f} {enter[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {leave[0]:.1f} {leave[1]:.1f}"
    return path + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _towards(corner: Point, other: Point) -> Point:
    """The point at the distance BEND from a corner, or half way to the other point where that is nearer."""
    length = math.dist(corner, other)
    share = min(BEND, length / 2) / length
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])
