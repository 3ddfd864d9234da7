"""A page whose Python does not start until a test lets it."""

from __future__ import annotations

from typing import Any


class Held:
    """Keeps a page's Python from starting: the worker's script does not arrive until `let_go`."""

    def __init__(self, lab: Any) -> None:
        self._page = lab.page
        self._waiting: list[Any] = []
        self._page.route("**/worker.*.js", lambda route: self._waiting.append(route))

    def let_go(self) -> None:
        """The script arrives."""
        for route in self._waiting:
            route.continue_()
        self._page.unroute("**/worker.*.js")
