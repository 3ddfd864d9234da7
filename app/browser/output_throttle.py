"""Limits the rate and the amount of a cell's output, so that the page stays responsive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from diffusion_lab.app.cells.outputs import Output, folded

#: Maximum text shown of one run; of any further text, only the last lines are shown.
MAX_LINES = 10_000
MAX_CHARACTERS = 1_000_000
LAST_LINES = 20

#: Maximum number of other outputs (pictures and so on) shown of one run, and of characters in one of them.
MAX_OTHERS = 100
MAX_PIECE = 200_000

#: `BURST` outputs are sent at once; after them one every `INTERVAL` seconds, and text in between is collected.
BURST = 100
INTERVAL = 0.05


class OutputThrottle:
    """Throttles the outputs of one run.

    The worker has no timer while Python runs, so delayed text is sent with a later output or at the end of the run.
    """

    def __init__(
        self,
        send: Callable[[Output], None],
        leave_out: Callable[[int, int], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`leave_out` is called with the numbers of omitted lines and other outputs whenever they have grown."""
        self._send, self._leave_out, self._clock = send, leave_out, clock
        self._pending: list[str] = []
        self._lines, self._characters, self._others = MAX_LINES, MAX_CHARACTERS, MAX_OTHERS
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._left_lines = self._left_others = 0
        self._burst = float(BURST)
        self._refilled = clock()

    def take(self, output: Output) -> None:
        """Takes one output of the cell, and sends, delays or omits it."""
        if output.kind == "text":
            self._take_text(output.body)
            if self._may_send():
                self._flush()
            return
        if output.kind == "error":  # always the last output
            self.close()
        self._flush()
        self._take_other(output)

    def close(self) -> None:
        """Ends the run: sends the delayed text and the last lines of the omitted text."""
        self._flush()
        if self._last:
            self._send(Output("text", "".join(self._last)))
            self._last.clear()

    def _take_text(self, text: str) -> None:
        text = folded(text)
        if "\r" in text and "\n" not in text and not self._left_lines:  # progress: it takes no more room on the page
            self._pending = [folded("".join([*self._pending, text]))]
            return
        if not self._left_lines:
            fits = len(text) <= self._characters and text.count("\n") <= self._lines
            kept = text if fits else "".join(text[: self._characters].splitlines(keepends=True)[: self._lines])
            self._pending.append(kept)
            self._characters -= len(kept)
            self._lines -= kept.count("\n")
            text = text[len(kept) :]
        if text:
            lines = text[-MAX_CHARACTERS:].splitlines(keepends=True)
            self._left_lines += max(1, text.count("\n"))
            self._last.extend(lines)

    def _take_other(self, output: Output) -> None:
        if output.kind != "error" and self._others == 0:
            self._left_others += 1
            if self._may_send():
                self._leave_out(self._left_lines, self._left_others)
            return
        self._others = max(0, self._others - 1)
        if output.kind in ("value", "error") and len(output.body) > MAX_PIECE:
            left = len(output.body) - MAX_PIECE
            output = replace(output, body=f"{output.body[:MAX_PIECE]}\n… {left:,} characters left out")
        self._send(output)

    def _may_send(self) -> bool:
        now = self._clock()
        self._burst = min(float(BURST), self._burst + (now - self._refilled) / INTERVAL)
        self._refilled = now
        if self._burst < 1:
            return False
        self._burst -= 1
        return True

    def _flush(self) -> None:
        if self._pending:
            self._send(Output("text", "".join(self._pending)))
            self._pending.clear()
        if self._left_lines or self._left_others:
            self._leave_out(self._left_lines, self._left_others)
