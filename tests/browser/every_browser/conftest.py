"""Each test here runs in Chromium, Firefox and WebKitGTK: `build.py test --every-browser`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from .drivers import BROWSERS
from .reader import Reader


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder."""
    for item in items:
        if "driver" in getattr(item, "fixturenames", []):
            item.add_marker(pytest.mark.every_browser)


@pytest.fixture(scope="session", params=BROWSERS)
def driver(request: Any) -> Iterator[WebDriver]:
    """One browser for all its tests."""
    with BROWSERS[request.param]() as running:
        yield running


@pytest.fixture
def reader(driver: WebDriver, site: str) -> Iterator[Reader]:
    """A reader whose browser has no state of an earlier test."""
    yield from clean(Reader(driver, site))


@pytest.fixture
def first_visit(driver: WebDriver, host: Any) -> Iterator[Reader]:
    """A reader who is here for the first time: the address is new, so nothing of it is kept."""
    yield from clean(Reader(driver, host[0]))


def clean(reader: Reader) -> Iterator[Reader]:
    """Empties the storage of the reader's address before and leaves the page after a test."""
    reader.driver.get(reader.site + "licences.html")
    reader.driver.execute_script("localStorage.clear(); sessionStorage.clear()")
    yield reader
    reader.driver.get("about:blank")
