"""Computes still frames at build time: an instrument's pictures along its main slider.

They let the reader move the slider before Python has loaded; the page shows the nearest frame. A frame has the pictures
as SVG and the texts of the panel. Coordinates are rounded to a tenth of a pixel, those of dots to a pixel.
"""

from __future__ import annotations

import json
import re

import numpy as np

from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.readings import NOTHING, TIME_SPACE
from diffusion_lab.app.instrument.view import InstrumentView

MOST = 51
"""Maximum number of frames of one slider; more would not look smoother."""

DOT = re.compile(r"M(-?\d+\.\d) (-?\d+\.\d)h0")
"""A dot in the path of an SVG, as `app/instrument/svg.py` writes it."""

#: Durations in an instrument's status. They are removed: they differ from build to build, and tell readers nothing.
TAKEN = re.compile(r"( ·|,| in) \d+(\.\d+)? ms( a pass)?\b")

#: Readings that are times: they have a dash instead.
MEASURED = re.compile(rf"\d+(\.\d+)?{TIME_SPACE}m?s\b")


def without_times(text: str) -> str:
    """Returns the text, markup or JSON of an instrument without the times that were measured while it was made."""
    return MEASURED.sub(NOTHING, TAKEN.sub("", text))


def places(instrument: Instrument) -> list[float]:
    """Returns the slider values of the frames: its grid thinned evenly to at most `MOST` values, with both ends."""
    p = instrument.param[instrument.panel.frames]
    low, high = p.bounds
    steps = round((high - low) / (p.step or 1))
    stride = -(-steps // (MOST - 1))
    grid = np.unique([*np.arange(0, steps, stride), steps])
    return [round(float(low + k * (p.step or 1)), 6) for k in grid]


def make_frames(view: InstrumentView) -> str:
    """Returns the frames as JSON: the setting, its values, and pictures and texts at each; equal pictures are shared.

    Other settings keep their present values, and the slider's value is restored.
    """
    instrument = view.instrument
    name = instrument.panel.frames
    kind, start = type(instrument.param[name].default), getattr(instrument, name)
    pictures: dict[str, int] = {}
    frames = []
    for place in (found := places(instrument)):
        instrument.param.update(**{name: kind(place)})
        frames.append(
            {
                "pictures": [
                    pictures.setdefault(_small(figure_svg(figure.plot)), len(pictures))
                    for figure in view.figures.values()
                ],
                "readings": view.readings_shown,
                "status": view.status,
                "description": view.description,
            }
        )
    instrument.param.update(**{name: start})
    return json.dumps(
        {"param": name, "places": found, "pictures": list(pictures), "frames": frames}, ensure_ascii=False
    )


def _small(svg: str) -> str:
    """Returns the picture with its dots on whole pixels: a cloud of points takes a third of its bytes less."""
    return DOT.sub(lambda dot: f"M{float(dot[1]):.0f} {float(dot[2]):.0f}h0", svg)
