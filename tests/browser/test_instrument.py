"""The ring, live: each control does what it says, and the numbers on the panel are those of the picture."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import Ring

from .held import Held
from .lab import model

#: The ring's own page, in the state that it has in its chapter: a page without text and cells loads in half the time.
RING = "embed/ring.html?t=0.05"


def native(**settings: Any) -> np.ndarray:
    """(N, 2): the points of a ring that CPython has computed to the end."""
    ring = Ring(**settings)
    ring.answer()
    return ring.cloud[0]


#: Whether a layer of the live instrument is drawn.
VISIBLE = """(address) => Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .find(m => m.type === "GlyphRenderer" && m.name === address).visible"""

FIRST_X = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .find(m => m.type === "ColumnDataSource" && m.name === "plane.points").get_column("x")[0]"""


def test_slider_moves_the_points_by_equation_1_2(lab: Any) -> None:
    lab.open(RING)
    lab.slide("t", 0)
    lab.shows("t", "0.00")
    clean = lab.points()
    lab.slide("t", 0.5)
    lab.shows("t", "0.50")
    noised = lab.points()
    rng = np.random.default_rng(4)
    x0, component = kernel.draw_clean(Ring().data.mixture, kernel.NUM_POINTS, rng)
    eps = rng.standard_normal(x0.shape)
    np.testing.assert_allclose(clean[:, :2], x0, atol=1e-6)
    np.testing.assert_array_equal(clean[:, 2], component)
    np.testing.assert_allclose(noised[:, :2], np.exp(-1.5) * x0 + np.sqrt(1 - np.exp(-3)) * eps, atol=1e-6)
    assert lab.reading("alpha_bar") == pytest.approx(np.exp(-3), abs=5e-4)
    assert lab.reading("within") == pytest.approx(Ring(t=0.5).all_readings()["within"][0], abs=5e-4)


def test_sample_recovers_six_modes(lab: Any) -> None:
    lab.open(RING)
    lab.instrument.locator(".live-view button.run").click()
    lab.instrument.locator(".live-view [data-play][aria-pressed=true]").wait_for()
    first = lab.points()[:, :2]
    lab.instrument.locator(".live-view [data-play][aria-pressed=false]").wait_for()
    lab.shows("t", "0.00")
    last = lab.points()[:, :2]
    assert np.abs(first).max() > 2.5, "it starts from noise"
    np.testing.assert_allclose(last, native(view="reverse"), atol=1e-6)
    measures = kernel.measures(last, Ring().data.mixture, 0.0)
    assert (np.abs(measures.mode_mass - 1 / 6) < 4 * measures.mode_mass_error).all()
    assert measures.within > 0.97
    assert "60 levels × 10 steps × 520 points" in lab.instrument.locator(".live-view [data-status]").inner_text()


def test_scrub_pause_seed_and_reset(lab: Any) -> None:
    lab.open(RING)
    panel = lab.instrument.locator(".live-view")
    panel.locator("button.run").click()
    play = panel.locator("[data-play]")
    play.and_(lab.page.locator("[aria-pressed=true]")).wait_for()
    play.click()
    play.and_(lab.page.locator("[aria-pressed=false]")).wait_for()
    lab.slide("progress", 0.6)
    expected = native(view="reverse", progress=0.6)
    lab.wait(f"Math.abs(({FIRST_X})() - {expected[0, 0]}) < 1e-5")
    np.testing.assert_allclose(lab.points()[:, :2], expected, atol=1e-6)
    seed = panel.locator(".seed input")
    seed.fill("11")
    seed.press("Enter")
    other = native(view="reverse", progress=0.6, seed=11)
    lab.wait(f"Math.abs(({FIRST_X})() - {other[0, 0]}) < 1e-5")
    panel.locator("[data-action=reset]").click()
    lab.shows("t", "0.05")
    assert seed.input_value() == "4"
    assert panel.locator("input[data-param=view][value=forward]").is_checked()


def test_keyboard_alone_moves_the_slider(lab: Any) -> None:
    lab.open(RING)
    slider = lab.instrument.locator(".live-view input[type=range][data-param=t]:visible")
    slider.focus()
    slider.press("ArrowRight")
    lab.shows("t", "0.06")
    slider.press("End")
    lab.shows("t", "1.00")


def test_a_number_out_of_bounds_is_brought_back(lab: Any) -> None:
    lab.open(RING)
    value = lab.instrument.locator(".live-view .slider input.value[data-param=t]:visible")
    value.fill("7")
    value.press("Enter")
    lab.shows("t", "1.00")
    assert float(value.input_value()) == 1


def test_field_density_and_paths_can_be_shown(lab: Any) -> None:
    lab.open("embed/ring.html?view=reverse&progress=0.5")
    for name, layer in (("show_field", "field"), ("show_density", "density"), ("show_paths", "paths")):
        before = lab.page.evaluate(VISIBLE, f"plane.{layer}")
        lab.instrument.locator(f".live-view input[data-param={name}]").click()
        lab.wait(f"({VISIBLE})('plane.{layer}') === {str(not before).lower()}")


def test_preset_link_in_the_prose_sets_the_instrument(lab: Any) -> None:
    lab.open()
    lab.page.locator("a.preset[data-set*='t=0.11 show_density=true']").click()
    lab.shows("t", "0.11")
    assert lab.instrument.locator(".live-view input[data-param=show_density]").is_checked()


def test_preset_link_before_python_is_live_is_not_lost(lab: Any) -> None:
    lab.open(live=False)
    lab.page.locator("a.preset[data-set='t=0.08']").click()
    lab.wait_live()
    lab.shows("t", "0.08")


def test_description_follows_the_picture(lab: Any) -> None:
    lab.open(RING)
    figure = lab.instrument.locator(".live-view .figure")
    assert "t = 0.05" in figure.get_attribute("aria-label")
    lab.slide("t", 0.9)
    lab.instrument.locator(".live-view .figure[aria-label*='t = 0.90']").wait_for()
    lab.instrument.locator(".live-view .description", has_text="t = 0.90").wait_for(state="attached")


def test_the_description_is_on_a_picture_in_sight_in_every_view(lab: Any) -> None:
    lab.open("embed/walk.html?view=two_seeds")
    first = lab.instrument.locator(".live-view .pane").first
    labelled = lab.instrument.locator(".live-view .pane .figure[aria-label^='Prompt']")
    for view, hidden in (("From noise", False), ("Two seeds", True)):
        lab.instrument.locator(".live-view .choice label", has_text=view).click()
        expect(first).to_be_hidden() if hidden else expect(first).to_be_visible()
        expect(labelled).to_have_count(1)
        expect(labelled).to_be_visible()


def test_reduced_motion_shows_the_end_at_once(open_lab: Any) -> None:
    lab = open_lab(reduced_motion="reduce").open("embed/ring.html?view=reverse&progress=0")
    look = f"seen.push({model()}.progress); requestAnimationFrame(look);"
    lab.page.evaluate(f"() => {{ window.seen = []; (function look() {{ {look} }})(); }}")
    lab.instrument.locator(".live-view button.run").click()
    lab.wait(f"seen.includes(1) && !{model()}.playing")
    lab.shows("t", "0.00")
    assert set(lab.page.evaluate("seen")) == {0, 1}, "nothing is played"


def test_address_sets_the_state_and_the_menu_gives_it_back(lab: Any) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.open("chapters/01-forward.html?ring.t=0.4&ring.seed=9&ring.sampeler=ddim&ring.utm=1&other.t=0.9")
    assert lab.reading("t") == 0.4
    notice = lab.instrument.locator(".notice").inner_text()
    assert notice.startswith("Ring has no setting `sampeler`; it has view, t,")
    lab.slide("t", 0.7)
    lab.shows("t", "0.70")
    lab.instrument.locator(".menu summary").click()
    lab.instrument.locator("[data-do=link]").click()
    lab.instrument.locator(".menu output", has_text="Copied.").wait_for()
    link = lab.page.evaluate("navigator.clipboard.readText()")
    assert link == lab.site + "chapters/01-forward.html?ring.t=0.7&ring.seed=9#instrument-ring"


def test_reload_and_back_keep_the_state_a_link_wins_and_all_can_be_reset(lab: Any) -> None:
    lab.open()
    yours = lab.page.locator(".yours:visible")
    assert yours.count() == 0
    lab.slide("t", 0.77)
    lab.shows("t", "0.77")
    yours.get_by_text("What you have changed on this page is kept in this browser.").wait_for()
    held = Held(lab)
    lab.page.reload()
    lab.instrument.locator(".still .figure[aria-label*='t = 0.7']").wait_for()
    held.let_go()
    lab.wait_live()
    lab.shows("t", "0.77")
    assert yours.count() == 1
    lab.open("chapters/02-learning.html", live=False)
    lab.page.go_back()
    lab.wait_live()
    lab.shows("t", "0.77")
    lab.open("chapters/01-forward.html?ring.t=0.4")
    lab.shows("t", "0.40")
    came = lab.instrument.locator(".kept", has_text="This state came by link. Yours is kept.")
    came.get_by_role("button", name="Back to mine").click()
    lab.shows("t", "0.77")
    yours.get_by_role("button", name="Reset all").click()
    lab.shows("t", "0.05")
    yours.get_by_role("button", name="Undo").click()
    lab.shows("t", "0.77")
    yours.get_by_role("button", name="Reset all").click()
    lab.shows("t", "0.05")
    lab.page.reload()
    lab.wait_live()
    lab.shows("t", "0.05")


def test_embed_page_takes_its_state_from_the_query(open_lab: Any) -> None:
    lab = open_lab(viewport={"width": 700, "height": 900}).open(
        "embed/ring.html?t=0.3&seed=7&show_paths=maybe&theme=dark"
    )
    assert lab.reading("t") == 0.3
    assert lab.page.locator(".notice").inner_text() == "`show_paths` must be true or false, got 'maybe'."
    assert lab.page.evaluate("document.documentElement.dataset.theme") == "dark"
    np.testing.assert_allclose(lab.points()[:, :2], native(t=0.3, seed=7), atol=1e-6)


def test_former_names_and_what_is_no_setting_in_an_address(lab: Any) -> None:
    lab.open("embed/ring.html?mode=reverse&sampler=DDIM&utm_source=mail&v=2")
    assert (lab.value("view"), lab.value("sampler")) == ("reverse", "ddim")
    assert not lab.page.locator(".notice").is_visible()


def test_a_pinned_copy_keeps_its_settings_and_its_seed(lab: Any) -> None:
    lab.open(RING)
    documents = lab.page.evaluate("Bokeh.documents.length")
    lab.instrument.locator(".menu summary").click()
    lab.instrument.locator("[data-do=pin]").click()
    first, pinned = lab.page.locator(".pair .instrument").first, lab.page.locator(".pair .instrument").nth(1)
    pinned.locator(".live-view [data-reading=t]", has_text="0.05").wait_for()
    name = pinned.locator(".instrument-title", has_text="the same as here")
    name.wait_for()
    move(first, "t", 0.1)
    first.locator(".live-view [data-reading=t]", has_text="0.10").wait_for()
    assert pinned.locator("[data-reading=t]").inner_text() == "0.050"
    assert pinned.locator(".seed input").input_value() == first.locator(".seed input").input_value()
    move(pinned, "t", 0.6)
    pinned.locator(".live-view [data-reading=t]", has_text="0.60").wait_for()
    assert first.locator("[data-reading=t]").inner_text() == "0.100"
    pinned.locator(".instrument-title", has_text=re.compile(r"^t = 0.60 \(here 0.10\)$")).wait_for()
    pinned.locator(".menu summary").click()
    with lab.page.expect_download() as download:
        pinned.locator("[data-do=data]").click()
    assert download.value.suggested_filename == "ring-pinned.csv"
    assert "# Pinned copy: t = 0.60 (here 0.10)\n" in download.value.path().read_text("utf-8")
    pinned.locator(".unpin").click()
    assert lab.page.locator(".pair").count() == 0
    assert lab.page.evaluate("Bokeh.documents.length") == documents, "the document of the copy is gone"
    move(lab.instrument, "t", 0.2)
    lab.shows("t", "0.20")


def move(place: Any, name: str, value: float) -> None:
    """Moves a slider of one of several instruments."""
    slider = place.locator(f".live-view input[type=range][data-param={name}]:visible")
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


def test_two_instruments_on_a_page_move_apart(lab: Any) -> None:
    """A page of the lab has one instrument today: a second is put into this one before its scripts run."""
    second = lab.page.request.get(lab.site + "embed/guidance.html").text()
    figure = second[second.index("<figure") : second.index("</figure>") + len("</figure>")]

    def with_both(route: Any) -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace("</figure>", "</figure>" + figure, 1))

    lab.page.route("**/embed/ring.html", with_both)
    lab.open("embed/ring.html")
    ring, guidance = (lab.page.locator(f"#instrument-{name}") for name in ("ring", "guidance"))
    for place in (ring, guidance):
        place.locator(".live-view .front-panel[data-live]").wait_for()
    shown = guidance.locator(".live-view .figure").first.get_attribute("aria-label")
    move(ring, "t", 0.5)
    ring.locator(".live-view [data-reading=t]", has_text="0.50").wait_for()
    move(guidance, "guidance_scale", 7)
    guidance.locator(".live-view [data-reading=w]", has_text="7.0").wait_for()
    assert ring.locator(".live-view [data-reading=t]").inner_text() == "0.500"
    lab.wait(f"document.querySelector('#instrument-guidance') && {figure_label('guidance')} !== {shown!r}")
    assert lab.value("query", "ring") == "t=0.5"
    assert lab.value("query", "guidance") == "guidance_scale=7&imagen_weight=7&guidance_weight=6"


def figure_label(slot: str) -> str:
    """JavaScript for the description of an instrument's picture."""
    return f"{model(slot)}.description"


def test_the_theme_changes_while_python_computes(lab: Any) -> None:
    """Colours of both themes are in the page: nothing is asked of Python, which is kept busy meanwhile."""
    lab.page.add_init_script(OVERHEAR)
    lab.open("chapters/06-flow.html")
    palette = """Bokeh.documents.flatMap(d => [...d._all_models.values()])
      .filter(m => m.type === "LinearColorMapper").map(m => JSON.stringify(m.palette)).sort().at(0)"""
    before = lab.page.evaluate(palette)
    background = "getComputedStyle(document.body).backgroundColor"
    light = lab.page.evaluate(background)
    lab.preset("flow", {"flow": "reflow_twice"})
    lab.wait(f"{model()}.waiting")
    lab.page.evaluate("labSent.length = 0")
    lab.page.locator("button.theme").click()
    lab.wait(f"{palette} !== {before!r}")
    assert lab.value("waiting"), "Python still computes"
    assert lab.page.evaluate(background) != light
    assert set(lab.page.evaluate("labSent")) <= {"theme"}, "only the cells' Python hears of it"
    lab.wait(f"!{model()}.waiting")


#: Notes the kinds of messages to Python.
OVERHEAR = """
window.labSent = [];
window.Worker = class extends Worker {
  postMessage(message, ...rest) {
    labSent.push(message?.type);
    super.postMessage(message, ...rest);
  }
};"""
