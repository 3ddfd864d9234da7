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

from diffusion_lab.app.cells import plots
from diffusion_lab.app.cells.exercises import BROKEN, PASSED, CheckFailed, run_checks

#: Figures that the plotting helpers have shown in the running cell, and that its last line does not show again.
_drawn: list[Model] = []


def show(*values: Any) -> None:
    """Shows each value below the notebook's cell."""
    _drawn.clear()
    for value in values:
        display(value)


def _shown(make: Callable[..., Plot]) -> Callable[..., Plot]:
    @wraps(make)
    def helper(*args: Any, **kwargs: Any) -> Plot:
        plot = make(*args, **kwargs)
        drawn = [*_drawn, plot]
        show(plot)
        _drawn.extend(drawn)
        return plot

    return helper


def _display(model: Model) -> None:
    if not any(model is plot for plot in _drawn):
        display(pn.pane.Bokeh(model))


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
    shell.display_formatter.ipython_display_formatter.for_type(Model, _display)
    shell.events.register("pre_run_cell", lambda info: _drawn.clear())


if shell := get_ipython():
    _register(shell)
