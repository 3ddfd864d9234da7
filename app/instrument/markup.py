"""The front panel of an instrument as HTML: the same markup in the static page and in the live component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import param

from diffusion_lab.app.instrument.answers import Answer
from diffusion_lab.app.instrument.conditions import Condition
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.scenes import BY_PART, Layer, Scene
from diffusion_lab.app.instrument.settings import played_places

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class _Item:
    """An entry of the list of controls: a setting, several switches, or the transport; `main`: beside the picture."""

    kind: str
    main: bool = False
    name: str = ""
    control: Any = None
    names: tuple[str, ...] = ()
    seed: str = ""


def scene_mark(name: str) -> str:
    """The placeholder in the markup for the drawing of the scene `name`."""
    return f"<!--scene {name}-->"


def front_panel_html(instrument: Instrument, answer: Answer) -> str:
    """The front panel in the state of `answer`, which must be a complete one."""
    panel, scenes = instrument.panel, list(instrument.scenes().values())
    pictures = [scene for scene in scenes if scene.place == "picture"]
    controls = list(_controls(instrument))
    return _template().render(
        title=instrument.title,
        p=instrument.param,
        values=instrument,
        readings=answer.texts,
        status=answer.status,
        description=answer.description,
        # `labelPictures` in `front_panel.js` does the same when the state changes
        described=next((scene.name for scene in pictures if not scene.when or scene.when.met(instrument)), ""),
        pictures=pictures,
        charts=[scene for scene in scenes if scene.place != "picture"],
        extent=((pictures[0].x[1] - pictures[0].x[0]) / 2, (pictures[0].y[1] - pictures[0].y[0]) / 2),
        legends={scene.name: list(_legends(scene)) for scene in scenes},
        main_controls=[item for item in controls if item.main],
        other_controls=[item for item in controls if not item.main],
        places={scene.name: place for place, scene in enumerate(scenes)},
        transport=panel.transport,
        films={view: _film(instrument, name) for view, name in panel.transport.films.items()},
        readouts=[_with_condition(item) for item in panel.readouts],
        measures=[_with_condition(item) for item in panel.measures],
        tables=[{**asdict(table), "rows": [_with_condition(row) for row in table.rows]} for table in panel.tables],
        pads=[_with_condition(item) for item in panel.pads],
    )


def _film(instrument: Instrument, name: str) -> dict[str, Any]:
    """What the page needs to play a setting; grain: the step of a whole number, which moves from one to the next."""
    p = instrument.param[name]
    grain = (p.step or 1) if isinstance(p, param.Integer) else 0
    return {"setting": name, "places": played_places(p), "grain": grain}


@dataclass(frozen=True)
class _Mark:
    """A moment on a slider: its value, its place as a share of the slider, its words, and the line that they are in.

    before: whether the words end at the place, where they would not fit behind it.
    """

    value: float
    share: float
    words: str
    line: int
    before: bool


#: The narrowest slider, and a generous width of one character of a mark's words, in pixels.
SLIDER, CHARACTER = 300, 6.6


def slider_marks(p: param.Number) -> list[_Mark]:
    """The marks of a slider by value, in lines such that no words meet: the last mark is in the first line.

    The words begin at their place, so that the tick of an earlier mark, which goes down to a lower line, passes before
    them.
    """
    low, high = p.bounds
    found: list[_Mark] = []
    taken: list[float] = []  # where the words of each line begin
    for value, words in sorted(p.control.marks.items(), reverse=True):
        share, width = (value - low) / (high - low), CHARACTER * len(words) / SLIDER
        before = share + width > 1
        start = share - width if before else share
        line = next((k for k, begin in enumerate(taken) if start + width < begin), len(taken))
        taken[line : line + 1] = [start]
        found.append(_Mark(value, round(share, 4), words, line, before))
    return found[::-1]


def _controls(instrument: Instrument) -> Iterator[_Item]:
    """The settings in order, neighbouring switches in one row, and the transport after the main settings."""
    main = instrument.panel.main_settings
    seed = next((n for n in instrument.settings() if instrument.param[n].control.kind == "seed"), "")
    switches: list[str] = []
    for name in instrument.settings():
        control = instrument.param[name].control
        if control.kind == "switch":
            switches.append(name)
            continue
        if switches:
            yield _Item("switches", names=tuple(switches))
            switches = []
        if control.kind not in ("seed", "none"):
            yield _Item(control.kind, name in main, name, control)
    yield _Item("transport", True, seed=seed)
    if switches:
        yield _Item("switches", names=tuple(switches))


def _legends(scene: Scene) -> Iterator[dict[str, Any]]:
    """The legend of each layer that has one: its mark with its style, its words and its condition."""
    for layer in scene.layers.values():
        if not layer.legend:
            continue
        style, words, scale = [f"--c: {_colour(layer)}"], "", getattr(layer, "scale", None)
        style.append(f"--o: {getattr(layer, 'strongest', layer.alpha):g}")
        if hasattr(layer, "width"):
            style.append(f"--w: {layer.width:g}px")
        if scale:
            style.append(f"--long: {scale[0] / (scene.x[1] - scene.x[0]):.4f}")
            words = f"this long: {scale[1]}"
        dash = getattr(layer, "dash", ())
        if dash:
            style.append(f"--dash: {dash[0]:g}px; --period: {sum(dash[:2]):g}px")
        if outline := getattr(layer, "outline", ""):
            style = [f"--c: var(--{outline})"]
            if layer.colour != "bg":
                style.append(f"--fill: color-mix(in srgb, {_colour(layer)} {layer.alpha:.0%}, transparent)")
        yield {
            "mark": "frame" if outline else layer.mark,
            "style": "; ".join(style),
            "dashed": bool(dash),
            "label": layer.legend,
            "scale": words,
            "ramp": layer.ramp if any(layer.ramp) else None,
            "condition": layer.condition,
        }


def _colour(layer: Layer) -> str:
    """The layer's colour in CSS; of one with a colour for each part, a name for all of them."""
    return "var(--parts)" if layer.colour == BY_PART else f"var(--{layer.colour})"


def _with_condition(item: Any) -> dict[str, Any]:
    return {**asdict(item), "condition": Condition.of(item.when)}


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["slider_marks"] = slider_marks
    return environment.get_template("instrument.html")
