"""What the worker calls: open instruments, take patches, run cells. One page, one Python, one of each."""

from __future__ import annotations

import gc
import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from panel.io import pyodide as panel_pyodide
from pyodide.ffi import to_js

from diffusion_lab.app.cells import Session
from diffusion_lab.app.runtime.documents import LiveInstrument
from diffusion_lab.app.runtime.outflow import Outflow


class Page:
    """All that lives behind one page."""

    def __init__(self) -> None:
        self._instruments: dict[str, LiveInstrument] = {}
        self._ahead: dict[str, LiveInstrument] = {}
        self._session = Session()

    def connect(
        self,
        send_patch: Callable[..., None],
        send_output: Callable[[str, str, int], None],
        leave_out: Callable[[int, int], None],
    ) -> None:
        """The ways out to the page."""
        self._send_patch = send_patch
        self._send_output = send_output
        self._leave_out = leave_out

    def open(self, slot: str, name: str, state: Any, theme: str) -> Any:
        """Makes instrument `name` for the place `slot` of the page.

        Returns its document for the page to draw, and a sentence for each setting that could not be taken.
        """
        live = self._instruments[slot] = LiveInstrument(name, state.to_py(), theme)
        return to_js([*live.drawing, live.problems])

    def link(self, slot: str) -> None:
        """The page has drawn the document: changes flow from now on."""
        self._instruments[slot].link(slot, self._send_patch)

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

        outflow = Outflow(lambda output: self._send_output(output.kind, output.body, output.line), self._leave_out)
        try:
            return self._session.run(label, code, outflow.take)
        finally:
            outflow.close()

    def started(self) -> None:
        """The start is over: collections leave alone what stands now and look only at what comes later."""
        gc.freeze()
        gc.enable()

    # --- a snapshot of the memory, this page in it -------------------------------------------------------------------

    def prepare(self, key: str, name: str, state: Any, theme: str) -> Any:
        """Makes an instrument before a page asks for it; `take` hands it over. Returns what `open` does."""
        live = self._ahead[key] = LiveInstrument(name, state.to_py(), theme)
        return to_js([*live.drawing, live.problems])

    def take(self, slot: str, key: str) -> bool:
        """Puts the instrument that was prepared as `key` in the place `slot`; false if there is none (any more)."""
        if key not in self._ahead:
            return False
        self._instruments[slot] = self._ahead.pop(key)
        return True

    def fall_asleep(self) -> None:
        """Before the snapshot: nothing may point at objects of this worker but by a name that each worker has."""
        panel_pyodide._dict_converter = None  # for a link of Panel's that is not used here
        gc.collect()
        gc.freeze()

    def wake_up(self) -> None:
        """After it was restored: chance starts anew, and files are looked for anew."""
        random.seed()
        np.random.seed()  # noqa: NPY002, a cell may use it
        importlib.invalidate_caches()
