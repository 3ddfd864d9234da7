"""Every control of every instrument's own page, at a desk and on a phone: what the reader sets reaches Python."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.front_panel import Brush, Choice, Handle, Menu, Slider, Toggles, Transport

SIZES = {"desk": {"width": 1360, "height": 1000}, "phone": {"width": 390, "height": 844}}

#: The Bokeh model with the instrument's Params: as the page has them, and as Python last told them.
PARAMS = """Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .find(m => m.properties?.query && m.properties?.readings_shown)"""


class Driver:
    """A reader's hands on one instrument's page."""

    def __init__(self, lab: Any, name: str) -> None:
        self.lab, self.page, self.cls = lab, lab.page, instrument_class(name)
        lab.open(f"embed/{name}.html")
        self.panel = lab.page.locator(".live-view .front-panel")
        self.controls = self.cls.front_panel.controls

    def heard(self, name: str, value: Any) -> None:
        """Waits until Python says that setting `name` is at `value`: it tells those that differ from their defaults."""
        told = f"new URLSearchParams({PARAMS}.query).get({name!r})"
        if value == self.cls.param[name].default:
            self.lab.wait(f"{told} === null")
        elif isinstance(value, str):
            self.lab.wait(f"{told} === {value!r}")
        elif isinstance(value, bool):
            self.lab.wait(f"{told} === '{str(value).lower()}'")
        else:
            self.lab.wait(f"Math.abs({told} - {value}) < 1e-6")

    def value(self, name: str) -> Any:
        return self.page.evaluate(f"{PARAMS}[{name!r}]")

    def show(self, item: Any) -> None:
        """Brings about what `item` waits for."""
        name, _, wanted = item.when.partition(":")
        values: list[Any] = wanted.split("|") if wanted else [True]
        if name and self.value(name) not in values:
            owner = next(c for c in self.controls if name in getattr(c, "params", (getattr(c, "param", ""),)))
            self.show(owner)
            self.set(owner, name, values[0])

    def set(self, item: Any, name: str, value: Any) -> None:
        """Chooses `value` on a row of options, a menu or a switch."""
        if isinstance(item, Choice):
            self.panel.locator(f"label:has(> input[data-param={name}][value='{value}'])").click()
        elif isinstance(item, Menu):
            self.panel.locator(f"select[data-param={name}]").select_option(value)
        else:
            self.panel.locator(f"label:has(> input[data-param={name}])").click()
        self.heard(name, value)

    def slide(self, name: str) -> None:
        """A key on the slider, then a number typed beside it."""
        slider = self.panel.locator(f"input[type=range][data-param={name}]:visible")
        low, high = self.cls.param[name].bounds
        slider.press("ArrowLeft" if self.value(name) == high else "ArrowRight")
        self.heard(name, float(slider.input_value()))
        entry = self.panel.locator(f"input.value[data-param={name}]:visible")
        middle = round(low + 0.6 * (high - low)) if isinstance(low, int) else round(low + 0.6 * (high - low), 1)
        entry.fill(str(middle))
        entry.press("Enter")
        self.heard(name, middle)

    def drag(self, item: Handle) -> None:
        """The point of the picture, by hand."""
        knob = self.panel.locator(f"[data-handle][data-x={item.x}] button")
        knob.scroll_into_view_if_needed()
        box = knob.bounding_box()
        before = self.value(item.x), self.value(item.y)
        across, up = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(across, up)
        self.page.mouse.down()
        self.page.mouse.move(across + 40, up - 30, steps=5)
        self.page.mouse.up()
        pad = self.panel.locator(f"[data-handle][data-x={item.x}]").bounding_box()
        for name, start, moved, extent in zip(
            (item.x, item.y), before, (40 / pad["width"], 30 / pad["height"]), self.cls.figure_extent, strict=True
        ):
            step = self.cls.param[name].step
            expected = start + 2 * extent * moved
            assert abs(self.value(name) - expected) <= step, f"{name} does not follow the hand"
            self.heard(name, self.value(name))

    def draw(self, item: Brush) -> None:
        """A stroke, and away with it."""
        pad = self.panel.locator(f"[data-brush={item.param}]")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        pad.locator("button").click()
        self.heard(item.param, "")
        self.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.25 * box["height"], steps=8)
        self.page.mouse.up()
        drawn = self.value(item.param)
        assert len(drawn) >= 4 * 5
        first = int(drawn[:2], 36) / 1295, int(drawn[2:4], 36) / 1295
        assert first == pytest.approx((0.25, 0.5), abs=0.01)
        self.heard(item.param, drawn)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", instrument_names())
def test_every_control_does_what_it_says(open_lab: Any, name: str, size: str) -> None:
    driver = Driver(open_lab(viewport=SIZES[size]), name)
    for item in [*driver.controls, *driver.cls.front_panel.pads]:
        driver.show(item)
        if isinstance(item, Slider):
            driver.slide(item.param)
        elif isinstance(item, Choice | Menu):
            for value in driver.cls.param[item.param].objects:
                driver.set(item, item.param, value)
        elif isinstance(item, Toggles):
            for param in item.params:
                driver.set(item, param, not driver.value(param))
        elif isinstance(item, Handle):
            driver.drag(item)
        elif isinstance(item, Brush):
            driver.draw(item)
    width = driver.page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size]["width"], "the page scrolls sideways"
    driver.panel.locator("[data-action=reset]").click()
    driver.lab.wait(f"{PARAMS}.query === ''")


@pytest.mark.parametrize("name", instrument_names())
def test_run_pause_step_and_reset(lab: Any, name: str) -> None:
    driver = Driver(lab, name)
    transport = next(item for item in driver.controls if isinstance(item, Transport))
    plays = f"{PARAMS}.{transport.plays}"
    driver.panel.locator("button.run").click()
    play = driver.panel.locator("[data-play]")
    lab.wait(f"{PARAMS}.playing && {plays} > 0.05")
    play.click()
    lab.wait(f"!{PARAMS}.playing")
    paused = driver.value(transport.plays)
    assert 0 < paused < 1
    driver.panel.locator("[data-action=step]").click()
    lab.wait(f"{plays} > {paused}")
    driver.panel.locator("[data-action=reset]").click()
    lab.wait(f"{PARAMS}.query === ''")


@pytest.mark.parametrize("name", instrument_names())
def test_the_data_can_be_taken_along(lab: Any, name: str, tmp_path: Path) -> None:
    driver = Driver(lab, name)
    lab.page.locator(".menu summary").click()
    with lab.page.expect_download() as download:
        lab.page.locator("[data-do=data]").click()
    assert download.value.suggested_filename == f"{name}.csv"
    download.value.save_as(tmp_path / "data.csv")
    with (tmp_path / "data.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    shown = driver.cls().table()
    assert head == list(shown)
    assert len(rows) == len(next(iter(shown.values())))
