"""A small instrument for the tests beside this file."""

from __future__ import annotations

import pytest

from .dial import Dial


@pytest.fixture
def dial() -> Dial:
    """One that has answered, and whose calls begin now."""
    made = Dial()
    made.answer()
    made.calls.clear()
    return made
