"""What the cells of a chapter's page have without an import, for its notebook: the plots, and `show`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import panel as pn
from bokeh.model import Model

from diffusion_lab.app import plots


def show(*values: Any) -> None:
    """Shows each value below the notebook's cell."""
    from IPython.display import display

    for value in values:
        display(pn.pane.Bokeh(value) if isinstance(value, Model) else value)


def _shown(make: Callable[..., Model]) -> Callable[..., None]:
    @wraps(make)
    def helper(*args: Any, **kwargs: Any) -> None:
        show(make(*args, **kwargs))

    return helper


plot_hist = _shown(plots.plot_hist)
plot_image = _shown(plots.plot_image)
plot_line = _shown(plots.plot_line)
plot_scatter = _shown(plots.plot_scatter)
