"""Defines for notebooks the names that a page's cells have without an import: the plotting helpers and `show`.

Importing this module in a notebook also lets Jupyter display Bokeh figures, and registers the cell magic `%%checks`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import panel as pn
from bokeh.model import Model
from bokeh.models import Plot
from IPython.core.getipython import get_ipython
from IPython.display import Markdown, display

from diffusion_lab.app.cells.session import BROKEN, PASSED, CheckFailed, plots, run_checks


def show(*values: Any) -> None:
    """Shows each value below the notebook's cell."""
    for value in values:
        display(value)


def _shown(make: Callable[..., Plot]) -> Callable[..., None]:
    @wraps(make)
    def helper(*args: Any, **kwargs: Any) -> None:
        show(make(*args, **kwargs))

    return helper


plot_hist = _shown(plots.plot_hist)
plot_image = _shown(plots.plot_image)
plot_line = _shown(plots.plot_line)
plot_scatter = _shown(plots.plot_scatter)


def checks(line: str, cell: str) -> None:
    """The cell magic `%%checks`: runs an exercise's checks on the notebook's variables and displays the result."""
    try:
        run_checks(cell, vars(sys.modules["__main__"]))
    except CheckFailed as failed:
        display(Markdown(f"**Not yet.** {failed}"))
    except Exception:  # raised by the reader's function, called with other values
        display(Markdown(BROKEN))
        raise
    else:
        display(Markdown(f"**{PASSED}**"))


def _register(shell: Any) -> None:
    shell.register_magic_function(checks, "cell")
    shell.display_formatter.ipython_display_formatter.for_type(Model, lambda model: display(pn.pane.Bokeh(model)))


if shell := get_ipython():
    _register(shell)
