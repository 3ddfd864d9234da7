"""A page of the site as a reader has it before them, for the tests beside this file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, TimeoutError

from diffusion_lab.app.instrument.instrument import Instrument

CHAPTER = "chapters/01-forward.html"
DESK = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}

#: Timeout of every wait for a state, in ms. A wait ends as soon as the state is reached, so a long timeout costs time
#: only when a test fails, and a slow machine causes no failure.
PATIENCE = 120_000

#: Loads all fonts of this document, or of the one given. `fonts.ready` alone does not wait for them: it is settled too
#: before the first layout has asked for any.
FONTS = "(page) => Promise.all([...(page ?? document).fonts].map((face) => face.load())).then(() => true)"


@dataclass
class Lab:
    """A page of the site as a reader has it before them, and what it has said and asked for."""

    page: Page
    site: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str = CHAPTER, *, live: bool = True) -> Lab:
        """Goes to a page; waits until Python is live there."""
        self.page.goto(self.site + path)
        if live:
            self.wait_live()
        return self

    def wait_live(self, slot: str = "") -> None:
        """Waits until an instrument is live, the first or the one in `slot`; if not, says how far the start is."""
        instrument = self.page.locator(f"#instrument-{slot}") if slot else self.instrument
        try:
            instrument.locator(".live[data-state=live]").wait_for()
            instrument.locator(".live-view .front-panel[data-live]").wait_for()
        except TimeoutError as error:
            raise AssertionError(f"Python has not come to life: {self.page.evaluate(START)}") from error

    def wait_all_live(self) -> None:
        """Waits until the page's other instruments are live too: they follow the first one while the page is idle."""
        for instrument in self.page.locator(".instrument").all():
            instrument.locator(".live-view .front-panel[data-live]").wait_for()

    def wait(self, expression: str) -> None:
        """Waits until a JavaScript expression is true."""
        self.page.wait_for_function(f"() => {expression}")

    @property
    def instrument(self) -> Locator:
        """The first instrument of the page: the one that a test on a chapter is about."""
        return self.page.locator(".instrument").first

    def reading(self, key: str) -> float:
        """A read-out or measure of the live instrument."""
        return float(self.instrument.locator(f".live-view [data-reading={key}]").inner_text())

    def shows(self, key: str, text: str) -> None:
        """Waits until a read-out of the live instrument has this text in it; if it does not, says what the page has."""
        try:
            self.instrument.locator(f".live-view [data-reading={key}]", has_text=text).wait_for()
        except TimeoutError as error:
            reading = self.instrument.locator(f".live-view [data-reading={key}]").all_inner_texts()
            found = f"{reading}, with {self.value('query')!r}, and Python: {self.page.evaluate(START)}"
            raise AssertionError(f"{key} does not become {text!r}: it is {found}") from error

    def layer(self, address: str = "plane.points") -> dict[str, list[float]]:
        """The columns of a layer, "scene.layer", as Bokeh draws them now."""
        return self.page.evaluate(LAYER, address)

    def points(self) -> np.ndarray:
        """(N, 3): x, y and part of the points that Bokeh draws now."""
        columns = self.layer()
        return np.array([columns["x"], columns["y"], columns["part"]]).T

    def value(self, name: str, slot: str = "") -> Any:
        """A property of the live instrument: a setting, or `query`, `waiting`, `pale`."""
        return self.page.evaluate(f"{model(slot)}[{name!r}]")

    def edit(self, label: str, code: str) -> Locator:
        """Puts code into a cell as a reader does: focus, select all, type; returns the cell."""
        cell = self.page.locator(f"#cell-{label}")
        cell.scroll_into_view_if_needed()
        self.page.locator(f"#cell-{label}[data-editable]").wait_for()
        editor = cell.locator(".cm-content")
        editor.click()
        editor.press("Control+a")
        self.page.keyboard.insert_text(code)
        return cell

    def run(self, cell: Locator) -> list[str]:
        """Runs a cell by its key; returns what it put out as text."""
        cell.locator(".cm-content").press("Control+Enter")
        cell.locator(".state", has_text=re.compile(r"\d m?s|stopped|error")).wait_for()
        return cell.locator("pre.output").all_inner_texts()

    def live_figure(self, cell: Locator) -> Locator:
        """The one live output of a cell, when its figure is drawn."""
        cell.locator(".output.live").scroll_into_view_if_needed()  # figures are drawn near the window
        cell.locator(".output.live .live-view .bk-Figure").wait_for()
        return cell.locator(".output.live")

    def preset(self, slot: str, values: dict[str, str], *, keep: bool = False) -> None:
        """Sends Python what a preset of the text sends."""
        message = {"type": "preset", "slot": slot, "values": values, "keep": keep}
        self.page.evaluate("(message) => lab.python.send(message)", message)

    def slide(self, name: str, value: float) -> None:
        """Moves a slider of the live instrument as a hand does: value and `input` event."""
        slider = self.instrument.locator(f".live-view input[type=range][data-param={name}]:visible")
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


#: How far the start of Python has come: its health, its stages, what the page says, and the files last asked for.
START = """() => {
  const { health, stages, snapshot, watch } = window.lab?.python ?? {};
  const said = document.querySelector(".instrument .live")?.innerText;
  const files = performance.getEntriesByType("resource").slice(-5).map(({ name, responseEnd }) => [name, responseEnd]);
  return JSON.stringify({ health, stages, snapshot, heard: watch?.began, said, files, now: performance.now() });
}"""

#: The columns of the source of a layer, by the name that the build gave it; images row by row.
LAYER = """(address) => {
  const source = Bokeh.documents.flatMap(d => [...d._all_models.values()])
    .find(m => m.type === "ColumnDataSource" && m.name === address);
  return Object.fromEntries(source.columns().map((name) =>
    [name, Array.from(source.get_column(name), (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value))]));
}"""


def query_after(cls: type[Instrument], values: dict[str, str]) -> str:
    """What the page of an instrument alone knows of these settings."""
    instrument = cls()
    instrument.preset(cls.parse_state(values))
    return instrument.query


def model(slot: str = "") -> str:
    """JavaScript for the Bokeh model that has the properties of an instrument, the one in `slot` or the first one."""
    slot = repr(slot) if slot else "document.querySelector('.instrument').dataset.slot"
    ours = f"&& String(m.id).startsWith({slot} + '-')"
    return (
        "Bokeh.documents.flatMap(d => [...d._all_models.values()])"
        f".find(m => m.properties?.query && m.properties?.readings_shown {ours})"
    )
