"""Pages that a test has open: at the end none may have complained, or asked for something outside its own origin."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Request

from .lab import Lab

#: The browser says this of a preloaded file that a slow machine has not come to use some seconds after the page's load.
LATE = "was preloaded using link preload but not used"


class Watched:
    """Pages of a test, and what they say and ask for."""

    def __init__(self) -> None:
        self._labs: list[Lab] = []
        self._closings: list[Callable[[], None]] = []

    def lab(self, page: Page, address: str, source: Page | BrowserContext, close: Callable[[], None]) -> Lab:
        """A lab on this page; `source` reports its requests."""
        lab = Lab(page, address)
        bad = ("error", "warning")
        page.on("console", lambda m: m.type in bad and LATE not in m.text and lab.messages.append(m.text))
        page.on("pageerror", lambda error: lab.messages.append(str(error)))

        def note(request: Request) -> None:
            lab.requests.append(request.url)

        source.on("request", note)  # type: ignore[call-overload]
        self._labs.append(lab)
        self._closings.append(close)
        return lab

    def end(self) -> None:
        """Closes all of them; none may have complained or left its origin."""
        for close in self._closings:
            close()
        for lab in self._labs:
            foreign = [url for url in lab.requests if not url.startswith((lab.site, "data:", "blob:"))]
            assert not foreign, f"the page asked for something outside its own origin: {foreign}"
            assert not lab.messages, f"the browser's console has complaints: {lab.messages}"
