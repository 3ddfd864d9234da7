"""The pictures of the instrument: samples of the models side by side, one model's inside, and the chart of all."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Axes, Heat, Lines, Plane, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.landscape import views
from diffusion_lab.instruments.landscape.kernel import MODELS
from diffusion_lab.instruments.landscape.quality import INSIDE
from diffusion_lab.instruments.landscape.views import EXTENT

SIDE_BY_SIDE, ONE = {"view": "samples"}, {"view": "inside"}
SHORT = {"ppca": "PPCA", "vae": "VAE", "gan": "GAN", "diffusion": "diffusion"}
DATA = "density of the data"


# fmt: off
def cloud(model: str, title: str) -> Plane:
    """Samples of a model over the data; the last picture has the legend of all."""
    said = model == MODELS[-1]
    scene = Plane(EXTENT, Heat("data", "ink", strongest=0.25, legend=DATA if said else ""),
        Points("missed", "c4", size=4, alpha=0.6, legend="data that no sample comes near" if said else ""),
        Points("near", "c0", size=3.5, legend="samples near the data" if said else ""),
        Points("off", "acc", size=3.5, legend="samples off the data" if said else ""),
        title=title, when=SIDE_BY_SIDE)

    @scene.layer("data")
    def draw_data(self: Any) -> dict[str, Any]:
        return views.density(self.data)

    @scene.layer("missed", "near", "off")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        cloud = views.Cloud.of(self.moment_of(model), self.yardstick)
        yield {"x": cloud.missed}
        yield {"x": cloud.near}
        yield {"x": cloud.off}

    return scene


def codes() -> Plane:
    """Where a model starts: codes, and a grid of them."""
    scene = Plane(EXTENT, Heat("prior", "ink", strongest=0.25, legend="density that codes are drawn from"),
        Lines("grid", "mute", width=1), Points("points", BY_PART, size=4),
        title="Codes", when=ONE)

    @scene.layer("prior")
    def draw_prior(self: Any) -> dict[str, Any]:
        return views.prior()

    @scene.layer("grid", "points")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield {"paths": self.inside.grid}
        yield {"x": self.inside.codes, "part": self.inside.part}

    return scene


def ends() -> Plane:
    """Where the model takes them."""
    judged = {"view": "inside", "model": "gan"}
    scene = Plane(EXTENT, Heat("data", "ink", strongest=0.25, legend=DATA),
        Heat("judged", "acc", strongest=0.4, when=judged, legend="discriminator: is it data?", ramp=("no", "yes")),
        Lines("grid", "mute", width=1, legend="a grid of codes, and where the model takes it"),
        Segments("ways", BY_PART, alpha=0.6, when={"model": ("ppca", "vae", "diffusion")}),
        Points("points", BY_PART, size=4, legend="codes and their points, in the colour of their part of the data"),
        title="Points", when=ONE)

    @scene.layer("data")
    def draw_data(self: Any) -> dict[str, Any]:
        return views.density(self.data)

    @scene.layer("judged")
    def draw_judged(self: Any) -> dict[str, Any]:
        return views.judged(self.moment_of("gan").frame.model)

    @scene.layer("grid", "points")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield {"paths": self.inside.image}
        yield {"x": self.inside.ends, "part": self.inside.part}

    @scene.layer("ways")
    def draw_ways(self: Any) -> dict[str, Any]:
        ways = self.inside.ways
        part = self.inside.part[: ways.shape[1]]
        return {"start": ways[:-1].reshape(-1, 2), "end": ways[1:].reshape(-1, 2), "part": part}

    return scene


def compared() -> Axes:
    """Coverage against the share near the data, of all models and of the seeds that were asked for."""
    scene = Axes("Samples near the data against data covered",
        Lines("perfect", "field", width=1.5, dash=(5, 3), legend="perfect draws"),
        Points("seeds", "mute", size=5, alpha=0.7, legend="the same with other seeds"),
        Points("models", "ink", size=8, alpha=1, legend="the models of the pictures"),
        Texts("names", "ink", size="13px", align="right"),
        x=(0, 105), y=(0, 105), aspect=1.9, x_label="data covered, %", y_label="samples near the data, %",
        ticks={"x": (0, 25, 50, 75, 100), "y": (0, 25, 50, 75, 100)}, when=SIDE_BY_SIDE)

    @scene.layer("perfect")
    def draw_perfect(self: Any) -> dict[str, Any]:
        return {"x": [0.0, 105.0], "y": [100 * INSIDE] * 2}

    @scene.layer("models", "names")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        at = 100 * np.array([self.moment_of(model).quality[1::-1] for model in MODELS])
        yield {"x": at}
        yield {"at": views.names_beside(at), "text": SHORT.values()}

    @scene.layer("seeds")
    def draw_seeds(self: Any) -> dict[str, Any]:
        return {"x": 100 * self.spread[:, 1:, 1::-1].reshape(-1, 2)}

    return scene
