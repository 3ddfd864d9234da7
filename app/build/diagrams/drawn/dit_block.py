"""A block of the lab's diffusion transformer: two branches, normalised as the noise level wants it (adaLN-Zero)."""

from __future__ import annotations

from functools import cache

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Box, Drawing
from diffusion_lab.instruments.common.latent_diffusion.weights import trained


@cache
def size() -> tuple[int, int]:
    """The number of blocks, and the width of a token."""
    blocks, width, _ = trained()[1].weights["qkv"].shape
    return int(blocks), int(width)


TITLE = "A block of a diffusion transformer with adaLN-Zero"
WORDS = f"""
One of {size()[0]} equal blocks, on tokens of {size()[1]} values. It has two branches, one after the other. In each,
the tokens are normalised, then scaled and shifted, then worked on, then multiplied by a gate, and the result is added
to the tokens, which have gone round the branch unchanged. What works on them is self-attention in the first branch,
where tokens exchange what they know, and a small network in the second, which treats each token alone. The noise
level t is embedded, and a linear layer turns it into six vectors: scale, shift and gate of the first branch, and
those of the second. This layer begins at zero, so that at first both gates are closed and the block hands its tokens
on.
"""

BRANCHES = ("self-attention", "network for\neach token")


def wide() -> Drawing:
    """The two branches as two rows, with the layer that steers both between them."""
    drawing = Drawing(WIDE, 356)
    level = drawing.box(0, 158, 84, 40, "level $t$")
    embedding = drawing.box(108, 158, 84, 40, "embedding", "learned", size=12)
    layer = drawing.box(216, 158, 312, 40, "linear layer, begins at zero", "learned")
    drawing.arrow(level.at("right"), embedding.at("left"))
    drawing.arrow(embedding.at("right"), layer.at("left"))
    for row, (top, work) in enumerate(zip((54, 258), BRANCHES, strict=True)):
        number, steering = row + 1, "bottom" if row == 0 else "top"
        before = drawing.box(0, top, 66, 44, "tokens\n$h$", "first")
        norm = drawing.box(108, top, 84, 44, "normalise")
        scale = drawing.box(216, top, 84, 44, "scale\nand shift", "third")
        working = drawing.box(328, top, 104, 44, work, "learned")
        gate = drawing.box(460, top, 68, 44, "gate", "third")
        plus = drawing.box(554, top + 11, 22, 22, "+", "strong", round=True)
        after = drawing.box(604, top, 56, 44, "tokens\n$h$", "first")
        for left, right in ((before, norm), (norm, scale), (scale, working), (working, gate), (gate, plus)):
            drawing.arrow(left.at("right"), right.at("left"))
        drawing.arrow(plus.at("right"), after.at("left"))
        round_it = top - 26 if row == 0 else top + 70
        side = "top" if row == 0 else "bottom"
        into = plus.at(side)
        drawing.arrow(before.at(side), into, (33, round_it), (into.x, round_it))
        drawing.label(300, round_it - 11 if row == 0 else round_it + 12, "unchanged")
        for box, words in ((scale, f"$a_{number}, b_{number}$"), (gate, f"$g_{number}$")):
            end = box.at(steering)
            out = "top" if row == 0 else "bottom"
            drawing.arrow(layer.at(out, (end.x - layer.area.left) / layer.area.width), end, colour="acc")
            drawing.label(end.x + 9, (end.y + layer.at(out).y) / 2, words, "start", size=13, colour="acc")
    return drawing


def narrow() -> Drawing:
    """Both branches from top to bottom, the layer that steers them on the right."""
    drawing = Drawing(NARROW, 652)
    left, width, middle = 34, 124, 96
    tokens: Box = drawing.box(left, 0, width, 34, "tokens $h$", "first")
    steered = []
    for row, work in enumerate(BRANCHES):
        top, before = 56 + 309 * row, tokens
        norm = drawing.box(left, top, width, 32, "normalise")
        scale = drawing.box(left, top + 50, width, 32, "scale and shift", "third")
        working = drawing.box(left, top + 100, width, 42, work, "learned")
        gate = drawing.box(left, top + 162, width, 32, "gate", "third")
        plus = drawing.box(middle - 11, top + 212, 22, 22, "+", "strong", round=True)
        for above, below in ((before, norm), (norm, scale), (scale, working), (working, gate), (gate, plus)):
            drawing.arrow(above.at("bottom"), below.at("top"))
        start, into = before.at("left"), plus.at("left")
        drawing.arrow(start, into, (14, start.y), (14, into.y))
        steered += [(scale, f"$a_{row + 1}, b_{row + 1}$"), (gate, f"$g_{row + 1}$")]
        tokens = drawing.box(left, top + 253, width, 34, "tokens $h$", "first")
        drawing.arrow(plus.at("bottom"), tokens.at("top"))
    level = drawing.box(236, 0, 104, 34, "level $t$")
    embedding = drawing.box(236, 54, 104, 34, "embedding", "learned")
    layer = drawing.box(236, 108, 104, 466, "linear layer,\nbegins at zero", "learned")
    drawing.arrow(level.at("bottom"), embedding.at("top"))
    drawing.arrow(embedding.at("bottom"), layer.at("top"))
    for box, words in steered:
        end = box.at("right")
        drawing.arrow(layer.at("left", (end.y - layer.area.top) / layer.area.height), end, colour="acc")
        drawing.label((end.x + layer.area.left) / 2, end.y - 12, words, size=13, colour="acc")
    return drawing
