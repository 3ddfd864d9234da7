"""Text and picture are seen together: a preset docks an instrument that is out of sight; a phone keeps the picture."""

from __future__ import annotations

from typing import Any

import pytest

from .lab import FONTS

FLOW = "chapters/06-flow.html"
PRESET = "a.preset[data-set*='flow=diffusion']"

WINDOWS = [{"width": 1360, "height": 900}, {"width": 768, "height": 1024}, {"width": 390, "height": 844}]


def place_of_line(lab: Any) -> float:
    """How far below the top of the window the preset is."""
    return float(lab.page.locator(PRESET).first.bounding_box()["y"])


def press_far_preset(lab: Any) -> float:
    """Presses a preset far below its instrument, in the middle of the window; returns where its line was before.

    By a click of the page's own: Playwright's scrolls once more when its first try meets something else.
    """
    link = lab.page.locator(PRESET).first
    return float(
        link.evaluate("""(link) => {
            link.scrollIntoView({ block: "center", behavior: "instant" });
            const { top } = link.getBoundingClientRect();
            link.click();
            return top;
        }""")
    )


def in_window(lab: Any, selector: str) -> bool:
    """Whether the whole element lies within the window."""
    box = lab.instrument.locator(f".live-view {selector}").first.bounding_box()
    height = lab.page.viewport_size["height"]
    return bool(box["y"] >= -1 and box["y"] + box["height"] <= height + 1 and box["width"] > 0)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: str(window["width"]))
def test_a_preset_out_of_sight_docks_its_instrument(open_lab: Any, window: dict[str, int]) -> None:
    lab = open_lab(viewport=window).open(FLOW)
    before = press_far_preset(lab)
    lab.page.locator(".instrument.docked .dock-bar").wait_for()
    lab.shows("end_error", "0.422")  # what the prose says
    assert abs(place_of_line(lab) - before) < 2, "the line being read stays"
    for part in (".figure", ".slider input[data-param=t]", ".run"):
        assert in_window(lab, part), part
    lab.slide("t", 0.5)
    lab.shows("t", "0.50")
    # One press to the whole instrument, and one back to the same line.
    read = place_of_line(lab)  # a dock that grows may have scrolled since
    lab.page.locator(".dock-bar a").click()
    lab.page.locator(".docked").wait_for(state="detached")
    lab.wait("document.querySelector('.instrument').getBoundingClientRect().top < innerHeight / 2")
    lab.page.locator(".return").click()
    # The browser keeps the place for Back a moment late: a press right after the dock has scrolled misses that.
    lab.wait(f"Math.abs(document.querySelector({PRESET!r}).getBoundingClientRect().top - {read}) < 2")
    lab.page.locator(".return").wait_for(state="detached")


def test_the_dock_ends_at_the_instrument_and_when_it_is_closed(lab: Any) -> None:
    lab.open(FLOW).page.evaluate(FONTS)
    height = lab.page.evaluate("document.documentElement.scrollHeight")
    press_far_preset(lab)
    lab.page.locator(".docked").wait_for()
    # It is rounded to whole pixels, the place that the instrument has left is not.
    assert abs(lab.page.evaluate("document.documentElement.scrollHeight") - height) <= 1, "the text does not move"
    lab.shows("end_error", "0.422")
    read = place_of_line(lab)
    lab.page.locator(".dock-bar .close").click()
    lab.page.locator(".docked").wait_for(state="detached")
    assert abs(place_of_line(lab) - read) < 2, "the line being read stays, though the instrument has grown"
    press_far_preset(lab)
    lab.page.locator(".docked").wait_for()
    lab.page.evaluate("document.querySelector('.instrument').scrollIntoView({ block: 'start', behavior: 'instant' })")
    lab.page.locator(".docked").wait_for(state="detached")
    lab.instrument.locator(".live-view .findings").wait_for()


def test_a_preset_in_sight_neither_scrolls_nor_docks(lab: Any) -> None:
    lab.open(FLOW)
    lab.instrument.locator(".live-view .status").evaluate(
        "(e) => e.scrollIntoView({ block: 'end', behavior: 'instant' })"
    )
    before = lab.page.evaluate("scrollY")
    lab.page.locator("a.preset[data-set*='view=pairs']").first.evaluate("(link) => link.click()")
    lab.wait("document.querySelector('.live-view') !== null")
    lab.instrument.locator(".live-view input[data-param=view][value=pairs]:checked").wait_for(state="attached")
    assert lab.page.evaluate("scrollY") == before
    assert lab.page.locator(".docked").count() == 0


@pytest.mark.parametrize("window", WINDOWS[1:], ids=lambda window: str(window["width"]))
@pytest.mark.parametrize("chapter", ["01-forward", "02-learning", "04-guidance", "06-flow", "08-text"])
def test_picture_main_slider_and_run_button_share_a_small_window(
    open_lab: Any, chapter: str, window: dict[str, int]
) -> None:
    lab = open_lab(viewport=window).open(f"chapters/{chapter}.html")
    lab.page.evaluate("document.querySelector('.stage').scrollIntoView({ block: 'start', behavior: 'instant' })")
    for part in (".figure", "[data-main] input[type=range]:visible", ".run"):
        assert in_window(lab, part), part


TEXT = "chapters/08-text.html"
SHOWN = ".docked .live-view"
LINE = """document.querySelector("a.preset[data-set^='chart_shows=chain'][data-set$='random']")"""


def preset_at(lab: Any, values: str, share: float) -> Any:
    """A preset, with its line at this share of the window's height."""
    link = lab.page.locator(f"a.preset[data-set='{values}']").first
    link.evaluate(
        "(e, share) => scrollBy({ top: e.getBoundingClientRect().top - share * innerHeight, behavior: 'instant' })",
        share,
    )
    return link


@pytest.mark.parametrize("window", [WINDOWS[0], WINDOWS[2]], ids=lambda window: str(window["width"]))
def test_the_dock_shows_what_a_preset_changes(open_lab: Any, window: dict[str, int]) -> None:
    lab = open_lab(viewport=window).open(TEXT)
    measure = lab.page.locator(f"{SHOWN} .measures [data-reading=joints]")
    preset_at(lab, "num_inference_steps=1 progress=1", 0.4).click()
    measure.get_by_text("9", exact=True).wait_for()
    for hidden in (".measures [data-reading=correlation]", ".chart"):
        assert not lab.page.locator(f"{SHOWN} {hidden}:visible").count(), hidden
    # One whose sentence is about the chart: the dock is higher, and the line goes up with it.
    link = preset_at(lab, "chart_shows=chain stay=0.9 remasking=random", 0.55)
    link.click()
    chart = lab.page.locator(f"{SHOWN} .chart:visible")
    chart.get_by_text("Loss of K passes").wait_for()
    assert not lab.page.locator(f"{SHOWN} .picture").is_visible()
    dock = ".docked > .stage"
    clear = f"""(() => {{
        const [line, dock] = [{LINE}, document.querySelector({dock!r})].map((e) => e.getBoundingClientRect());
        return line.top > 0 && (line.bottom <= dock.top || line.right <= dock.left) && dock.top >= 0; }})()"""
    lab.wait(clear)
    # The reader can have the picture, and keeps it while a slider is moved.
    lab.page.locator(".dock-bar button", has_text="Picture").click()
    lab.page.locator(f"{SHOWN} .picture").wait_for()
    lab.slide("progress", 0.6)
    lab.shows("unmasked", "5 of 5")
    assert not chart.count()


@pytest.mark.parametrize(("chapter", "slot"), [("01-forward", "schedule"), ("03-samplers", "samplers")])
def test_in_a_low_window_a_chart_begins_in_sight_and_rare_settings_are_folded(
    open_lab: Any, chapter: str, slot: str
) -> None:
    lab = open_lab(viewport={"width": 1360, "height": 760}).open(f"chapters/{chapter}.html")
    place = lab.page.locator(f"#instrument-{slot}")
    place.locator(".live-view .front-panel[data-live]").wait_for()
    place.evaluate("(e) => e.scrollIntoView({ block: 'start', behavior: 'instant' })")
    assert place.locator(".live-view .chart:visible .figure").first.bounding_box()["y"] < 660
    if slot == "samplers":
        more = place.locator(".live-view [data-more]").bounding_box()
        assert more["y"] + more["height"] < 760, "all other settings are above it"
        rare = place.locator(".live-view select[data-param=spacing]")
        assert not rare.is_visible()
        place.locator(".live-view [data-more]").click()
        rare.wait_for()
