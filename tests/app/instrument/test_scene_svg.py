"""Scenes as SVG without Bokeh: the same as Bokeh's figures give, and the picture of a whole instrument."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.scene_figures import SceneFigure
from diffusion_lab.app.instrument.scene_svg import PICTURE_WIDTH, instrument_svg, scene_svg
from diffusion_lab.app.instrument.scenes import BY_PART, Axes, Boxes, Layer, Lines, Plane, Points, Scene
from diffusion_lab.app.instrument.theme import TOKENS
from diffusion_lab.app.instrument.view import view_of

from ...examples import examples
from .dial import Dial
from .test_scenes import KINDS

SVG = "{http://www.w3.org/2000/svg}"


def both(scene: Scene, columns: dict[str, Any]) -> tuple[str, str]:
    """The SVG of a scene, without Bokeh and by it."""
    scene.name = "scene"
    figure = SceneFigure(scene, "light")
    for name in scene.layers:
        if name in columns:
            figure.put(name, columns[name])
        else:
            figure.show(name, False)
    return scene_svg(scene, columns), figure_svg(figure.plot)


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=lambda value: getattr(value, "name", ""))
def test_every_kind_of_layer_is_drawn_as_by_bokeh(layer: Layer, data: Any, columns: Any) -> None:
    ours, bokehs = both(Plane(10.0, layer), {"a": layer.columns(data)})
    assert ours == bokehs
    assert len(ours) > len(scene_svg(Plane(10.0, layer), {})), "it draws something"


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
@pytest.mark.parametrize("ticks", [None, {"x": (1, 10), "y": (0.5, 5, 50)}])
def test_axes_are_drawn_as_by_bokeh(log, ticks):
    scene = Axes("A", Lines("a", "ink", dash=(5, 3)), x=(0.9, 90), y=(0.4, 60), log=log, x_label="σ <", ticks=ticks)
    ours, bokehs = both(scene, {"a": scene.layers["a"].columns({"x": [1, 2, 50], "y": [1, 40, 0.5]})})
    assert ours == bokehs


@pytest.mark.parametrize("name", instrument_names())
def test_every_instrument_is_drawn_as_by_bokeh(name):
    instrument = instrument_class(name)(**examples(name).quick)
    view = view_of(instrument)
    found = {scene.name: scene_svg(scene, columns, ranges) for scene, columns, ranges in instrument.seen()}
    assert found == {scene: figure_svg(view.figures[scene].plot) for scene in found}
    hidden = [scene.name for scene in instrument.scenes().values() if not scene.when.met(instrument)]
    assert sorted([*found, *hidden]) == sorted(instrument.scenes())


def test_the_picture_of_an_instrument_says_what_it_is():
    dial = Dial(show_line=True, seed=7)
    dial.edited = ("ring.kernel.forward",)
    text = instrument_svg(dial, "dark", "https://lab/?a=1&b=2")
    root = ET.fromstring(text)
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert words[:2] == ["Dial <&>", "runs your forward"]
    assert {"the <line>", "arrows", "What <it> shows", "show_line = true · seed = 7"} <= set(words)
    assert root.find(f"{SVG}desc").text == dial.describe()
    about = root.find(f"{SVG}metadata").text.split("\n")
    assert about[:3] == ["https://lab/?a=1&b=2", "Dial <&>", "runs your forward"]
    assert "level = 0.2" in about
    assert "var(" not in text
    assert TOKENS["dark"]["acc"] in text
    assert TOKENS["light"]["acc"] not in text
    assert len(list(root.iter(f"{SVG}svg"))) == 3, "itself and two scenes"
    dial.view = "flow"
    assert "arrows" in {element.text for element in ET.fromstring(instrument_svg(dial, "light")).iter(f"{SVG}text")}


def test_a_legend_of_an_arrow_is_as_long_as_it_says():
    instrument = instrument_class("ring")()
    scale, scene = instrument.plane.layers["field"].scale, instrument.plane
    root = ET.fromstring(instrument_svg(instrument, "light"))
    texts = list(root.iter(f"{SVG}text"))
    (legend,) = [element for element in texts if element.text and "this long: 8 per unit" in element.text]
    marks = [element for element in root.findall(f"{SVG}path") if element.get("stroke") == TOKENS["light"]["field"]]
    start, end = marks[0].get("d").partition("L")[0].partition("M")[2].split("M")[0].split("H")
    long = float(end) - float(start.split()[0])
    assert long == pytest.approx(PICTURE_WIDTH * scale[0] / (scene.x[1] - scene.x[0]), abs=0.05)
    assert float(legend.get("x")) == pytest.approx(float(start.split()[0]) + long + 8, abs=0.1)


def test_marks_of_parts_and_of_outlines_are_drawn():
    class Parts(Dial):
        """With a legend for parts and one for an outline."""

        plane = Plane(2.0, Points("dots", BY_PART, legend="parts"), Boxes("box", "bg", outline="ink", legend="given"))

        @plane.layer("dots", "box")
        def _(self):
            yield {"x": np.zeros((1, 2)), "part": [0]}
            yield None

    root = ET.fromstring(instrument_svg(Parts(), "light"))
    assert len(root.findall(f"{SVG}circle")) == 4
    assert [rect.get("stroke") for rect in root.findall(f"{SVG}rect")] == [None, TOKENS["light"]["ink"]]
