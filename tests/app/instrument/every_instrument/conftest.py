"""Each test that asks for `name` or `cls` runs once for every instrument that discovery finds."""

from __future__ import annotations

import pytest

from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument

from .survey import NAMES


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def cls(name) -> type[Instrument]:
    return instrument_class(name)
