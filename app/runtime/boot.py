"""What the worker calls: open instruments, take patches, run cells. One page, one Python, one of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyodide.ffi import to_js

from diffusion_lab.app.cells import Output, Session
from diffusion_lab.app.runtime.documents import LiveInstrument


class Page:
    """All that lives behind one page."""

    def __init__(self, send_patch: Callable[..., None], send_output: Callable[..., None]) -> None:
        self._send_patch = send_patch
        self._send_output = send_output
        self._instruments: dict[str, LiveInstrument] = {}
        self._session = Session()

    def open(self, slot: str, name: str, state: Any, theme: str) -> Any:
        """Makes instrument `name` for the place `slot` of the page.

        Returns its document for the page to draw, and a sentence for each setting that could not be taken.
        """
        live = LiveInstrument(slot, name, state.to_py(), theme, self._send_patch)
        self._instruments[slot] = live
        return to_js([live.docs_json, live.render_items, live.root_ids, live.problems])

    def link(self, slot: str) -> None:
        """The page has drawn the document: changes flow from now on."""
        self._instruments[slot].link()

    def close(self, slot: str) -> None:
        """The page has put the instrument away."""
        self._instruments.pop(slot, None)

    def set(self, slot: str, values: Any) -> None:
        """Params that the reader has moved."""
        self._instruments[slot].set(values.to_py())

    def patch(self, slot: str, json_patch: Any) -> None:
        """An event from the page's document."""
        self._instruments[slot].patch(json_patch)

    def set_state(self, slot: str, values: Any) -> None:
        """Settings from a link in the prose."""
        self._instruments[slot].set_state(values.to_py())

    def export(self, slot: str) -> str:
        """The data that the instrument shows, as comma-separated values."""
        return self._instruments[slot].component.csv()

    def run_cell(self, label: str, code: str) -> bool:
        """Runs a cell; its outputs leave as they come."""

        def emit(output: Output) -> None:
            self._send_output(label, output.kind, output.body, output.line)

        return self._session.run(label, code, emit)
