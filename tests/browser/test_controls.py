"""One visit to every instrument's own page: taken over from the still picture, all controls, at a desk and on a phone.

The tests of an instrument share one page, which begins as a first visit: no snapshot, and Python held back until the
still picture has been tried. Each test resets the instrument first.
"""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import param
import pytest
from playwright.sync_api import Locator, expect

from diffusion_lab.app.instrument.conditions import Condition, as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.panel import Brush, Ellipses, Handle, Tap

from ..examples import examples
from .held import Held
from .lab import DESK, PHONE, model
from .watched import Watched

SIZES = {"desk": DESK, "phone": PHONE}


class Visit:
    """A reader's hands on one instrument's page."""

    def __init__(self, lab: Any, name: str) -> None:
        self.lab, self.page, self.name, self.cls = lab, lab.page, name, instrument_class(name)
        self.panel = lab.instrument.locator(".live-view .front-panel")
        self.held: Held | None = Held(lab)
        lab.open(f"embed/{name}.html", live=False)

    def go_live(self) -> None:
        """Lets Python start, and waits for it, unless it is live."""
        if self.held:
            self.held.let_go()
            self.held = None
        self.lab.wait_live()

    def reset(self) -> None:
        """The Reset button: all settings are at their defaults."""
        self.panel.locator("[data-action=reset]").click()
        self.lab.wait(f"{model()}.query === ''")

    def param(self, name: str) -> Any:
        return self.cls.param[name]

    def heard(self, name: str, value: Any) -> None:
        """Waits until Python says that setting `name` is at `value`: it tells those that differ from their defaults."""
        told = f"new URLSearchParams({model()}.query).get({name!r})"
        if value == self.param(name).default:
            self.lab.wait(f"{told} === null")
        elif isinstance(value, str | bool):
            self.lab.wait(f"{told} === {as_text(value)!r}")
        else:
            self.lab.wait(f"{told} !== null && Math.abs({told} - {value}) < 1e-6")

    def show(self, condition: Any) -> None:
        """Brings about what something waits for."""
        for name, values in condition.allowed:
            if as_text(self.lab.value(name)) not in values:
                self.show(self.param(name).control.when)
                self.choose(name, {"true": True, "false": False}.get(values[0], values[0]))

    def unfold(self) -> None:
        """On a small screen all settings but the main ones are folded."""
        more = self.panel.locator(".more[aria-expanded=false]:visible")
        if more.count():
            more.click()

    def choose(self, name: str, value: Any) -> None:
        """Chooses `value` on a row of options, a menu or a switch."""
        kind = self.param(name).control.kind
        if kind == "menu":
            self.panel.locator(f"select[data-param={name}]").select_option(value)
        elif kind == "row":
            self.option(name, value).click()
        else:
            self.panel.locator(f"label:has(> input[data-param={name}])").click()
        self.heard(name, value)

    def option(self, name: str, value: Any) -> Locator:
        """An option of a row."""
        return self.panel.locator(f"label:has(> input[data-param={name}][value='{value}'])")

    def slide(self, name: str) -> None:
        """A key on the slider, then a number typed beside it."""
        slider = self.panel.locator(f"input[type=range][data-param={name}]:visible")
        low, high = self.param(name).bounds
        slider.press("ArrowLeft" if self.lab.value(name) == high else "ArrowRight")
        self.heard(name, float(slider.input_value()))
        middle = low + 0.6 * (high - low)
        self.enter(name, round(middle) if isinstance(self.param(name), param.Integer) else round(middle, 1))

    def enter(self, name: str, value: Any) -> None:
        """Types a value."""
        entry = self.panel.locator(f"input:not([type=range])[data-param={name}]:visible").first
        entry.fill(str(value))
        entry.press("Enter")
        self.heard(name, value)

    def drag(self, pad: Handle) -> None:
        """The point of the picture, by hand."""
        knob = self.panel.locator(f"[data-handle][data-x={pad.x}] button")
        knob.scroll_into_view_if_needed()
        box = knob.bounding_box()
        before = self.lab.value(pad.x), self.lab.value(pad.y)
        across, up = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(across, up)
        self.page.mouse.down()
        self.page.mouse.move(across + 40, up - 30, steps=5)
        self.page.mouse.up()
        area = self.panel.locator(f"[data-handle][data-x={pad.x}]").bounding_box()
        picture = next(scene for scene in self.cls.scenes().values() if scene.place == "picture")
        extents = picture.x[1] - picture.x[0], picture.y[1] - picture.y[0]
        moves = 40 / area["width"], 30 / area["height"]
        for name, start, moved, extent in zip((pad.x, pad.y), before, moves, extents, strict=True):
            assert abs(self.lab.value(name) - start - extent * moved) <= self.param(name).step, f"{name} lags the hand"
            self.heard(name, self.lab.value(name))

    def draw(self, pad: Brush) -> None:
        """A stroke, and away with it."""
        area = self.panel.locator(f"[data-brush={pad.setting}]")
        area.get_by_role("button", name="Clear").click()
        self.heard(pad.setting, "")
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        self.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.25 * box["height"], steps=8)
        self.page.mouse.up()
        drawn = self.lab.value(pad.setting)
        assert len(drawn) >= 4 * 5
        first = int(drawn[:2], 36) / 1295, int(drawn[2:4], 36) / 1295
        assert first == pytest.approx((0.25, 0.5), abs=0.01)
        self.heard(pad.setting, drawn)
        if not pad.own_points:
            return
        self.bring(pad, area)
        area.get_by_role("button", name="Undo").click()
        area.get_by_role("button", name="Undo").click()
        self.heard(pad.setting, drawn)

    def bring(self, pad: Brush, area: Locator) -> None:
        """Points as a text, wrong and right, and those of an image that is dark on the left."""
        area.get_by_role("button", name="Your own points…").click()
        entry, said = area.get_by_role("textbox"), area.get_by_role("alert")
        for text, words in (("1,2\n3,x", "Line 2: “x” is not a number."), ("-1.6,0\n1.6,3.2", "2 points are used.")):
            entry.fill(text)
            area.get_by_role("button", name="Use these points").click()
            expect(said).to_have_text(words)
        self.heard(pad.setting, "90i0qzzz")
        dark = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><rect width="30" height="90"/></svg>'
        image = self.page.evaluate(
            """async (source) => {
                const picture = new Image();
                picture.src = "data:image/svg+xml," + encodeURIComponent(source);
                await picture.decode();
                const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 90 });
                canvas.getContext("2d").drawImage(picture, 0, 0);
                return canvas.toDataURL("image/png").split(",")[1];
            }""",
            dark,
        )
        area.locator("input[type=file]").set_input_files(
            {"name": "dark.png", "mimeType": "image/png", "buffer": base64.b64decode(image)}
        )
        expect(said).to_have_text(f"{pad.max_points} points are used, scaled to fit the picture.")
        area.get_by_role("button", name="Close").click()
        expect(area.locator(".bring")).to_have_count(0)

    def shape(self, pad: Ellipses) -> None:
        """A Gaussian is added, moved by the hand, turned by a key and deleted, and the last of it taken back."""
        area = self.panel.locator(f"[data-ellipses={pad.setting}]")
        area.scroll_into_view_if_needed()
        area.get_by_role("button", name="Add").click()
        first = self.lab.value(pad.setting)
        assert len(first) == len(pad.start) + 12
        knob = area.locator("[data-part=centre][data-chosen]")
        box = knob.bounding_box()
        across, up = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(across, up)
        self.page.mouse.down()
        self.page.mouse.move(across + 30, up - 40, steps=5)
        self.page.mouse.up()
        moved, side = self.lab.value(pad.setting), area.bounding_box()["width"]
        for place, by in ((-12, 30), (-10, 40)):
            before, now = (int(text[place : place + 2 or None], 36) for text in (first, moved))
            assert now - before == pytest.approx(1295 * by / side, abs=1295 * 2 / side), "it lags the hand"
        area.locator("[data-part=along]").press("ArrowLeft")
        turned = self.lab.value(pad.setting)
        assert turned[:-4] + turned[-2:] == moved[:-4] + moved[-2:] and turned != moved
        self.heard(pad.setting, turned)
        area.get_by_role("button", name="Delete", exact=True).click()
        self.heard(pad.setting, turned[:-12])
        area.get_by_role("button", name="Undo").click()
        self.heard(pad.setting, turned)

    def reach(self, name: str) -> None:
        """Every input of a setting is where a click meets it."""
        self.show(self.param(name).control.when)
        inputs = self.panel.locator(f"[data-param={name}]:visible, label:has(> input[data-param={name}])")
        assert inputs.count(), name
        for place in inputs.all():
            place.click(trial=True)

    def use(self, name: str) -> None:
        """Does with the control of a setting what can be done with it."""
        control = self.param(name).control
        self.show(control.when)
        if control.kind == "slider":
            self.slide(name)
        elif control.kind in ("row", "menu"):
            for value in self.param(name).objects:
                self.choose(name, value)
        elif control.kind == "switch":
            self.choose(name, not self.lab.value(name))
        elif control.kind == "text":
            self.enter(name, examples(self.name).texts[name])
        else:
            assert control.kind == "seed"
            self.enter(name, 11)


@pytest.fixture(scope="module", params=instrument_names())
def first_visit(request: Any, new_profile: Any, site: str) -> Iterator[Visit]:
    """The page of an instrument, with a profile of its own, before Python is live."""
    watched = Watched()
    context = new_profile()
    yield Visit(watched.lab(context.new_page(), site, context, context.close), request.param)
    watched.end()


@pytest.fixture
def visit(first_visit: Visit) -> Visit:
    """The same with Python live, and all settings at their defaults."""
    first_visit.go_live()
    first_visit.page.set_viewport_size(DESK)
    first_visit.reset()
    return first_visit


def test_the_main_slider_moves_the_still_picture_and_python_takes_over(first_visit: Visit) -> None:
    page, cls = first_visit.page, first_visit.cls
    name = cls.panel.frames
    low, high = cls.param[name].bounds
    still = page.locator(".still .front-panel")
    figure = still.locator(".figure").first
    # On an embed page the scripts may come after the page's load event.
    slider = still.locator(f".slider[data-ready] input[type=range][data-param={name}]:visible")

    def put(value: float) -> None:
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)

    before = figure.inner_html()
    put(high)
    expected = cls(**{name: high}).answer()
    still.locator(f'.figure[aria-label="{expected.description}"]').wait_for()
    after = figure.inner_html()
    for key, text in expected.texts.items():
        if isinstance(text, str) and key not in cls.panel.durations:
            shown = still.locator(f"[data-reading={key}]").all_text_contents()
            assert set(shown) <= {text}, key
    put(low)
    first_visit.lab.wait(
        f"document.querySelector('.still .figure')?.getAttribute('aria-label') !== {expected.description!r}"
    )
    assert len({before, after, figure.inner_html()}) >= 2
    first_visit.go_live()
    live = first_visit.panel.locator(f"input[type=range][data-param={name}]:visible")
    assert float(live.input_value()) == low
    first_visit.heard(name, low)


@pytest.mark.parametrize("size", SIZES)
def test_every_control_does_what_it_says(visit: Visit, size: str) -> None:
    """All that they do is tried at a desk; on a phone, that each is within reach, and one of each kind is heard."""
    visit.page.set_viewport_size(SIZES[size])
    heard: set[str] = set()
    for name in visit.cls.settings():
        control = visit.param(name).control
        if control.kind == "none":  # set on the picture
            continue
        if size == "desk" or control.kind not in heard:
            visit.reset()  # what one setting can be may depend on another
            visit.unfold()
            visit.use(name)
            heard.add(control.kind)
        else:
            visit.reach(name)
    for pad in visit.cls.panel.pads:
        if isinstance(pad, Tap):
            continue  # see test_words_given.py
        visit.show(Condition.of(pad.when))
        {Handle: visit.drag, Brush: visit.draw, Ellipses: visit.shape}[type(pad)](pad)
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size]["width"], "the page scrolls sideways"
    visit.reset()


def test_run_pause_step_and_reset(visit: Visit) -> None:
    played = visit.cls()
    played.run()
    plays = str(played.played)
    low, high = visit.param(plays).bounds
    position, playing = f"{model()}.{plays}", f"{model()}.playing"
    visit.panel.locator("button.run").click()
    visit.lab.wait(f"{playing} && {position} > {low + 0.05 * (high - low)}")
    visit.panel.locator("[data-play]").click()
    visit.lab.wait(f"!{playing}")
    paused = visit.lab.value(plays)
    assert low < paused < high
    visit.panel.locator("[data-action=step]").click()
    visit.lab.wait(f"{position} > {paused}")
    visit.reset()


def test_the_data_can_be_downloaded(visit: Visit, tmp_path: Path) -> None:
    visit.page.locator(".menu summary").click()
    with visit.page.expect_download() as download:
        visit.page.locator("[data-do=data]").click()
    visit.page.keyboard.press("Escape")
    assert download.value.suggested_filename == f"{visit.name}.csv"
    download.value.save_as(tmp_path / "data.csv")
    with (tmp_path / "data.csv").open(newline="") as file:
        head, *rows = csv.reader(line for line in file if not line.startswith("#"))
    shown = visit.cls().table()
    assert head == list(shown)
    assert len(rows) == len(next(iter(shown.values())))


def test_a_first_visit_needs_nothing_that_belongs_to_cells(visit: Visit) -> None:
    """Whatever was done above: what an instrument imports is in the packs of its page, and its models are drawn."""
    assert not [url for url in visit.lab.requests if "chunk-bokeh_all" in url]
    packs = {url.rpartition("/")[2].partition(".")[0] for url in visit.lab.requests if url.endswith(".bin")}
    weights = {name for name in packs if name.endswith("-weights")}  # of what was chosen above
    assert packs - weights == {"start", "core", "lab", visit.name}
