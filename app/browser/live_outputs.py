"""Live outputs of a cell: Bokeh figures and Panel objects, each linked with its view in the page.

Bokeh's patches keep both documents in sync. All changes caused by one message of the page or one run of a cell are sent
together; a long run sends its changes at intervals.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import js
import panel as pn
from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.models import Plot
from bokeh.settings import settings as bokeh_settings
from panel.io import pyodide as panel_pyodide
from panel.io.document import MockSessionContext
from panel.io.state import set_curdoc, state
from panel.theme.base import Inherit
from panel.theme.native import Native
from panel.viewable import Viewable
from pyodide.ffi import to_js

from diffusion_lab.app.cells.session import picture_name
from diffusion_lab.app.instrument.theme import ThemeName, restyle

# Globally unique ids, because the page may still show outputs of a previous interpreter.
bokeh_settings.simple_ids.set_value(False)

#: Minimum number of seconds between patches while a cell is running.
INTERVAL = 0.05

#: CSS that gives all of Panel's components the page's colours and fonts.
PAGE_STYLE = """
:host {
  --panel-primary-color: var(--acc); --panel-on-primary-color: var(--on-acc);
  --panel-secondary-color: var(--line); --panel-on-secondary-color: var(--ink);
  --panel-background-color: var(--bg); --panel-on-background-color: var(--ink);
  --panel-surface-color: var(--soft); --panel-on-surface-color: var(--ink); --panel-border-color: var(--line);
  color: var(--ink); font-family: var(--sans);
}
.bk-input { background: var(--bg); color: var(--ink); border-color: var(--mute); font-family: var(--sans); }
.bk-btn { font-family: var(--sans); }
"""


class PageDesign(Native):
    """Panel's own design in the colours of the page, light or dark."""

    modifiers = {Viewable: {"stylesheets": [Inherit, PAGE_STYLE]}}  # noqa: RUF012, as Panel writes it


class LiveOutput:
    """A figure or Panel object; `slot` is the name of its place in the page."""

    def __init__(self, value: Any, slot: str, theme: ThemeName) -> None:
        self._slot, self._theme = slot, theme
        self._events: list[Any] = []
        self._last_sent = 0.0
        self._send: Callable[..., None] | None = None
        self._in_turn = False
        self._doc = doc = Document()
        doc.hold()
        doc._session_context = lambda: MockSessionContext(document=doc)
        self.name = picture_name(value) if isinstance(value, Plot) else type(value).__name__
        load_panel()
        if isinstance(value, Plot):
            _fit(value)
        with set_curdoc(doc):
            self._view = pn.Column(value, sizing_mode="stretch_width", margin=0)
            self._view.server_doc(doc=doc, location=False)
            self._restyle()
        #: JSON for the page to draw: slot, name, document, render items and ids of the roots.
        self.drawing = json.dumps([slot, self.name, *panel_pyodide._doc_json(doc)])
        doc._session_context = None

    def link(self, send: Callable[..., None]) -> None:
        """Starts to send changes to the page; called when the page has drawn the document."""
        self._send = send
        self._doc.on_change(self._collect)
        state._loaded[self._doc] = state._connected[self._doc] = True  # else Panel drops the changes so far
        self._in_turn = True
        self._doc.unhold()
        self._doc.callbacks.trigger_event(DocumentReady())
        self.flush()

    def patch(self, json_patch: Any) -> None:
        """Applies the reader's action in the page; exceptions of the reader's code are passed on."""
        self._in_turn = True
        try:
            with set_curdoc(self._doc):
                self._doc.apply_json_patch(panel_pyodide._convert_json_patch(json_patch), setter="js")
        finally:
            self.flush()

    def set_theme(self, theme: ThemeName) -> None:
        """Applies another colour theme."""
        self._theme, self._in_turn = theme, True
        with set_curdoc(self._doc):
            self._restyle()
        self.flush()

    def flush(self) -> None:
        """Sends the collected changes to the page."""
        events, self._events, self._in_turn, self._last_sent = self._events, [], False, time.monotonic()
        if not events or self._send is None:
            return
        patch, buffers = panel_pyodide._process_document_events(self._doc, events)
        js_buffers = js.Map.new(js.Object.entries(to_js(buffers, dict_converter=js.Object.fromEntries)))
        self._send(self._slot, "{}", json.dumps(patch), js_buffers)

    def close(self) -> None:
        """Releases the document; called when the page has removed the output."""
        for root in self._doc.roots:
            self._view._cleanup(root)
            state._views.pop(root.ref["id"], None)
        self._doc.clear()
        for registry in vars(type(state)).values():  # of documents, whose entries would keep the document in memory
            if isinstance(registry, WeakKeyDictionary):
                registry.pop(self._doc, None)

    def _collect(self, event: Any) -> None:
        if getattr(event, "setter", None) == "js":
            return
        self._events.append(event)
        if not self._in_turn and time.monotonic() - self._last_sent > INTERVAL:
            self.flush()

    def _restyle(self) -> None:
        for plot in self._doc.select({"type": Plot}):
            restyle(plot, self._theme)


@cache
def load_panel() -> None:
    """Loads all of Panel's panes, which it chooses from, and gives them the page's colours."""
    for name in pn.pane.__all__:  # panes are imported lazily, and Panel chooses only among the imported ones
        getattr(pn.pane, name)
    pn.config.design = PageDesign
    logging.getLogger("panel").setLevel(logging.CRITICAL)  # errors of bound functions are shown below the output


def _fit(plot: Plot) -> None:
    """Makes a figure of fixed size as wide as the page's column, with the same aspect ratio."""
    if plot.sizing_mode is None and plot.width and plot.height:
        plot.update(aspect_ratio=plot.width / plot.height, sizing_mode="stretch_width")
