"""The kernel in the reader's hands: an edited function runs in the live instrument, on every host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import sources

from ..examples import Edit, examples
from .lab import model, query_after
from .watched import Watched


def source(name: str, function: str) -> str:
    """The source of a function of an instrument."""
    (found,) = (s["code"] for s in sources(instrument_class(name)) if s["title"] == function)
    return found


def open_code(lab: Any, function: str) -> Locator:
    """Opens a function of the page's instrument by its menu; returns the cell."""
    lab.page.locator("details.menu > summary").click()
    lab.page.locator("details.menu button[data-do=code]").click()
    cell = lab.page.locator(".cell.kernel[data-editable]")
    cell.wait_for()
    cell.locator("select").select_option(label=function)
    cell = lab.page.locator(f'.cell.kernel[data-editable][data-cell$=".{function}"]')
    cell.wait_for()
    return cell


def run(lab: Any, cell: Locator, code: str, said: str) -> None:
    """Puts code into the cell, runs it and waits until its line says so."""
    editor = cell.locator(".cm-content")
    editor.click()
    editor.press("Control+a")
    lab.page.keyboard.insert_text(code)
    editor.press("Control+Enter")
    cell.locator(".state", has_text=re.compile(said)).wait_for()


def mark(lab: Any) -> str:
    """What the instrument says of its code."""
    return " ".join(lab.instrument.locator("> .edited").inner_text().split())


def test_an_edit_changes_the_picture_an_error_keeps_it_and_reset_restores_it(lab: Any) -> None:
    lab.open("embed/ring.html?t=0.3")
    original = lab.points()
    cell = open_code(lab, "forward")
    code = source("ring", "forward")
    assert cell.locator(".cm-content").inner_text().strip().splitlines()[0] == code.splitlines()[0]
    run(lab, cell, code.replace("return noise(", "return 0.5 * noise("), "in the instrument")
    np.testing.assert_allclose(lab.points()[:, :2], 0.5 * original[:, :2], rtol=1e-6)
    assert mark(lab) == "Runs your forward Undo"
    assert "forward" not in lab.page.url

    run(lab, cell, code.replace("return noise(", "return missing * noise("), "error")
    assert "NameError: name 'missing' is not defined" in cell.locator("pre.error").inner_text()
    assert "missing" in cell.locator(".failed-line").inner_text()
    np.testing.assert_allclose(lab.points()[:, :2], 0.5 * original[:, :2], rtol=1e-6)
    assert mark(lab) == "Runs your forward Undo"

    run(lab, cell, code.replace("t: float", "t: float, more"), "error")
    assert "is called with the parameters (x0, eps, t)" in cell.locator("pre.error").inner_text()

    cell.locator("header .reset").click()
    lab.instrument.locator("> .edited").wait_for(state="detached")
    np.testing.assert_array_equal(lab.points(), original)
    assert cell.locator(".cm-content").inner_text().strip() == code.strip()


def test_the_mark_resets_and_the_readers_text_stays(lab: Any) -> None:
    lab.open("embed/ring.html?t=0.3")
    before = lab.reading("alpha_bar")
    cell = open_code(lab, "Exponential.alpha_bar")
    run(lab, cell, source("ring", "Exponential.alpha_bar").replace("np.exp(-", "np.exp(-0.5 * "), "in the instrument")
    assert lab.reading("alpha_bar") == pytest.approx(before**0.5, abs=1e-3)
    lab.slide("t", 0.6)
    lab.shows("alpha_bar", f"{np.exp(-1.8):.3f}")
    lab.instrument.locator("> .edited button", has_text="Undo").click()
    lab.shows("alpha_bar", f"{np.exp(-3.6):.3f}")
    assert "0.5 * " in cell.locator(".cm-content").inner_text()
    assert cell.locator(".state").inner_text() == ""


def test_a_pinned_twin_runs_the_edit_too(lab: Any) -> None:
    lab.open("embed/ring.html?t=0.3")
    cell = open_code(lab, "Exponential.alpha_bar")
    run(lab, cell, source("ring", "Exponential.alpha_bar").replace("np.exp(-", "np.exp(-0.5 * "), "in the instrument")
    lab.page.locator("details.menu > summary").click()
    lab.page.locator("details.menu button[data-do=pin]").click()
    twins = lab.page.locator(".pair .live-view [data-reading=alpha_bar]")
    twins.nth(1).wait_for()
    assert twins.all_inner_texts() == [f"{np.exp(-0.9):.3f}"] * 2
    lab.page.locator(".pair .edited").nth(1).wait_for()
    run(lab, cell, source("ring", "Exponential.alpha_bar"), "in the instrument")
    assert twins.all_inner_texts() == [f"{np.exp(-1.8):.3f}"] * 2


def test_a_fault_at_other_settings_puts_the_own_code_back(lab: Any) -> None:
    lab.open("embed/ring.html?t=0.3")
    cell = open_code(lab, "forward")
    code = source("ring", "forward").replace("    return ", "    if t > 0.5:\n        1 / 0\n    return 0 * ")
    run(lab, cell, code, "in the instrument")
    lab.slide("t", 0.8)
    cell.locator(".state", has_text="removed from the instrument").wait_for()
    assert "ZeroDivisionError" in cell.locator("pre.error").inner_text()
    assert cell.locator(".failed-line").inner_text().strip() == "1 / 0"
    assert mark(lab).startswith("Your forward failed here (ZeroDivisionError: division by zero).")
    lab.shows("t", "0.80")
    assert np.abs(lab.points()[:, :2]).max() > 0.1
    lab.slide("t", 0.2)
    lab.shows("t", "0.20")


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "on any host"])
def test_an_endless_loop_in_the_kernel(
    open_lab: Callable[..., Any], isolated_site: str, site: str, isolated: bool
) -> None:
    lab = open_lab(isolated_site if isolated else site).open("embed/ring.html?t=0.3&seed=7")
    lab.slide("t", 0.42)
    lab.shows("t", "0.42")
    before = lab.points()
    cell = open_code(lab, "forward")
    code = source("ring", "forward").replace(
        "    return ", "    print('begun')\n    while True:\n        pass\n    return "
    )
    run(lab, cell, code, "running")
    cell.locator("pre.output.text", has_text="begun").wait_for()
    lab.slide("t", 0.55)  # moved while it does not answer: not lost
    cell.locator(".stop").click()
    cell.locator(".state", has_text="stopped").wait_for()
    lab.instrument.locator(".live-view [data-reading=t]", has_text="0.55").wait_for()
    lab.page.locator(".arriving").wait_for(state="detached")
    lab.slide("t", 0.42)
    lab.shows("t", "0.42")
    np.testing.assert_array_equal(lab.points(), before)
    assert "while True" in cell.locator(".cm-content").inner_text()


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "on any host"])
def test_a_loop_that_a_slider_runs_into(
    open_lab: Callable[..., Any], isolated_site: str, site: str, isolated: bool
) -> None:
    lab = open_lab(isolated_site if isolated else site).open("embed/ring.html?t=0.3&seed=7")
    cell = open_code(lab, "forward")
    code = source("ring", "forward").replace("    return ", "    while t > 0.5:\n        pass\n    return ")
    run(lab, cell, code, "in the instrument")
    lab.slide("t", 0.8)
    lab.page.locator(".edited .stuck button").click()  # it shows itself
    lab.instrument.locator(".live-view [data-reading=t]", has_text="0.80").wait_for()
    lab.page.locator(".arriving").wait_for(state="detached")
    assert np.abs(lab.points()[:, :2]).max() > 0.1
    assert "its own code" in mark(lab)


def test_a_start_that_is_tried_again_keeps_what_the_instrument_showed(lab: Any) -> None:
    lab.open("embed/ring.html?t=0.3")
    lab.slide("t", 0.42)
    lab.shows("t", "0.42")
    lab.page.evaluate("lab.python.retry()")
    lab.page.wait_for_function("() => lab.python.health === 'live'")
    lab.page.locator(".arriving").wait_for(state="detached")
    assert lab.reading("t") == 0.42
    lab.instrument.locator(".live-view [data-action=reset]").click()
    lab.shows("t", "0.30")


# --- what every instrument lets a reader edit ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(warm_profile: Any, site: str) -> Iterator[Callable[[str], Any]]:
    """The live page of an instrument, one for all edits."""
    watched, opened = Watched(), {}

    def page_of(name: str) -> Any:
        if name not in opened:
            page = warm_profile.new_page(site)
            opened[name] = watched.lab(page, site, page, page.close).open(f"embed/{name}.html")
        return opened[name]

    yield page_of
    watched.end()


def agree(now: dict[str, Any], before: dict[str, Any], tolerance: float) -> None:
    """Layers and readings are the same, but for rounding where a tolerance is given."""
    assert now.keys() == before.keys()
    for key, value in before.items():
        if not isinstance(value, dict) or not tolerance:
            assert now[key] == value
            continue
        for column, numbers in value.items():
            np.testing.assert_allclose(now[key][column], numbers, rtol=tolerance, atol=tolerance)


#: One of each instrument; `tests/app/browser/test_code_overrides.py` runs them all without a browser.
EDITS = [(name, examples(name).edits[0]) for name in instrument_names()]


@pytest.mark.parametrize(("name", "edit"), EDITS, ids=[f"{name}-{edit.function}" for name, edit in EDITS])
def test_an_edit_moves_what_the_instrument_says_it_moves(pages: Any, name: str, edit: Edit) -> None:
    """Code that is run in the instrument is computed to the end; so the lab's own is run first, to compare with."""
    lab, cls = pages(name), instrument_class(name)
    values = {setting: as_text(value) for setting, value in edit.state.items()}
    lab.instrument.locator(".live-view [data-action=reset]").click()
    lab.wait(f"{model()}.query === ''")
    lab.preset(name, values)
    lab.wait(f"{model()}.query === {query_after(cls, values)!r}")

    def shown() -> dict[str, Any]:
        layers = {moved: lab.layer(moved) for moved in edit.moves if "." in moved}
        readings = {moved for moved in edit.moves if "." not in moved}
        return layers | {key: lab.page.locator(f"[data-reading={key}]").first.text_content() for key in readings}

    (found,) = (source for source in sources(cls) if source["name"] == edit.function)
    cell = open_code(lab, found["title"])
    assert edit.find in found["code"]
    run(lab, cell, found["code"], "in the instrument")
    before = shown()
    run(lab, cell, found["code"].replace(edit.find, edit.replace, 1), "in the instrument")
    after = shown()
    assert [moved for moved in before if after[moved] == before[moved]] == []
    cell.locator("header .reset").click()
    lab.instrument.locator("> .edited").wait_for(state="detached")
    agree(shown(), before, 2e-3 if found["plain"] else 0.0)  # the fast form rounds otherwise, and training amplifies it
    cell.locator(".shut").click()
