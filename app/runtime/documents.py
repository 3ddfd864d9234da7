"""Links each live instrument to its twin in the page: one Bokeh document each, patches both ways.

Built on Panel's own functions for Pyodide; what is ours is that all changes of one turn leave as one patch, so
that points, field and read-outs of a state are painted together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import js
from bokeh.document import Document
from bokeh.settings import settings as bokeh_settings
from panel.io import pyodide as panel_pyodide
from panel.io.document import MockSessionContext
from panel.io.state import set_curdoc, state
from pyodide.ffi import to_js

from diffusion_lab.app.discovery import instrument_class

# Ids that no other page or document can share: documents made here and at build time stand on one page.
bokeh_settings.simple_ids.set_value(False)


class LiveInstrument:
    """One instrument on the page: its component, its document and the way out to the page."""

    def __init__(self, slot: str, name: str, values: dict[str, str], theme: str, send: Callable[..., None]) -> None:
        self.slot = slot
        self._send = send
        self._events: list[Any] = []
        cls = instrument_class(name)
        settings, self.problems = cls.parse_leniently(values)
        self.component = cls(theme=theme, **settings)
        self._doc = doc = Document()
        doc.hold()
        doc._session_context = lambda: MockSessionContext(document=doc)
        with set_curdoc(doc):
            self.component.server_doc(doc=doc, location=False)
        self.docs_json, self.render_items, self.root_ids = panel_pyodide._doc_json(doc)
        doc._session_context = None

    def link(self) -> None:
        """From now on every change leaves for the page."""
        self._doc.on_change(self._collect)
        state._loaded[self._doc] = state._connected[self._doc] = True  # else Panel drops what it holds back
        with self._turn():
            self._doc.unhold()

    def patch(self, json_patch: Any) -> None:
        """Take in a change from the page; what it brings about leaves as one patch."""
        with self._turn():
            self._doc.apply_json_patch(panel_pyodide._convert_json_patch(json_patch), setter="js")

    def set_state(self, values: dict[str, str]) -> None:
        """Settings given as texts; raises `StateError` for one that cannot be taken."""
        with self._turn():
            self.component.param.update(playing=False, **self.component.parse_state(values))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """All that is done within leaves as one patch, also when it ends in an error."""
        try:
            with set_curdoc(self._doc):
                yield
        finally:
            self._flush()

    def _flush(self) -> None:
        events, self._events = self._events, []
        if not events:
            return
        patch, buffers = panel_pyodide._process_document_events(self._doc, events)
        js_patch = to_js(patch, dict_converter=panel_pyodide._dict_converter)
        js_buffers = js.Map.new(js.Object.entries(to_js(buffers, dict_converter=js.Object.fromEntries)))
        self._send(self.slot, js_patch, js_buffers)

    def _collect(self, event: Any) -> None:
        if getattr(event, "setter", None) != "js":
            self._events.append(event)
