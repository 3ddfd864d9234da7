"""The cells of the page: their session, what they have put out that stays alive, and what the editor asks."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

from diffusion_lab.app.browser.live_outputs import LiveOutput, load_panel
from diffusion_lab.app.cells.session import Output, Session, error_output
from diffusion_lab.app.instrument.theme import ThemeName


def _position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """Line and columns of an instruction; the libraries' byte code has none."""
    return next(itertools.islice(code.co_positions(), max(instruction, 0) // 2, None), (None,) * 4)


# Else a traceback through a library, printed by `traceback` or `logging`, ends in an error of its own.
traceback._get_code_position = _position  # type: ignore[attr-defined]


class LiveCells:
    """One for each page."""

    def __init__(self) -> None:
        self._session = Session(self._make_live)
        self._outputs: dict[str, LiveOutput] = {}
        self._made = 0
        self._theme: ThemeName = "light"

    def run(self, label: str, code: str, emit: Callable[[Output], None], above: list[list[str]], checks: str) -> bool:
        """Runs a cell; `above` has number and code of each cell before it, `checks` those of an exercise, else "".

        True if there was no error.
        """
        earlier = [(name, source) for name, source in above]
        if "panel" in code:
            load_panel()
        try:
            if checks:
                return self._session.run_exercise(label, code, checks, emit, earlier)
            return self._session.run(label, code, emit, earlier)
        finally:
            for output in self._outputs.values():
                output.flush()

    def document_numpy(self) -> None:
        """Gives NumPy's compiled functions their docstrings, which a start does without (`defer_imports.py`)."""
        with contextlib.suppress(KeyboardInterrupt):  # it is not worth a Stop
            importlib.import_module("numpy._core._add_newdocs")

    def complete(self, before: str) -> str:
        """What could follow the text before the cursor, as JSON."""
        return json.dumps(self._session.complete(before))

    def signature(self, before: str) -> str:
        """The call that the cursor stands in, as JSON."""
        return json.dumps(self._session.signature(before))

    def set_theme(self, theme: ThemeName) -> None:
        """The page's colours."""
        self._theme = theme
        for output in self._outputs.values():
            output.set_theme(theme)

    # --- outputs that stay alive -------------------------------------------------------------------------------------

    def link(self, slot: str, send: Callable[..., None]) -> None:
        """The page has drawn the output in the place `slot`: changes flow from now on."""
        self._outputs[slot].link(send)

    def patch(self, slot: str, json_patch: Any) -> str:
        """What the reader did with an output; what went wrong in the reader's own code, if it did."""
        try:
            self._outputs[slot].patch(json_patch)
        except Exception as error:
            return error_output(error, "").body
        return ""

    def close(self, slot: str) -> None:
        """The page has put an output away."""
        self._outputs.pop(slot).close()

    def _make_live(self, value: Any) -> str:
        self._made += 1
        slot = f"output-{self._made}"
        live = self._outputs[slot] = LiveOutput(value, slot, self._theme)
        return live.drawing
