"""Long work in slices: meanwhile the page answers, shows the last picture pale, and says how far the work is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.instruments.flow.component import FlowMatching

from ..examples import examples
from .lab import model, query_after

#: The longest that a reader may wait for an answer to a moved slider, in ms; slices are of 8 ms on a quiet machine.
PATIENCE = 300

#: Moves a slider and waits until the read-out beside it follows; ms that this took.
FOLLOWED = """([slider, readout, value, text]) => new Promise((resolve) => {
  const began = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
  const look = () => (readout.textContent === text ? resolve(performance.now() - began) : requestAnimationFrame(look));
  look();
})"""

#: Notes for how long each change has kept Python.
OVERHEAR = """
window.labKept = [];
window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      if (data.type === "idle" && data.ms !== undefined) labKept.push(data.ms);
    });
  }
}"""


@pytest.mark.alone
def test_a_slider_moves_while_a_flow_is_fitted(lab: Any) -> None:
    lab.open("embed/flow.html")
    panel = lab.instrument.locator(".live-view .front-panel")
    slider = panel.locator("input[type=range][data-param=t]").element_handle()
    readout = panel.locator("[data-reading=t]").element_handle()
    status, pale = panel.locator("[data-status]"), panel.locator("[data-scene=plane][data-pale]")
    panel.locator("select[data-param=flow]").select_option("reflow_twice")
    lab.wait(f"{model()}.waiting")
    expect(pale).to_have_count(1)
    expect(status).to_have_text(re.compile(r"[\d,]+ of [\d,]+ steps"))
    times = [lab.page.evaluate(FOLLOWED, [slider, readout, t, f"{t:.2f}"]) for t in (0.2, 0.4, 0.6)]
    assert lab.value("waiting"), "the fit goes on"
    assert sorted(times)[1] < PATIENCE, times  # the median: others may be using this machine
    lab.wait(f"!{model()}.waiting")
    expect(pale).to_have_count(0)
    expect(status).not_to_have_text(re.compile(r" of [\d,]+ steps"))
    native = FlowMatching(flow="reflow_twice", t=0.6)
    np.testing.assert_allclose(lab.points()[:, :2], native.shown[0], atol=1e-4)
    for key, text in native.answer().texts.items():
        if key != "probe" and isinstance(text, str):
            assert panel.locator(f"[data-reading={key}]").first.text_content() == text


def test_work_that_nobody_wants_any_more_is_given_up(lab: Any) -> None:
    lab.open("embed/flow.html")
    flow = lab.instrument.locator(".live-view select[data-param=flow]")
    flow.select_option("reflow_twice")
    lab.wait(f"{model()}.waiting")
    flow.select_option("rectified_flow")
    lab.wait(f"!{model()}.waiting")
    np.testing.assert_allclose(lab.points()[:, :2], FlowMatching().shown[0], atol=1e-6)


def slow_drags(name: str) -> list[Any]:
    return [drag for drag in examples(name).drags if drag.slow]


@pytest.mark.alone
@pytest.mark.parametrize("name", [name for name in instrument_names() if slow_drags(name)])
def test_no_slow_setting_keeps_python(lab: Any, name: str) -> None:
    """Each setting that brings about long work, moved from end to end: Python answers each change soon."""
    cls = instrument_class(name)
    lab.page.add_init_script(OVERHEAR)
    lab.open(f"embed/{name}.html")
    for drag in slow_drags(name):
        values = {setting: as_text(value) for setting, value in drag.state.items()}
        lab.instrument.locator(".live-view [data-action=reset]").click()
        lab.wait(f"{model()}.query === ''")
        lab.preset(name, values)
        lab.wait(f"{model()}.query === {query_after(cls, values)!r} && !{model()}.waiting")
        lab.page.evaluate("labKept.length = 0")
        low, high = cls.param[drag.setting].bounds
        slider = lab.instrument.locator(f".live-view input[type=range][data-param={drag.setting}]")
        ends = (low, high) if lab.value(drag.setting) == high else (high, low)
        for count, value in enumerate(ends, 1):
            slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)
            lab.wait(f"labKept.length === {count}")
        assert max(lab.page.evaluate("labKept")) < PATIENCE, drag.name
