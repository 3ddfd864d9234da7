"""The front panel of an instrument as HTML: the same markup in the static page and in the live component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import param

from diffusion_lab.app.instrument.conditions import Condition
from diffusion_lab.app.instrument.instrument import Answer, Instrument

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
    played = instrument.param[panel.transport.plays]
    controls = list(_controls(instrument))
    return _template().render(
        title=instrument.title,
        p=instrument.param,
        values=instrument,
        readings=answer.texts,
        status=answer.status,
        description=answer.description,
        pictures=pictures,
        charts=[scene for scene in scenes if scene.place != "picture"],
        extent=((pictures[0].x[1] - pictures[0].x[0]) / 2, (pictures[0].y[1] - pictures[0].y[0]) / 2),
        legends=list(_legends(instrument)),
        main_controls=[item for item in controls if item.main],
        other_controls=[item for item in controls if not item.main],
        places={scene.name: place for place, scene in enumerate(scenes)},
        transport=panel.transport,
        grain=(played.step or 1) if isinstance(played, param.Integer) else 0,
        readouts=panel.readouts,
        measures=[_with_condition(item) for item in panel.measures],
        pads=[_with_condition(item) for item in panel.pads],
    )


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


def _legends(instrument: Instrument) -> Iterator[dict[str, Any]]:
    """Mark, colour, words and condition of each legend, which is shown only together with its scene."""
    for scene in instrument.scenes().values():
        for layer in scene.layers.values():
            if layer.legend:
                yield {
                    "mark": layer.mark,
                    "colour": layer.colour,
                    "label": layer.legend,
                    "condition": Condition(scene.when.allowed + layer.condition.allowed),
                }


def _with_condition(item: Any) -> dict[str, Any]:
    return {**asdict(item), "condition": Condition.of(item.when)}


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("instrument.html")
