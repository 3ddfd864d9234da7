"""Hints for what a page's Python cannot do: threads, processes, connections, waiting for the browser."""

from __future__ import annotations

from diffusion_lab.app.cells.event_loop import DEADLOCK
from diffusion_lab.app.cells.hints.names import NO_NETWORK, ONE_THREAD
from diffusion_lab.app.cells.hints.operands import Place


def runtime_hint(error: RuntimeError, place: Place | None) -> str | None:
    """Returns a hint for threads, connections and event loops."""
    message = str(error)
    if "start new thread" in message or "lacks multiprocessing" in message:
        return ONE_THREAD
    if "TLS not supported" in message:
        return NO_NETWORK
    if "cannot be called from a running event loop" in message:
        return "Coroutines run here already. Write `await main()` instead of `asyncio.run(main())`."
    if "no running event loop" in message:
        return "Tasks need a running loop. Write `await` before one of the calls of this cell, or use `asyncio.run`."
    if message == DEADLOCK:
        return "Something must set the event, put an item into the queue or release the lock that is waited for."
    if "stack switching" in message or "run_until_complete" in message:
        return "A cell waits for a coroutine by `await f()` or `asyncio.run(f())`."
    return None


def system_hint(error: OSError, place: Place | None) -> str | None:
    """Returns a hint for processes and connections, which the operating system refuses in a page."""
    message = str(error)
    if "processes" in message or "Function not implemented" in message:
        return f"{ONE_THREAD} Other programs cannot be run."
    if isinstance(error, ConnectionError | TimeoutError) or "urlopen" in message or "Host is unreachable" in message:
        return NO_NETWORK
    return None
