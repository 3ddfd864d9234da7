"""A course site on another origin, which embeds the lab: the host pages of `hosts/`, and what tests ask of a frame."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Frame, Page
from tornado.web import RequestHandler

from .lab import Lab

HOSTS = Path(__file__).parent / "hosts"
LIVE = ".live-view .front-panel[data-live]"

#: The code that the dialog shows.
CODE = "document.querySelector('body > div:last-child').shadowRoot.querySelector('textarea').value"

#: Resolves after thirty frames have been painted.
FRAMES = """() => new Promise((resolve) => {
  let left = 30;
  const next = () => (left-- ? requestAnimationFrame(next) : resolve());
  next();
})"""


class HostPage(RequestHandler):
    """A page of another site, with the lab's address and the code pasted into it; one that isolates itself."""

    def initialize(self, pages: dict[str, str]) -> None:
        self.pages = pages

    def get(self, name: str) -> None:
        """Sends a page that a test has made; there is no other file."""
        if name == "isolated":
            self.set_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        if name in self.pages:
            self.write(self.pages[name])
        else:
            self.set_status(204)


class Course:
    """A site that embeds the lab."""

    def __init__(self, address: str, pages: dict[str, str], page: Page, lab: str) -> None:
        self.address, self.pages, self.page, self.lab = address, pages, page, lab
        self.messages: list[str] = []
        page.on("console", lambda m: m.type in ("error", "warning") and self.messages.append(m.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))

    def open(self, host: str, code: str, width: int = 1100, height: int = 900) -> None:
        """Pastes the code into a host page and opens that."""
        self.page.set_viewport_size({"width": width, "height": height})
        text = (HOSTS / f"{'plain' if host == 'isolated' else host}.html").read_text("utf-8")
        self.pages[host] = text.replace("LAB", self.lab.rstrip("/")).replace("<!--code-->", code)
        self.page.goto(self.address + host)

    def frame(self, number: int = 0) -> Frame:
        """A frame of the lab in the page, when it has loaded."""
        frame = self.page.locator("iframe").nth(number).element_handle().content_frame()
        assert frame is not None
        frame.wait_for_url(f"{self.lab}**", wait_until="domcontentloaded")
        return frame

    def live(self) -> Frame:
        """The lab's frame, when Python is live in it."""
        frame = self.frame()
        frame.wait_for_selector(LIVE)
        frame.wait_for_selector(".live[data-state=live]", state="attached")
        return frame


def open_dialog(lab: Lab) -> None:
    """Opens the dialog of the first instrument, and waits until its preview has said which settings there are."""
    lab.instrument.locator(".menu summary").click()
    lab.instrument.locator("[data-do=embed]").click()
    lab.page.locator("dialog [name=control-seed]").wait_for()


def fits(frame: Frame, slider: str = "t") -> None:
    """Picture and main slider are wholly within the frame, which has no scroll bar."""
    height = frame.evaluate("innerHeight")
    assert frame.evaluate("document.documentElement.scrollHeight") <= height
    for part in (".front-panel .figure", f".front-panel input[type=range][data-param={slider}]", "button.run"):
        place = frame.locator(part).locator("visible=true").first
        box = place.evaluate("(e) => { const b = e.getBoundingClientRect(); return [b.top, b.bottom, b.width]; }")
        assert box[0] >= 0 and box[1] <= height, f"{part} is within the frame: {box} of {height}"
        assert box[2] > 150 or part == "button.run"


def settled(frame: Frame) -> None:
    """Waits until the host has given the frame the height that it needs."""
    frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight && innerHeight >= 500")


def embed(course: Course, query: str, more: str = "") -> str:
    return f'<iframe src="{course.lab}embed/ring.html?{query}" width="100%" height="480" {more}></iframe>'
