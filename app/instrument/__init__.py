"""The instrument contract: the classes and decorators with which `instruments/*/component.py` is written."""

from diffusion_lab.app.instrument.answers import Answer
from diffusion_lab.app.instrument.assets import asset
from diffusion_lab.app.instrument.computed import NotReady, computed
from diffusion_lab.app.instrument.instrument import Instrument, StateError
from diffusion_lab.app.instrument.panel import (
    DURATION,
    Brush,
    CategoryBars,
    Ellipses,
    Handle,
    Measure,
    Panel,
    Readout,
    Row,
    Table,
    Tap,
    Transport,
)
from diffusion_lab.app.instrument.readings import AtLeast, Estimate, Status, counted, readings
from diffusion_lab.app.instrument.replay import Replay
from diffusion_lab.app.instrument.settings import choice, number, seed, switch, text, whole

__all__ = [
    "DURATION",
    "Answer",
    "AtLeast",
    "Brush",
    "CategoryBars",
    "Ellipses",
    "Estimate",
    "Handle",
    "Instrument",
    "Measure",
    "NotReady",
    "Panel",
    "Readout",
    "Replay",
    "Row",
    "StateError",
    "Status",
    "Table",
    "Tap",
    "Transport",
    "asset",
    "choice",
    "computed",
    "counted",
    "number",
    "readings",
    "seed",
    "switch",
    "text",
    "whole",
]
