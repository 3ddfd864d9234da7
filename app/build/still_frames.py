"""Still frames: an instrument's pictures at each place of its main slider, so that it moves before Python is there.

The instrument itself computes them at build time. They are written as the page shows them: pictures as SVG, whose
coordinates are rounded to a tenth of a pixel, and the texts of the panel. The page shows the nearest frame.
"""

from __future__ import annotations

import json

import numpy as np

from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.view import InstrumentView

MOST = 51
"""Frames of one slider: at a hundred places one cannot tell more from less."""


def places(instrument: Instrument) -> list[float]:
    """Where the main slider is shown: its own grid, thinned evenly to at most `MOST` places, both ends among them."""
    p = instrument.param[instrument.panel.frames]
    low, high = p.bounds
    steps = round((high - low) / (p.step or 1))
    stride = -(-steps // (MOST - 1))
    grid = np.unique([*np.arange(0, steps, stride), steps])
    return [round(float(low + k * (p.step or 1)), 6) for k in grid]


def make_frames(view: InstrumentView) -> str:
    """JSON: the setting, its places, and for each the pictures and the texts; equal pictures are kept once.

    The slider is left where it was; the other settings are as they are.
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
