"""What a cell puts out on its way to the page: no faster and no more than a page can take in."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from diffusion_lab.app.cells.session import Output

#: Text that is shown of one run; of what comes after it, the last lines.
MAX_LINES = 10_000
MAX_CHARACTERS = 1_000_000
LAST_LINES = 20

#: Pictures and the like that are shown of one run, and characters of one piece.
MAX_OTHERS = 100
MAX_PIECE = 200_000

#: So many pieces leave at once; after them one in so many seconds, in which text is gathered.
BURST = 100
INTERVAL = 0.05


class OutputThrottle:
    """The outputs of one run.

    The worker has no timer while Python computes, so text that is held back leaves with a later piece or at the end.
    """

    def __init__(
        self,
        send: Callable[[Output], None],
        leave_out: Callable[[int, int], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`leave_out` gets the numbers of lines and of other outputs that were too many, each time they have grown."""
        self._send, self._leave_out, self._clock = send, leave_out, clock
        self._pending: list[str] = []
        self._lines, self._characters, self._others = MAX_LINES, MAX_CHARACTERS, MAX_OTHERS
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._left_lines = self._left_others = 0
        self._burst = float(BURST)
        self._refilled = clock()

    def take(self, output: Output) -> None:
        """One output of the cell."""
        if output.kind == "text":
            self._take_text(output.body)
            if self._may_send():
                self._flush()
            return
        if output.kind == "error":  # after it nothing comes
            self.close()
        self._flush()
        self._take_other(output)

    def close(self) -> None:
        """The run has ended: what was held back leaves, and the last lines of what was too much."""
        self._flush()
        if self._last:
            self._send(Output("text", "".join(self._last)))
            self._last.clear()

    def _take_text(self, text: str) -> None:
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
