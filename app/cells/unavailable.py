"""Raises an error where a page's Python would do nothing in silence: connections, servers, other programs.

Emscripten lets a socket connect to nowhere and `os.system` return -1. A cell then ends without a word, or fails later
with an error that explains nothing. Python reports such calls to audit hooks (PEP 578) before it makes them.
"""

from __future__ import annotations

import sys
from typing import Any

#: Messages of the errors, by which `hints/platform.py` knows them.
CONNECTING = "a web page's Python has no connections to other computers"
SERVING = "a web page's Python cannot receive connections"
PROGRAMS = "a web page's Python cannot start other programs"

#: Audit event → message.
EVENTS = {
    "socket.connect": CONNECTING,
    "socket.getaddrinfo": CONNECTING,
    "socket.gethostbyname": CONNECTING,
    "socket.gethostbyaddr": CONNECTING,
    "socket.sendto": CONNECTING,
    "socket.sendmsg": CONNECTING,
    "socket.bind": SERVING,
    "os.system": PROGRAMS,
    "os.exec": PROGRAMS,
    "os.fork": PROGRAMS,
    "os.forkpty": PROGRAMS,
    "os.posix_spawn": PROGRAMS,
    "os.spawn": PROGRAMS,
    "subprocess.Popen": PROGRAMS,
}


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Raises `OSError` for an audit event that a page cannot fulfil; ignores all other events."""
    if event in EVENTS:
        raise OSError(EVENTS[event])


def refuse_in_browser() -> None:
    """Makes all later calls of this interpreter raise. Outside a browser, nothing changes."""
    if sys.platform == "emscripten":
        sys.addaudithook(refuse)
