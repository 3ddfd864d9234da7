"""The ring, live: each control does what it says, and the numbers on the panel are those of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.ring import kernel

RING = datasets.ring()


def frames(seed: int) -> list[Any]:
    """The 241 states that are kept of the run from a seed."""
    states = list(kernel.sample(RING, rng=np.random.default_rng(seed)))
    return [states[k * (len(states) - 1) // 240] for k in range(241)]


def test_slider_moves_the_points_by_equation_1_2(lab: Any) -> None:
    lab.open()
    lab.slide("t", 0)
    lab.wait("document.querySelector('.live-view') && Bokeh.documents.length")
    lab.page.locator(".live-view [data-reading=t]", has_text="0.00").wait_for()
    clean = lab.points()
    lab.slide("t", 0.5)
    lab.page.locator(".live-view [data-reading=t]", has_text="0.50").wait_for()
    noised = lab.points()
    rng = np.random.default_rng(4)
    x0, component = kernel.draw_clean(RING, kernel.NUM_POINTS, rng)
    eps = rng.standard_normal(x0.shape)
    np.testing.assert_allclose(clean[:, :2], x0, atol=1e-6)
    np.testing.assert_array_equal(clean[:, 2], component)
    np.testing.assert_allclose(noised[:, :2], np.exp(-1.5) * x0 + np.sqrt(1 - np.exp(-3)) * eps, atol=1e-6)
    assert lab.reading("alpha_bar") == pytest.approx(np.exp(-3), abs=5e-4)
    assert lab.reading("within") == pytest.approx(kernel.measures(noised[:, :2], RING, 0.5).within, abs=5e-4)


def test_sample_recovers_six_modes(lab: Any) -> None:
    lab.open()
    lab.page.locator(".live-view button.run").click()
    lab.page.locator(".live-view [data-play][aria-pressed=true]").wait_for()
    first = lab.points()[:, :2]
    lab.page.locator(".live-view [data-play][aria-pressed=false]").wait_for(timeout=30_000)
    lab.page.locator(".live-view [data-reading=t]", has_text="0.00").wait_for()
    last = lab.points()
    native = frames(4)
    assert np.abs(first).max() > 2.5, "it starts from noise"
    np.testing.assert_allclose(last[:, :2], native[-1].x, atol=1e-6)
    measures = kernel.measures(last[:, :2], RING, 0.0)
    assert (np.abs(measures.mode_mass - 1 / 6) < 4 * measures.mode_mass_error).all()
    assert measures.within > 0.97
    assert "levels × 10 steps × 520 points" in lab.page.locator(".live-view [data-status]").inner_text()


def test_scrub_pause_seed_and_reset(lab: Any) -> None:
    lab.open()
    panel = lab.page.locator(".live-view")
    panel.locator("button.run").click()
    play = panel.locator("[data-play]")
    play.and_(lab.page.locator("[aria-pressed=true]")).wait_for()
    play.click()
    play.and_(lab.page.locator("[aria-pressed=false]")).wait_for()
    lab.slide("progress", 0.6)
    lab.wait("true")
    native = frames(4)[round(0.6 * 240)]
    panel.locator("[data-reading=t]", has_text=f"{kernel.SCHEDULE.t(native.level.alpha_bar):.2f}").wait_for()
    np.testing.assert_allclose(lab.points()[:, :2], native.x, atol=1e-6)
    seed = panel.locator(".seed input")
    seed.fill("11")
    seed.press("Enter")
    other = frames(11)[round(0.6 * 240)]
    lab.wait(f"({SOURCE_X0})() .toFixed(4) === {other.x[0, 0]:.4f}.toFixed(4)")
    panel.locator("[data-action=reset]").click()
    panel.locator("[data-reading=t]", has_text="0.05").wait_for()
    assert seed.input_value() == "4"
    assert panel.locator("input[data-param=mode][value=forward]").is_checked()


SOURCE_X0 = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .find(m => m.type === "ColumnDataSource" && m.get_column("cluster")).get_column("x")[0]"""


def test_keyboard_alone_moves_the_slider(lab: Any) -> None:
    lab.open()
    slider = lab.page.locator(".live-view input[type=range][data-param=t]:visible")
    slider.focus()
    slider.press("ArrowRight")
    lab.page.locator(".live-view [data-reading=t]", has_text="0.06").wait_for()
    slider.press("End")
    lab.page.locator(".live-view [data-reading=t]", has_text="1.00").wait_for()


def test_a_number_out_of_bounds_is_brought_back(lab: Any) -> None:
    lab.open()
    value = lab.page.locator(".live-view .slider input.value[data-param=t]:visible")
    value.fill("7")
    value.press("Enter")
    lab.page.locator(".live-view [data-reading=t]", has_text="1.00").wait_for()
    assert float(value.input_value()) == 1


def test_field_density_and_paths_can_be_shown(lab: Any) -> None:
    lab.open()
    panel = lab.page.locator(".live-view")
    panel.locator("button.run").click()
    panel.locator("[data-play][aria-pressed=false]").wait_for(timeout=30_000)
    visible = """kind => Bokeh.documents.flatMap(d => [...d._all_models.values()])
      .some(m => m.type === "GlyphRenderer" && m.glyph.type === kind && m.visible)"""
    for name, glyph in (("show_field", "Segment"), ("show_density", "Image"), ("show_paths", "MultiLine")):
        before = lab.page.evaluate(visible, glyph)
        panel.locator(f"input[data-param={name}]").click()
        lab.wait(f"({visible})('{glyph}') === {str(not before).lower()}")


def test_preset_link_in_the_prose_sets_the_instrument(lab: Any) -> None:
    lab.open()
    lab.page.locator("a.preset[data-set*='t=0.11 show_density=true']").click()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.11").wait_for()
    assert lab.page.locator(".live-view input[data-param=show_density]").is_checked()


def test_preset_link_before_python_is_live_is_not_lost(lab: Any) -> None:
    lab.open(live=False)
    lab.page.locator("a.preset[data-set='mode=forward t=0.08']").click()
    lab.wait_live()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.08").wait_for()


def test_theme_switch_recolours_the_figure(lab: Any) -> None:
    lab.open()
    palette = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()])
      .filter(m => m.type === "LinearColorMapper").map(m => JSON.stringify(m.palette)).sort().at(0)"""
    before = lab.page.evaluate(palette)
    background = "getComputedStyle(document.body).backgroundColor"
    light = lab.page.evaluate(background)
    lab.page.locator("button.theme").click()
    lab.wait(f"({palette})() !== {before!r}")
    assert lab.page.evaluate(background) != light


def test_description_follows_the_picture(lab: Any) -> None:
    lab.open()
    figure = lab.page.locator(".live-view .figure")
    assert "t = 0.05" in figure.get_attribute("aria-label")
    lab.slide("t", 0.9)
    lab.page.locator(".live-view .figure[aria-label*='t = 0.90']").wait_for()
    lab.page.locator(".live-view .description", has_text="t = 0.90").wait_for(state="attached")


def test_reduced_motion_shows_the_end_at_once(open_lab: Any) -> None:
    lab = open_lab(reduced_motion="reduce").open()
    lab.page.locator(".live-view button.run").click()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.00").wait_for(timeout=4_000)


def test_address_sets_the_state_and_the_menu_gives_it_back(open_lab: Any) -> None:
    lab = open_lab(permissions=["clipboard-read", "clipboard-write"])
    lab.open("chapters/01-forward.html?ring.t=0.4&ring.seed=9&ring.t2=1&other.t=0.9")
    assert lab.reading("t") == 0.4
    notice = lab.page.locator(".instrument .notice").inner_text()
    assert notice.startswith("Ring has no parameter `t2`; it has mode, t,")
    lab.slide("t", 0.7)
    lab.page.locator(".live-view [data-reading=t]", has_text="0.70").wait_for()
    lab.page.locator(".instrument .menu summary").click()
    lab.page.locator(".instrument [data-do=link]").click()
    lab.page.locator(".instrument .menu output", has_text="Copied.").wait_for()
    link = lab.page.evaluate("navigator.clipboard.readText()")
    assert link == lab.site + "chapters/01-forward.html?ring.t=0.7&ring.seed=9#instrument-ring"
    lab.page.locator("[data-do=embed]").click()
    lab.wait("navigator.clipboard.readText().then(text => text.startsWith('<iframe'))")
    code = lab.page.evaluate("navigator.clipboard.readText()")
    assert f'src="{lab.site}embed/ring.html?t=0.7&amp;seed=9"' in code


def test_embed_page_takes_its_state_from_the_query(open_lab: Any) -> None:
    lab = open_lab(viewport={"width": 700, "height": 900}).open(
        "embed/ring.html?t=0.3&seed=7&show_paths=maybe&theme=dark"
    )
    assert lab.reading("t") == 0.3
    assert lab.page.locator(".notice").inner_text() == "`show_paths` must be true or false, got 'maybe'."
    assert lab.page.evaluate("document.documentElement.dataset.theme") == "dark"
    rng = np.random.default_rng(7)
    x0, _ = kernel.draw_clean(RING, kernel.NUM_POINTS, rng)
    np.testing.assert_allclose(lab.points()[:, :2], kernel.forward(x0, rng.standard_normal(x0.shape), 0.3), atol=1e-6)


def test_a_picture_that_stays_in_sight_covers_nothing(lab: Any) -> None:
    lab.open()
    panel = lab.page.locator(".instrument")
    panel.evaluate("(panel) => scrollTo(0, panel.getBoundingClientRect().top + scrollY + 300)")
    box = {part: lab.page.locator(f".live-view .{part}").bounding_box() for part in ("in-sight", "status")}
    assert box["in-sight"]["y"] + box["in-sight"]["height"] <= box["status"]["y"] + 0.5


def test_two_settings_stand_side_by_side_under_one_seed(lab: Any) -> None:
    lab.open()
    lab.page.locator(".instrument .menu summary").click()
    lab.page.locator(".instrument [data-do=pin]").click()
    pinned = lab.page.locator(".pair .instrument").nth(1)
    pinned.locator(".live-view [data-reading=t]", has_text="0.05").wait_for(timeout=30_000)
    first = lab.page.locator(".pair .instrument").first
    slider = first.locator(".live-view input[type=range][data-param=t]:visible")
    slider.evaluate("e => { e.value = 0.1; e.dispatchEvent(new Event('input')); }")
    first.locator(".live-view [data-reading=t]", has_text="0.10").wait_for()
    assert pinned.locator("[data-reading=t]").inner_text() == "0.05"
    assert pinned.locator(".seed input").input_value() == first.locator(".seed input").input_value()
    pinned.locator(".unpin").click()
    assert lab.page.locator(".instrument").count() == 1
