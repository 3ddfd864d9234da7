"""Runs coroutines of a cell to their end: `await` at top level, and `asyncio.run`.

In the browser a cell runs inside the browser's own event loop, which goes on only after the cell has ended, and which
offers no sockets. So coroutines get a loop that needs neither: it runs in the calling thread and sleeps between timers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator
from typing import Any

#: Sleeps are divided into parts of at most this many seconds, so that Stop interrupts them.
NAP = 0.05

DEADLOCK = "every coroutine waits, and nothing is left that could wake one of them"


class _Timers:
    """In the place of a selector of sockets: waits for the next timer only."""

    def select(self, timeout: float | None) -> list[Any]:
        """Sleeps for `timeout` seconds. Raises `RuntimeError` for None, which means that no timer is left."""
        if timeout is None:
            raise RuntimeError(DEADLOCK)
        end = time.monotonic() + timeout
        while (rest := end - time.monotonic()) > 0:
            time.sleep(min(rest, NAP))
        return []


class CellLoop(asyncio.BaseEventLoop):
    """An event loop with tasks, timers, locks and queues, without sockets, signals and subprocesses."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Timers()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:  # would wake a selector that sleeps in another thread
        pass


def drive(coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
    """Runs a coroutine to its end and returns its result; cancels tasks that are left then. `options` are ignored.

    Raises `RuntimeError` within a running coroutine and `ValueError` for anything else, as `asyncio.run` does.
    """
    if not asyncio.iscoroutine(coroutine):
        raise ValueError(f"a coroutine was expected, got {coroutine!r}")
    outer = asyncio._get_running_loop()
    if isinstance(outer, CellLoop):
        coroutine.close()
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    loop = CellLoop()
    asyncio._set_running_loop(None)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        _close(loop)
        asyncio._set_running_loop(outer)


def _close(loop: CellLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@contextlib.contextmanager
def asyncio_in_cells() -> Iterator[None]:
    """Makes `asyncio.run` run coroutines in this module's loop."""
    before, asyncio.run = asyncio.run, drive  # type: ignore[assignment]
    try:
        yield
    finally:
        asyncio.run = before
