"""What chapter 6 says of the flows is what the instrument shows: the numbers in its prose."""

from pathlib import Path

import numpy as np

from diffusion_lab.app.build.site import _chapter_paths
from diffusion_lab.instruments.common.velocity_fit import NUM_TIMES, SIDE
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import FlowMatching

TEXT = next(path for path in _chapter_paths() if path.name.startswith("06")).read_text("utf-8")


INSTRUMENT = FlowMatching()  # one for all: it keeps the flows that it has fitted


def shown(**settings):
    INSTRUMENT.reset()
    INSTRUMENT.param.update(**settings)
    return INSTRUMENT.reading_texts


def percent(share):
    return f"{100 * float(share):.0f} %"


def test_the_probe():
    panel = FlowMatching(view="probe", t=0.4, probe_x=0.2, probe_y=0.9)
    length = np.hypot(*panel.all_readings()["probe"][0])
    assert f"differ from their mean by {panel.reading_texts['probe_true']}, root mean square" in TEXT
    assert f"The mean itself has length {length:.2f}" in TEXT


def test_one_step_of_the_five_clusters():
    assert f"reads {shown(data_set='five_clusters', num_steps=1)['within']}, and four clusters" in TEXT


def test_straightness_and_diffusion():
    rectified, diffusion = (shown(flow=flow, num_steps=16) for flow in ("rectified_flow", "diffusion"))
    assert f"$S = {rectified['straightness']} \\pm {rectified['straightness_true']}$" in TEXT
    assert f"A path is {float(rectified['detour']):.2f} times as long" in TEXT
    ends = [FlowMatching(flow=flow).case.reference.end for flow in ("rectified_flow", "diffusion")]
    assert f"the two maps differ by {kernel.end_error(*ends):.4f}, root mean square" in TEXT
    errors = float(diffusion["end_error"]), float(rectified["end_error"])
    assert f"the ends are off by {errors[0]:.2f}, against {errors[1]:.3f}" in TEXT
    assert f"its roads are shorter, {float(diffusion['detour']):.2f} times" in TEXT


def test_reflow():
    first = shown()
    assert f"falls from {float(first['cost_true']):.2f} for random pairs to {first['cost']}" in TEXT
    once, ended, twice = (
        shown(flow=flow, num_steps=n) for flow, n in (("reflow_once", 1), ("reflow_once", 64), ("reflow_twice", 64))
    )
    assert f"$S$ is {float(once['straightness']):.4f}, and a single Euler step puts {percent(once['within'])}" in TEXT
    finished = f"has {percent(ended['within'])} there instead of {percent(ended['within_true'])}"
    assert finished in TEXT
    assert f"| a second reflow` {percent(twice['within'])}." in TEXT


def test_minibatch_transport():
    s = [float(shown(flow="minibatch_transport", batch_size=batch)["straightness"]) for batch in ("4", "16", "64")]
    assert f"$S$ drops to {s[0]:.2f}, {s[1]:.2f} and {s[2]:.3f}." in TEXT


def test_the_fit_is_described_as_it_is():
    about = Path(kernel.__file__).with_name("about.md").read_text("utf-8")
    assert f"{kernel.NUM_PAIRS:,} pairs" in TEXT
    assert f"{kernel.NUM_PAIRS:,} pairs, tabulated on {SIDE} × {SIDE} places and {NUM_TIMES + 1} times" in about
