"""Links each live instrument to its twin in the page: settings come as values, what they bring about leaves as one.

The picture is a Bokeh document and changes by Bokeh's patches, as under Panel's own link. The Params do not go
through Bokeh: Panel would take each from the document into the component, send each back by itself and search the
figure for references at each, ten times the time that the ring needs to compute itself. So once the page has drawn
the document, Panel's watchers are taken off and every turn is one message: the Params that moved, and the patch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import js
from bokeh.document import Document
from bokeh.settings import settings as bokeh_settings
from panel.io import pyodide as panel_pyodide
from panel.io.document import MockSessionContext
from panel.io.state import set_curdoc, state
from pyodide.ffi import to_js

from diffusion_lab.app.instrument.discovery import instrument_class

# Ids that no other page or document can share: documents made here and at build time stand on one page.
bokeh_settings.simple_ids.set_value(False)


class LinkedInstrument:
    """One instrument on the page: its component, its document and the way out to the page."""

    def __init__(self, name: str, values: dict[str, str], theme: str) -> None:
        self._events: list[Any] = []
        self._values: dict[str, Any] = {}
        self._known: dict[str, Any] = {}  # what the page has set in this turn: no news to it
        cls = instrument_class(name)
        settings, self.problems = cls.parse_leniently(values)
        self.component = cls(theme=theme, **settings)
        self._doc = doc = Document()
        doc.hold()
        doc._session_context = lambda: MockSessionContext(document=doc)
        with set_curdoc(doc):
            self.component.server_doc(doc=doc, location=False)
        #: Document, render items and ids of its roots, as JSON for the page to draw.
        self.drawing: tuple[str, str, str] = panel_pyodide._doc_json(doc)
        doc._session_context = None

    def link(self, slot: str, send: Callable[..., None]) -> None:
        """From now on every change leaves for the place `slot` of the page."""
        self._slot, self._send = slot, send
        component = self.component
        for watcher in component._internal_callbacks:
            component.param.unwatch(watcher)
        component.param.watch(self._note, component.shared())
        self._doc.on_change(self._collect)
        state._loaded[self._doc] = state._connected[self._doc] = True  # else Panel drops what it holds back
        with self._turn():
            self._doc.unhold()

    def set(self, values: dict[str, Any]) -> None:
        """Params that the page has moved, all at once; raises `ValueError` for one out of bounds."""
        with self._turn():
            self._known = values
            try:
                self.component.move(**values)
            except ValueError:  # the page is told what stands instead
                self._known, self._values = {}, {name: getattr(self.component, name) for name in values}
                raise

    def patch(self, json_patch: Any) -> None:
        """An event from the page's document: a button's message, a tap on the figure."""
        with self._turn():
            self._doc.apply_json_patch(panel_pyodide._convert_json_patch(json_patch), setter="js")

    def set_state(self, values: dict[str, str]) -> None:
        """Settings given as texts; raises `StateError` for one that cannot be taken."""
        with self._turn():
            self.component.param.update(playing=False, **self.component.parse_state(values))

    def resume(self, query: str) -> None:
        """The settings of another Python, that this one takes the place of, as its `query` told them."""
        component = self.component
        defaults = {name: component.param[name].default for name in component.settings()}
        told, _ = component.parse_leniently(dict(parse_qsl(query, keep_blank_values=True)))
        with self._turn():
            component.param.update(playing=False, **(defaults | told))

    def recompute(self) -> None:
        """All anew, with other code."""
        with self._turn():
            self.component.recompute()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """All that is done within leaves as one message, also when it ends in an error."""
        try:
            with set_curdoc(self._doc):
                yield
        finally:
            self._flush()

    def _flush(self) -> None:
        values = {name: value for name, value in self._values.items() if self._known.get(name) != value}
        events, self._events, self._values, self._known = self._events, [], {}, {}
        if not events and not values:
            return
        patch, buffers = panel_pyodide._process_document_events(self._doc, events) if events else ({}, {})
        js_buffers = js.Map.new(js.Object.entries(to_js(buffers, dict_converter=js.Object.fromEntries)))
        self._send(self._slot, json.dumps(values), json.dumps(patch), js_buffers)

    def _collect(self, event: Any) -> None:
        if getattr(event, "setter", None) != "js":
            self._events.append(event)

    def _note(self, *events: Any) -> None:
        # As they stand now: what settings settled on is told before the move that unsettled them.
        self._values.update({event.name: getattr(self.component, event.name) for event in events})
