"""Hints for what a page's Python cannot do: threads, processes, connections, waiting for the browser."""

from __future__ import annotations

from traceback import walk_tb

from diffusion_lab.app.cells.event_loop import DEADLOCK
from diffusion_lab.app.cells.hints.names import NO_NETWORK, ONE_THREAD
from diffusion_lab.app.cells.hints.operands import Place
from diffusion_lab.app.cells.unavailable import CONNECTING, PROGRAMS, SERVING

OTHER_PROGRAMS = "A page's Python cannot start other programs. `os`, `pathlib` and `shutil` can do much of their work."
NO_SERVER = "No other computer can reach a page's Python, so no server can run in it."

#: Message of `unavailable.py` → hint.
REFUSED = {CONNECTING: NO_NETWORK, SERVING: NO_SERVER, PROGRAMS: OTHER_PROGRAMS}

#: Function of `asyncio` that an error comes from → hint: for these it tries a thread first, or says nothing.
OF_ASYNCIO = {
    "create_server": NO_SERVER,
    "create_connection": NO_NETWORK,
    "create_datagram_endpoint": NO_NETWORK,
    "_make_subprocess_transport": OTHER_PROGRAMS,
}


def runtime_hint(error: RuntimeError, place: Place | None) -> str | None:
    """Returns a hint for threads, connections and event loops."""
    message = str(error)
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_name in OF_ASYNCIO and frame.f_globals.get("__name__", "").startswith("asyncio."):
            return OF_ASYNCIO[frame.f_code.co_name]
    if "start new thread" in message or "lacks multiprocessing" in message:
        return ONE_THREAD
    if "TLS not supported" in message:
        return NO_NETWORK
    if "cannot be called from a running event loop" in message:
        return "Coroutines run here already. Write `await main()` instead of `asyncio.run(main())`."
    if "no running event loop" in message:
        return "Tasks need a running loop. Write `await` before one of the calls of this cell, or use `asyncio.run`."
    if message == DEADLOCK:
        return (
            "Something must set the event, put an item into the queue or release the lock that is waited for. "
            "A promise of the browser (`js`) is kept only after the cell has ended, so a cell cannot wait for it."
        )
    if "stack switching" in message or "run_until_complete" in message:
        return "A cell waits for a coroutine by `await f()` or `asyncio.run(f())`."
    return None


def system_hint(error: OSError, place: Place | None) -> str | None:
    """Returns a hint for processes and connections, which the operating system refuses in a page."""
    message = str(error)
    if message in REFUSED:
        return REFUSED[message]
    if "support processes" in message or "Function not implemented" in message:
        return OTHER_PROGRAMS
    if isinstance(error, ConnectionError | TimeoutError) or any(
        part in message for part in ("urlopen", "Host is unreachable", "Socket not connected")
    ):
        return NO_NETWORK
    return None
