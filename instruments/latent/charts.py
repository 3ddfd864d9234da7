"""The pictures of the instrument: the panes of each view, and what stands below them."""

from __future__ import annotations

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    Axes, Boxes, Image, ImageGrid, Layer, Lines, Plane, Points, Texts,
)  # fmt: skip
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import SIDE as CODE_SIDE
from diffusion_lab.instruments.common.scenes.drawing import SIDE
from diffusion_lab.instruments.common.text_to_image.pictures import LABEL
from diffusion_lab.instruments.latent.kernel import HALF

MOST_VALUES = 24
"""Values of a patch that the linear code may keep."""


# fmt: off
def pane(title: str, *views: str, over: tuple[Layer, ...] = ()) -> Plane:
    """One picture of 32 × 32 pixels."""
    return Plane(HALF, Image("picture"), *over, title=title, when={"view": views})


def code(title: str, *views: str) -> Plane:
    """The four channels of a code, two in a row."""
    return Plane(CODE_SIDE + 0.5, ImageGrid("channels", across=2), title=title, when={"view": views})


def marked() -> Boxes:
    """The place whose attention is shown."""
    return Boxes("place", "ink", outline="ink", alpha=0.15, when={"view": "attention"})


def strip(title: str, count: int, shows: str) -> Plane:
    """A row of `count` pictures, each with words above it."""
    width, height = count * (SIDE + 2) - 2, SIDE + LABEL
    layers = Image("pictures"), Texts("labels", "ink", size="15px")
    return Plane(1.0, *layers, x=(0, width), y=(0, height), title=title, place="below",
        when={"chart_shows": shows, "view": "attention"})


def errors() -> Axes:
    """What is lost, against the values that are kept."""
    return Axes("What is lost, against what is kept",
        Lines("linear", "c0", legend="PCA of the patches"), Points("here", "c0", alpha=1, size=9),
        Points("network", "c1", alpha=1, size=9, legend="autoencoder"),
        x=(0, MOST_VALUES), y=(0, 0.4), x_label="values kept of a patch of 48", y_label="root mean square error",
        aspect=2.0, when={"view": "compress"})
# fmt: on
