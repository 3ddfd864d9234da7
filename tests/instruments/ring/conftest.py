"""A ring for the tests beside this file."""

import pytest

from diffusion_lab.instruments.ring.component import Ring


@pytest.fixture
def panel() -> Ring:
    return Ring()
