"""Bokeh imported without its documentation's signatures: everything is called as before."""

import subprocess
import sys

import pytest

CHECKS = {
    "positional arguments": "figure().scatter([1], [2], size=3).glyph.x == 'x'",
    "another glyph's": "figure().segment([0], [1], [2], [3]).data_source.data['y1'] == [3]",
    "too many": "raises(TypeError, lambda: figure().segment(0, 0, 1, 1, 2))",
    "keywords of models": "Range1d(start=1, end=2).end == 2",
    "the modules themselves when asked": "pn.indicators.Number(value=1).value == 1 and Mock().anything is not None",
    "a theme that is read": "yaml.safe_load('a: 1') == {'a': 1}",
    "what is made later has all": "{'start', 'bounds'} <= {p[0].name for p in Range1d.parameters()}",
}
SCRIPT = """
from diffusion_lab.app.browser.lean_bokeh_panel import import_bokeh_and_panel
import_bokeh_and_panel()
import panel as pn
import yaml
from bokeh.models import Range1d
from bokeh.plotting import figure
from unittest.mock import Mock
def raises(error, call):
    try:
        call()
    except error:
        return True
"""


@pytest.fixture(scope="module")
def failed():
    """The checks that fail in a Python that has imported Bokeh in this way and no other."""
    script = SCRIPT + f"print([name for name, check in {CHECKS!r}.items() if not eval(check)])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_calls_are_as_before(failed, check):
    assert check not in failed
