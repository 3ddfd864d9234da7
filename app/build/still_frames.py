"""Computes still frames at build time: an instrument's pictures along its main slider.

They let the reader move the slider before Python has loaded; the page shows the nearest frame. A frame has the pictures
as SVG, with coordinates rounded to a tenth of a pixel, and the texts of the panel.
"""

from __future__ import annotations

import json
import re

import numpy as np

from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.view import InstrumentView

MOST = 51
"""Maximum number of frames of one slider; more would not look smoother."""

#: Durations in an instrument's texts. They are removed: they would differ from build to build and tell readers nothing.
TAKEN = re.compile(r"( ·|,| in) \d+(\.\d+)? ms( a pass)?\b")


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
                    pictures.setdefault(figure_svg(figure.plot), len(pictures)) for figure in view.figures.values()
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
