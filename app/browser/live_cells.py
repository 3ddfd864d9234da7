"""The cells of the page: their session, their live outputs, and the editor's completions and signatures."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable
from typing import Any

from diffusion_lab.app.browser import tracebacks
from diffusion_lab.app.browser.live_outputs import LiveOutput, load_panel
from diffusion_lab.app.cells.outputs import Output, error_output
from diffusion_lab.app.cells.session import Session
from diffusion_lab.app.cells.unavailable import refuse_in_browser
from diffusion_lab.app.instrument.theme import ThemeName

tracebacks.mend()
refuse_in_browser()


class LiveCells:
    """The cells of one page."""

    def __init__(self) -> None:
        self._session = Session(self._make_live)
        self._outputs: dict[str, LiveOutput] = {}
        self._made = 0
        self._theme: ThemeName = "light"

    def run(
        self, label: str, code: str, emit: Callable[[Output], None], above: list[list[str]], checks: str, starter: str
    ) -> bool:
        """Runs a cell and calls `emit` with each output. True if there was no error.

        `above`: number and code of each earlier cell; `checks` and `starter`: the checks and the original code of an
        exercise, "" for a plain cell.
        """
        earlier = [(name, source) for name, source in above]
        if "panel" in code:
            load_panel()
        try:
            if checks:
                return self._session.run_exercise(label, code, checks, emit, earlier, starter)
            return self._session.run(label, code, emit, earlier)
        finally:
            for output in self._outputs.values():
                output.flush()

    def document_numpy(self) -> None:
        """Gives NumPy's compiled functions their docstrings, which a start leaves out (`defer_imports.py`)."""
        with contextlib.suppress(KeyboardInterrupt):  # Stop only ends this optional step
            importlib.import_module("numpy._core._add_newdocs")

    def complete(self, before: str) -> str:
        """Returns completions for the text before the cursor, as JSON."""
        return json.dumps(self._session.complete(before))

    def signature(self, before: str) -> str:
        """Returns the call around the cursor, as JSON."""
        return json.dumps(self._session.signature(before))

    def set_theme(self, theme: ThemeName) -> None:
        """Applies the page's colour theme to all live outputs, present and future."""
        self._theme = theme
        for output in self._outputs.values():
            output.set_theme(theme)

    # --- outputs that stay alive -------------------------------------------------------------------------------------

    def link(self, slot: str, send: Callable[..., None]) -> None:
        """Starts to send changes of the output `slot`; called when the page has drawn it."""
        self._outputs[slot].link(send)

    def patch(self, slot: str, json_patch: Any) -> str:
        """Applies the reader's action on an output; returns the error of the reader's own code, "" if none."""
        try:
            self._outputs[slot].patch(json_patch)
        except (Exception, KeyboardInterrupt) as error:
            return error_output(error, "").body
        return ""

    def close(self, slot: str) -> None:
        """Discards an output that the page has removed."""
        self._outputs.pop(slot).close()

    def _make_live(self, value: Any) -> str:
        self._made += 1
        slot = f"output-{self._made}"
        live = self._outputs[slot] = LiveOutput(value, slot, self._theme)
        return live.drawing
