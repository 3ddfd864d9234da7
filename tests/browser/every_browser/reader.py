"""A page of the site in one of the browsers, as a reader has it before them."""

from __future__ import annotations

from typing import Any

import numpy as np
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from ..lab import LAYER, PATIENCE, START

#: `seen(css)`: what of the page can be seen and has this selector, in Bokeh's shadow trees too. The selector may say
#: "within" by a space, across the edges of such trees as well, and has no other space.
SEEN = """const within = (root) => [root, ...root.querySelectorAll("*")]
  .flatMap((element) => (element.shadowRoot ? [element, ...within(element.shadowRoot)] : element));
const step = (found, part) => found.flatMap(within).filter((element) => element.matches?.(part));
const seen = (css) => css.split(" ").reduce(step, [document]).filter((element) => element.checkVisibility());
"""

#: Selects what is in a field and types over it.
TYPE = "getSelection().selectAllChildren(arguments[0]); document.execCommand('insertText', false, arguments[1])"

LIVE = "document.querySelector('.live[data-state=live]') && seen('.live-view .front-panel[data-live]').length"


class Reader:
    """One browser, and the site's address."""

    def __init__(self, driver: WebDriver, site: str) -> None:
        self.driver, self.site = driver, site

    def open(self, path: str, *, live: bool = True) -> Reader:
        """Goes to a page; waits until Python is live there."""
        self.driver.get(self.site + path)
        if live:
            self.wait(LIVE)
        return self

    def get(self, expression: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression, which may use `seen(css)` and `arguments`."""
        return self.driver.execute_script(f"{SEEN} return ({expression});", *arguments)

    def wait(self, expression: str, *arguments: Any) -> Any:
        """Waits until an expression is true; returns its value. If that takes too long, says how far the page is."""
        waiting = WebDriverWait(self.driver, PATIENCE / 1000, 0.1)
        try:
            return waiting.until(lambda _: self.get(expression, *arguments))
        except TimeoutException as error:
            raise AssertionError(
                f"{expression}{arguments} does not come; Python: {self.get(f'({START})()')}"
            ) from error

    def find(self, css: str) -> WebElement:
        """The first element that can be seen and has this selector, once there is one, scrolled into sight."""
        self.wait("seen(arguments[0]).length", css)
        self.get("seen(arguments[0])[0].scrollIntoView({ block: 'center', behavior: 'instant' })", css)
        return self.get("seen(arguments[0])[0]", css)

    def press(self, css: str) -> None:
        """Presses it by the browser's own click."""
        self.find(css).click()

    def text(self, css: str) -> str:
        """The text of the first element that can be seen."""
        return self.get("seen(arguments[0])[0]?.innerText ?? ''", css)

    def says(self, css: str, words: str) -> None:
        """Waits until an element that can be seen has these words in it."""
        self.wait("seen(arguments[0]).some((element) => element.innerText.includes(arguments[1]))", css, words)

    def slide(self, name: str, value: float) -> None:
        """Moves a slider of the live instrument: value and `input` event."""
        slider = self.find(f".live-view input[type=range][data-param={name}]")
        moved = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
        self.driver.execute_script(moved, slider, value)

    def points(self) -> np.ndarray:
        """(N, 2): the points that the first instrument draws now."""
        columns = self.get(f"({LAYER})(arguments[0])", "plane.points")
        return np.array([columns["x"], columns["y"]]).T

    def run(self, cell: str, code: str = "") -> None:
        """Runs a cell, with other code if any is given; its state says when it has ended."""
        if code:
            self.find(f"#cell-{cell}")  # a cell near the window can be edited
            self.find(f"#cell-{cell}[data-editable]")
            text = f"#cell-{cell} .cm-content"
            self.press(text)
            self.driver.execute_script(TYPE, self.find(text), code)
            self.wait("seen(arguments[0])[0]?.innerText.trim() === arguments[1].trim()", text, code)
        self.press(f"#cell-{cell} .run")

    def ended(self, cell: str) -> str:
        """Waits until a cell has run; returns what it printed."""
        self.wait(r"/\d m?s$|stopped|error/.test(seen(arguments[0])[0]?.innerText)", f"#cell-{cell} .state")
        return self.text(f"#cell-{cell} pre.output")
