"""The U-Net of the lab's text-to-image model, with the sizes that its code and its weights have."""

from __future__ import annotations

from functools import cache

import numpy as np

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Box, Drawing
from diffusion_lab.instruments.common.networks.folding import fold
from diffusion_lab.instruments.common.scenes.drawing import SIDE
from diffusion_lab.instruments.common.text_to_image.unet import SKIPS
from diffusion_lab.instruments.common.text_to_image.weights import trained

TITLE = "A U-Net with three skip connections"


@cache
def blocks() -> dict[str, tuple[int, int, str]]:
    """Places along a side, channels, and what its attention looks at, by the name of each block."""
    weights = trained().weights
    finest = fold(np.zeros((1, SIDE, SIDE, 3), np.float32)).shape[1]
    found = {}
    for depth, name in enumerate(SKIPS):
        for block in [f"{name}_in", f"{name}_out", *(["coarse"] if name == "coarse" else [])]:
            looks = [words for part, words in (("qkv", "places"), ("query", "words")) if _has(f"{block}_seen/{part}")]
            found[block] = finest // 2**depth, weights[f"{block}/conv_2"].shape[-1], ", ".join(looks)
    return found


NOTE = """The level $t$ enters every block.
Tinted blocks attend to the caption’s words,
and where it says “places” to all places."""


def _has(start: str) -> bool:
    return any(name.startswith(start) for name in trained().weights)


def _sizes() -> str:
    return ", then ".join(f"{side} by {side} places with {channels} channels" for side, channels, _ in _ways("in"))


def _ways(way: str) -> list[tuple[int, int, str]]:
    return [blocks()[f"{name}_{way}"] for name in SKIPS]


WORDS = f"""
A network in the shape of the letter U. A noisy picture of {SIDE} by {SIDE} pixels enters at the upper left. On the
left, the way down, it becomes coarser and has more channels: {_sizes()}. At the bottom one more block works at the
coarsest resolution. On the right, the way up, the resolution doubles twice, until the prediction v leaves as a
picture of the first size. Three skip connections lead straight across, one at each resolution: what the way down knew
there is put beside what comes from below. The noise level enters every block. Blocks at the two coarser resolutions,
and the last one of the finest, also look at the words of the caption; those at the two coarser resolutions look at
all other places too.
"""


def _block(drawing: Drawing, name: str, middle: float, top: float, per_channel: float, base: float) -> Box:
    """A box that is as wide as the block has channels, and as high as its resolution."""
    side, channels, looks = blocks()[name]
    width, height = base + per_channel * channels, {16: 60, 8: 46, 4: 36}[side]
    words = f"{side} × {side} × {channels}\n{looks or 'convolutions'}"
    return drawing.box(middle - width / 2, top, width, height, words, "learned" if looks else "plain", size=11.5)


def _draw(drawing: Drawing, columns: tuple[float, float], sizes: tuple[float, float], bottom: float) -> None:
    left, right = columns
    picture = f"{SIDE} × {SIDE} × 3"
    entry = drawing.box(left - 48, 0, 96, 40, f"noisy picture\n{picture}", "first", size=11.5)
    result = drawing.box(right - 48, 0, 96, 40, f"prediction $v$\n{picture}", "first", size=11.5)
    tops = {"fine": 82, "middle": 190, "coarse": 284}
    down = {name: _block(drawing, f"{name}_in", left, tops[name], *sizes) for name in SKIPS}
    up = {name: _block(drawing, f"{name}_out", right, tops[name], *sizes) for name in SKIPS}
    lowest = _block(drawing, "coarse", (left + right) / 2, bottom, *sizes)
    drawing.arrow(entry.at("bottom"), down["fine"].at("top"))
    drawing.arrow(up["fine"].at("top"), result.at("bottom"))
    for above, below in (("fine", "middle"), ("middle", "coarse")):
        drawing.arrow(down[above].at("bottom"), down[below].at("top"))
        drawing.arrow(up[below].at("top"), up[above].at("bottom"))
        y = (down[above].area.bottom + down[below].area.top) / 2
        drawing.label(left + 9, y, "halve", "start")
        drawing.label(right - 9, y, "double", "end")
    turn = lowest.area.middle[1]
    drawing.arrow(down["coarse"].at("bottom"), lowest.at("left"), (left, turn))
    drawing.arrow(lowest.at("right"), up["coarse"].at("bottom"), (right, turn))
    for name in SKIPS:
        drawing.arrow(down[name].at("right"), up[name].at("left"), colour="acc")
        drawing.label((left + right) / 2, down[name].area.middle[1] - 11, f"{name} skip", colour="acc")


def wide() -> Drawing:
    """The U, its skip connections, and what else enters."""
    drawing = Drawing(WIDE, 388)
    _draw(drawing, (150, 510), (1.05, 58), 350)
    drawing.label(WIDE / 2, 24, NOTE)
    return drawing


def narrow() -> Drawing:
    """The same U, closer."""
    drawing = Drawing(NARROW, 450)
    _draw(drawing, (60, 280), (0.5, 68), 350)
    drawing.label(NARROW / 2, 424, NOTE)
    return drawing
