"""The instrument as it opens, for the tests beside this file."""

import pytest

from diffusion_lab.instruments.flow.component import FlowMatching

from ..screen import Screen


@pytest.fixture
def panel() -> Screen:
    return Screen(FlowMatching)
