"""Frames: an instrument's picture at each place of its main slider, so that it moves before Python is there.

They are computed by the instrument itself at build time and written in the words of the page: pictures as SVG, whose
coordinates are rounded to a tenth of a pixel, and the texts of the panel. The page shows the nearest frame.
"""

from __future__ import annotations

import json

import numpy as np

from diffusion_lab.app.instrument.component import Instrument
from diffusion_lab.app.instrument.figure_svg import figure_svg

MOST = 51
"""Frames of one slider: at a hundred places one cannot tell more from less."""


def places(instrument: Instrument) -> list[float]:
    """Where the main slider is shown: its own grid, thinned evenly to at most `MOST` places, both ends among them."""
    p = instrument.param[instrument.front_panel.frames]
    low, high = p.bounds
    steps = round((high - low) / (p.step or 1))
    stride = -(-steps // (MOST - 1))
    grid = np.unique([*np.arange(0, steps, stride), steps])
    return [round(float(low + k * (p.step or 1)), 6) for k in grid]


def make_frames(instrument: Instrument) -> str:
    """JSON: the Param, its places, and for each the picture, the chart and the texts; equal pictures are kept once.

    The slider is left where it was; the other settings are as they are.
    """
    name = instrument.front_panel.frames
    kind, start = type(instrument.param[name].default), getattr(instrument, name)
    pictures: dict[str, int] = {}
    frames = []
    for place in (found := places(instrument)):
        instrument.param.update(**{name: kind(place)})
        instrument.param.trigger("rested")
        plots = [plot for plot in (instrument.plot, instrument.chart_plot) if plot is not None]
        frames.append(
            {
                "pictures": [pictures.setdefault(figure_svg(plot), len(pictures)) for plot in plots],
                "readings": instrument.readings_shown,
                "status": instrument.status,
                "description": instrument.description,
            }
        )
    instrument.param.update(**{name: start})
    return json.dumps(
        {"param": name, "places": found, "pictures": list(pictures), "frames": frames}, ensure_ascii=False
    )
