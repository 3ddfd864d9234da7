"""Embedded pages in strict hosts: policies, sandboxes, blocked storage, and browsers that cannot run Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tornado.web import Application

from diffusion_lab.app.build.static_host import SiteFile

from .conftest import serve_in_thread
from .course import Course, embed, fits, settled


@pytest.mark.parametrize("width", [1360, 768, 390])
@pytest.mark.parametrize("host", ["furo", "jupyter_book"])
def test_a_page_of_a_real_course_tool(course: Course, codes: dict[str, str], host: str, width: int) -> None:
    """Pages that `hosts/make_real_hosts.py` has built with Sphinx, Furo and MyST, and with Jupyter Book."""
    course.open(host, codes["iframe"], width)
    before = course.page.locator("iframe").bounding_box()
    frame = course.live()
    settled(frame)
    fits(frame)
    after = course.page.locator("iframe").bounding_box()
    assert before is not None and after is not None
    assert abs(after["height"] - before["height"]) < 30, "the page does not jump"
    assert 0.8 * min(width, 690) - 40 < after["width"] < 900, "as wide as the text of the theme"
    assert course.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_policy_without_scripts_and_styles(course: Course, codes: dict[str, str]) -> None:
    course.open("strict", codes["iframe"], 776)
    frame = course.live()
    assert frame.evaluate("document.documentElement.dataset.layout") == "compact"
    fits(frame)
    assert all("Content Security Policy" in message for message in course.messages)
    course.messages.clear()


def test_the_element_is_a_link_where_its_script_may_not_run(course: Course, codes: dict[str, str]) -> None:
    course.open("strict", codes["element"], 776)
    link = course.page.locator("instrument-lab a", has_text="Ring of clusters")
    link.wait_for()
    assert str(link.get_attribute("href")).startswith(f"{course.lab}embed/ring.html?")
    course.open("plain", codes["element"], 776)
    course.page.locator("instrument-lab iframe").wait_for()
    assert not link.is_visible()
    course.messages.clear()  # of the policy


#: The frame is as high as its content.
FITTED = "() => Math.abs(innerHeight - document.querySelector('main').getBoundingClientRect().height) <= 1"


@pytest.mark.parametrize("allowed", ["allow-scripts", "allow-scripts allow-same-origin", ""])
def test_a_sandbox(course: Course, codes: dict[str, str], allowed: str) -> None:
    code = codes["iframe"].replace("<iframe ", f'<iframe sandbox="{allowed} allow-popups" ')
    course.open("column", code, 900)
    frame = course.frame()
    if "same-origin" in allowed:
        fits(course.live())
        assert not frame.locator(".cannot").is_visible()
        return
    said = frame.locator(".cannot")
    said.wait_for()
    text = said.inner_text()
    assert ("sandbox" in text) == bool(allowed) and ("Scripts do not run" in text) != bool(allowed)
    assert "first picture" in text
    assert ("another state than the picture shows" in text) == bool(allowed), "t = 0.3 is not the picture's"
    assert frame.locator(".still .figure svg").first.is_visible()
    assert not frame.locator(".live").is_visible(), "no claim that JavaScript or Python is missing"
    if allowed:
        frame.wait_for_function(FITTED)
    with course.page.context.expect_page() as opened:
        said.locator("a").click()
    assert opened.value.url == frame.url and "t=0.3" in frame.url
    opened.value.close()
    course.messages.clear()  # files that the sandbox keeps away


def test_a_sandbox_with_a_state_that_is_stored(course: Course) -> None:
    """Nothing but scripts can be loaded there; a file that does not come leaves the first picture and its sentence."""
    course.open("column", embed(course, "theme=dark&view=reverse", 'sandbox="allow-scripts"'), 900)
    frame = course.frame()
    frame.locator(".figure[aria-label^='Reverse process'] svg").first.wait_for()
    said = frame.locator(".cannot").inner_text()
    assert "made beforehand, of the state that the page asks for" in said
    assert "first picture" not in said and "another state" not in said
    course.page.route("**/ring-state.*.js", lambda route: route.fulfill(status=200, body="labStored({"))
    course.open("column", embed(course, "view=reverse&theme=light", 'sandbox="allow-scripts"'), 900)
    frame = course.frame()
    frame.wait_for_load_state("networkidle")
    said = frame.locator(".cannot").inner_text()
    assert "first picture" in said and "another state than the picture shows" in said
    assert frame.locator(".figure svg").first.is_visible()
    course.messages.clear()  # files that the sandbox keeps away, and the damaged one


def test_a_low_sandbox_of_a_host_that_does_not_listen(course: Course) -> None:
    course.open("plain", embed(course, "theme=light", 'sandbox="allow-scripts"'), 752)
    frame = course.frame()
    frame.locator(".cannot").wait_for()
    place = "(() => document.querySelector('.figure').getBoundingClientRect())()"
    frame.wait_for_function(f"() => {place}.bottom <= innerHeight && {place}.height > 200")
    course.messages.clear()  # files that the sandbox keeps away


class StrictSiteFile(SiteFile):
    """The lab on a host that sends a policy with every file."""

    policy = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' data:;"
        " script-src 'self'"
    )

    def set_default_headers(self) -> None:
        """The policy."""
        self.set_header("Content-Security-Policy", self.policy)


class StrictSiteFileWithWasm(StrictSiteFile):
    """A policy that lets Python run."""

    policy = StrictSiteFile.policy + " 'wasm-unsafe-eval'; worker-src 'self' blob:"


@pytest.mark.parametrize("handler", [StrictSiteFile, StrictSiteFileWithWasm])
def test_a_lab_whose_host_sends_a_policy(course: Course, codes: dict[str, str], dist: Path, handler: Any) -> None:
    options = {"dist": dist, "dress": None}
    address, stop = serve_in_thread(lambda: Application([(r"/(.*)", handler, options)]))
    code, course.lab = codes["iframe"].replace(course.lab, address), address
    course.open("column", code, 900)
    if handler is StrictSiteFileWithWasm:
        frame = course.live()
        settled(frame)
        fits(frame)
        assert all("inline script" in message for message in course.messages), "nothing else is kept away"
    else:
        frame = course.frame()
        said = frame.locator(".cannot")
        said.wait_for()
        assert said.inner_text().startswith("Python cannot run here: ")
        assert frame.locator(".still .figure svg").first.is_visible()
    course.page.goto("about:blank")
    course.messages.clear()
    stop()


def test_a_page_that_isolates_itself(course: Course, codes: dict[str, str]) -> None:
    course.open("isolated", codes["iframe"].replace("<iframe ", "<iframe credentialless "), 776)
    assert course.page.evaluate("crossOriginIsolated")
    frame = course.live()
    settled(frame)
    fits(frame)


def test_blocked_storage(course: Course, codes: dict[str, str]) -> None:
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    names = ("localStorage", "sessionStorage", "caches", "indexedDB")
    course.page.add_init_script("".join(f"Object.defineProperty(window, '{name}', {blocked});" for name in names))
    course.page.add_init_script("delete Navigator.prototype.locks")
    course.open("column", codes["iframe"], 900)
    frame = course.live()
    settled(frame)
    fits(frame)


def test_no_web_assembly(course: Course, codes: dict[str, str]) -> None:
    course.page.add_init_script("delete window.WebAssembly")
    course.open("column", codes["iframe"], 900)
    frame = course.frame()
    said = frame.locator(".cannot")
    said.wait_for()
    assert said.inner_text().startswith("Python cannot run here: ")
    assert "no WebAssembly" in frame.locator(".live").inner_text()
    assert "another state" in said.inner_text(), "the seed is not that of the pictures"
    assert frame.locator(".still .figure svg").first.is_visible()
    assert said.locator("a").evaluate("(a) => a.href") == frame.url
    course.open(
        "plain", codes["iframe"].split("<script")[0] * 2, 640
    )  # compact; the second need not wait for the first
    for number in (0, 1):
        frame = course.frame(number)
        frame.locator(".live[data-state=failed]").wait_for()
        assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
        inside = frame.locator(".retry").evaluate("(e) => e.getBoundingClientRect().right <= innerWidth")
        assert inside
    course.open("column", embed(course, "t=0.3"), 900)
    said = course.frame().locator(".cannot")
    said.wait_for()
    assert "another state" not in said.inner_text(), "the main slider's states have pictures"
