"""`build.py serve` as an author sees it: pages follow the files, stay where they were, and show what is wrong.

The author works on a small lab, whose builds take a few seconds.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..checkout import copy_small_lab

CHAPTER = "chapters/01-forward.md"
PAGE = "chapters/01-forward.html"
#: How long a test waits for a build, in seconds.
BUILT = 600
STARTED = "the lab is at http://"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_small_lab(tmp_path_factory.mktemp("author") / "lab")


class Serving:
    """`build.py serve` in a checkout, and what it says."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.said: list[str] = []
        self.address, self._ended = "", False
        self._heard = threading.Condition()
        command = [sys.executable, "build.py", "serve"]
        self._process = subprocess.Popen(
            command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        line = self.wait_for(STARTED)
        self.address = line.split("the lab is at ")[1].split()[0]

    def _listen(self) -> None:
        for line in self._process.stdout:
            with self._heard:
                self.said.append(line)
                self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()

    def wait_for(self, words: str) -> str:
        """The first line with these words."""
        with self._heard:
            self._heard.wait_for(lambda: self._ended or self._saying(words), timeout=BUILT)
        found = self._saying(words)
        assert found, "".join(self.said)
        return found[0]

    def _saying(self, words: str) -> list[str]:
        return [line for line in self.said if words in line]

    def so_far(self) -> str:
        with self._heard:
            return "".join(self.said)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.checkout / path).read_text("utf-8")
        assert old in text
        (self.checkout / path).write_text(text.replace(old, new, 1), "utf-8")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture(scope="module")
def serving(checkout: Path) -> Iterator[Serving]:
    running = Serving(checkout)
    yield running
    running.stop()


@pytest.fixture
def author(open_cold, serving):
    """A page of the draft in front of the author; `marked` until it is loaded again."""
    lab = open_cold(serving.address).open(PAGE)
    lab.page.evaluate("window.marked = true")
    return lab


RELOADED = "!window.marked && document.readyState === 'complete'"


def test_a_page_that_is_loaded_again_stands_where_it_stood(author, serving):
    author.page.evaluate("document.querySelector('#instrument-ring').scrollIntoView({behavior: 'instant'})")
    author.page.locator("details.about summary").first.click()
    author.slide("t", 0.71)
    author.wait("document.querySelector('#instrument-ring .live-view') !== null")
    author.page.wait_for_function("() => window.lab.python.health === 'live'")
    stood = author.page.evaluate("document.querySelector('#instrument-ring').getBoundingClientRect().top")
    scrolled = author.page.evaluate("scrollY")
    author.page.wait_for_selector(".live-view .front-panel[data-live]")

    serving.edit(CHAPTER, "\n## ", "\nA paragraph above, that pushes all down.\n\n## ")
    author.wait(RELOADED)
    assert author.page.get_by_text("A paragraph above").count() == 1
    assert author.page.evaluate("scrollY") > scrolled + 20
    now = author.page.evaluate("document.querySelector('#instrument-ring').getBoundingClientRect().top")
    assert now == pytest.approx(stood, abs=2)
    assert author.page.locator("details.about").first.evaluate("(details) => details.open")
    author.wait_live()
    slider = author.page.locator(".live-view input[type=range][data-param=t]:visible").first
    assert float(slider.input_value()) == 0.71
    assert author.page.url == serving.address + PAGE  # what was lent to the address is given back
    later = author.page.evaluate("document.querySelector('#instrument-ring').getBoundingClientRect().top")
    assert later == pytest.approx(stood, abs=2)


def test_a_style_is_applied_in_place(author, serving):
    sheets = author.page.locator("link[rel=stylesheet]").count()
    serving.edit("static/css/page.css", "h1 { margin: .1em", "h1 { text-decoration: underline; margin: .1em")
    author.wait("getComputedStyle(document.querySelector('h1')).textDecorationLine === 'underline'")
    author.wait(f"document.querySelectorAll('link[rel=stylesheet]').length === {sheets}")
    assert author.page.evaluate("window.marked")


def test_a_page_that_has_not_changed_is_left_alone(author, serving):
    serving.edit("chapters/disagreements.md", "**Right.** ", "**Right.** Words of another page. ")
    serving.wait_for("chapters/disagreements.md changed")
    other = author.page.context.new_page()
    other.goto(serving.address + "disagreements.html")
    other.wait_for_selector("text=Words of another page.")
    other.close()
    author.wait("document.querySelector('[data-documents]').dataset.documents.startsWith('/assets/search.')")
    assert author.page.evaluate("window.marked")


def test_an_instrument_runs_the_python_of_now(author, serving):
    serving.edit("instruments/ring/component.py", "exact score of {gaussians}", "exact score, mended, of {gaussians}")
    author.wait(RELOADED)
    author.wait_live()
    author.page.evaluate("window.marked = true")
    author.page.locator(".live-view label", has_text="Reverse").first.click()
    author.page.wait_for_selector(".live-view [data-status]:has-text('exact score, mended, of')")


SLOT = """:::{instrument} ring-late
:t: 0.6
The same instrument, later.
:::

Press {set}`ring-late t=0.9 | much later` or {set}`ring t=0.1 | earlier`: {value}`ring-late t=0.9 : alpha_bar`.

## """


def test_two_slots_of_one_instrument_are_two_instruments_of_one_python(author, serving):
    page = author.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    author.requests.clear()
    serving.edit(CHAPTER, "## One small step", f"{SLOT}One small step")
    author.wait(RELOADED)
    first, late = page.locator("#instrument-ring"), page.locator("#instrument-ring-late")

    def shows(place, t):
        place.locator(".live-view [data-reading=t]", has_text=t).wait_for()

    shows(first, "0.05")
    shows(late, "0.60")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(set(ids)) == len(ids)
    assert len([url for url in author.requests if re.search(r"/ring\.[^/]*pack$", url)]) <= 1

    page.get_by_role("link", name="much later").click()
    shows(late, "0.90")
    shows(first, "0.05")
    page.get_by_role("link", name="earlier").click()
    shows(first, "0.10")
    shows(late, "0.90")
    assert page.locator(".docked").evaluate_all("(all) => all.map(({ id }) => id)") in ([], ["instrument-ring"])

    late.locator(".menu summary").click()
    late.locator("[data-do=link]").click()
    late.locator(".menu output", has_text="Copied.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == serving.address + PAGE + "?ring-late.t=0.9#instrument-ring-late"
    late.locator("[data-do=embed]").click()
    code = page.locator("dialog textarea").input_value()
    assert re.search(r"/embed/ring\.html\?[^\"]*t=0\.9&", code)
    page.keyboard.press("Escape")
    late.locator(".menu summary").click()
    late.locator("[data-do=code]").click()
    page.locator("#instrument-ring-late + .cell.kernel[data-editable]").wait_for()
    first.locator(".menu summary").click()
    first.locator("[data-do=code]").click()
    page.locator("#instrument-ring + .cell.kernel[data-editable]").wait_for()
    assert page.locator(".cell.kernel").count() == 1

    page.reload()
    shows(first, "0.10")
    shows(late, "0.90")
    page.evaluate("window.marked = true")
    serving.edit(CHAPTER, f"{SLOT}One small step", "## One small step")
    author.wait(RELOADED)
    assert late.count() == 0


MISTAKES = {
    "formula": (CHAPTER, "$", r"$\nonsense "),
    "python": ("instruments/ring/kernel.py", "import numpy as np", "import numpy as = np"),
    "template": ("app/build/templates/chapter.html", "{% block body %}", "{% block body %}{{ absent }}"),
    "script": ("static/js/page/page_chrome.js", "export function", "export function function"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_stands_over_the_page_until_it_is_mended(author, serving, kind):
    path, old, new = MISTAKES[kind]
    sheet = author.page.locator("lab-build-error [role=alert]")
    serving.edit(path, old, new)
    sheet.wait_for()
    assert re.search(rf"{re.escape(path)}:\d+", sheet.inner_text())
    assert re.search(rf"{re.escape(path)}:\d+", serving.so_far().rpartition("not built: ")[2])
    assert author.page.evaluate("window.marked")
    serving.edit(path, new, old)
    sheet.wait_for(state="detached")
    assert author.page.evaluate("window.marked")  # the site is what it was: nothing to load


def test_the_published_site_knows_nothing_of_this(dist):
    texts = [path.read_text("utf-8") for path in dist.rglob("*") if path.suffix in (".html", ".js", ".css")]
    assert not [text for text in texts if "_author" in text or "lab-build-error" in text or "data-author" in text]


def test_the_builder_itself_is_started_anew(author, serving):
    serving.edit("app/build/site_writer.py", "PLANNED_CHAPTERS = 10", "PLANNED_CHAPTERS = 11")
    serving.wait_for("from now on each build runs in a fresh process")
    author.wait(RELOADED)
    assert author.page.get_by_text("Chapter 1 of 11", exact=True).count() == 1
