"""The families of generative models between quality, coverage and speed."""

from __future__ import annotations

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Box, Drawing, Point, Spot

TITLE = "Three wishes, and which two each family has"
WORDS = """
A triangle. Its corners are three wishes: sharp samples at the top, all of the data at the lower left, and few passes at
the lower right. On each side stands the family that has both wishes at its ends. Between sharp samples and few passes:
the GAN, which has no likelihood and leaves out parts of the data. Between all of the data and few passes: the VAE, with
a lower bound of the likelihood, whose samples are blurred. Between sharp samples and all of the data: diffusion, with
an exact likelihood by its flow, which needs many passes. An arrow leads from diffusion into the triangle, towards few
passes: distillation and straighter paths, the subject of chapters 6 and 7.
"""

QUALITY, COVERAGE, SPEED = "sharp samples", "all of the data", "few passes"
GAN = "GAN\nno likelihood"
VAE = "VAE\na bound of the likelihood"
DIFFUSION = "diffusion\nexact, by its flow"
FASTER = "fewer steps:\nchapters 6 and 7"


def _draw(
    drawing: Drawing, corners: tuple[Point, Point, Point], size: tuple[float, float], vae: float, below: float
) -> Drawing:
    """The triangle with boxes in the middle of its sides.

    corners: top, lower left, lower right; size: of a box; vae: width of the lower one; below: distance of lower words.
    """
    top, left, right = corners
    ends = [drawing.point(x, y) for x, y in corners]
    drawing.label(top[0], top[1] - 18, QUALITY, size=13, colour="ink", bold=True)
    drawing.label(left[0] - 6, left[1] + below, COVERAGE, "start", size=13, colour="ink", bold=True)
    drawing.label(right[0] + 6, right[1] + below, SPEED, "end", size=13, colour="ink", bold=True)
    diffusion = _between(drawing, ends[0], ends[1], size, DIFFUSION, "learned")
    _between(drawing, ends[0], ends[2], size, GAN)
    _between(drawing, ends[1], ends[2], (vae, size[1]), VAE)
    start = diffusion.at("bottom", 0.75)
    goal = drawing.point(start.x + 0.62 * (right[0] - start.x), start.y + 0.62 * (right[1] - start.y), "accent dot")
    drawing.arrow(start, goal.towards((start.x, start.y)), colour="acc", dashed=True)
    return drawing


def _between(drawing: Drawing, a: Box, b: Box, size: tuple[float, float], words: str, tone: str = "strong") -> Box:
    """A box in the middle of a side, and the two pieces of the side that it leaves."""
    (ax, ay), (bx, by) = a.area.middle, b.area.middle
    (x, y), (width, height) = ((ax + bx) / 2, (ay + by) / 2), size
    box = drawing.box(x - width / 2, y - height / 2, width, height, words, tone, size=12)
    reach = min(each / 2 / abs(d) for each, d in zip(size, (bx - ax, by - ay), strict=True) if d)
    for end, sign in ((a, -1), (b, 1)):
        spot = Spot(x + sign * reach * (bx - ax), y + sign * reach * (by - ay), box)
        drawing.arrow(end.towards((x, y)), spot, colour="mute", plain=True)
    return box


def wide() -> Drawing:
    """The triangle on a page, with what each family gives up beside it."""
    drawing = Drawing(WIDE, 356)
    _draw(drawing, ((330, 36), (110, 310), (550, 310)), (140, 46), 176, 20)
    drawing.label(128, 173, "gives up:\nfew passes", "end")
    drawing.label(532, 173, "gives up:\nall of the data", "start")
    drawing.label(330, 345, "gives up: sharp samples")
    drawing.label(262, 254, FASTER, "start", colour="acc")
    return drawing


def narrow() -> Drawing:
    """The triangle on a phone."""
    drawing = Drawing(NARROW, 354)
    _draw(drawing, ((170, 34), (12, 280), (328, 280)), (114, 44), 158, 38)
    drawing.label(170, 344, "Each lacks the opposite corner.")
    drawing.label(92, 234, FASTER, "start", colour="acc")
    return drawing
