"""What does running the kernels in the browser cost against running them natively? And does a slider keep up?

*Kernels*: the ring's main computations and a few NumPy primitives, timed by the same code in this Python and in the
built site's own worker (as a cell of its page). Each time is the best of several rounds, each long enough for the
browser's coarse clock. Natively NumPy may use several threads and the CPU's widest vectors; in the browser it has one
thread and 128 bits.

*Slider*: the range input of the live ring is moved and dispatches `input`, as under a reader's hand; measured are the
times until Python's patch arrives, until it has been applied, and until a frame with the redrawn canvas has been
handed over (the first task after that frame's drawing; "next frame" is one further, an upper bound). The moves fall
at random between frames of 60 a second.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from _shared import DIST, Server, browser, finish, machine, profile, ring_page, table
from playwright.sync_api import Page, sync_playwright

BUDGET_MS = 33.0
LIVE = "() => window.lab?.python?.health === 'live'"

#: Runs here and in the browser; `timed` returns milliseconds by name.
WORKLOADS = """
import time
import numpy as np
from diffusion_lab.instruments.common import datasets, schedules
from diffusion_lab.instruments.ring import component, kernel

ROUND_S = 0.03

def best_ms(work, rounds):
    number, elapsed = 1, 0.0
    while True:
        start = time.perf_counter()
        for _ in range(number):
            work()
        elapsed = time.perf_counter() - start
        if elapsed >= ROUND_S:
            break
        number = max(2 * number, int(number * ROUND_S / max(elapsed, 1e-4)))
    best = elapsed
    for _ in range(rounds - 1):
        start = time.perf_counter()
        for _ in range(number):
            work()
        best = min(best, time.perf_counter() - start)
    return 1000 * best / number

def workloads():
    rng = np.random.default_rng(0)
    mixture = datasets.ring()
    x0, _ = kernel.draw_clean(mixture, kernel.NUM_POINTS, rng)
    eps = rng.standard_normal(x0.shape)
    many = rng.standard_normal((20_000, 2))
    signal, sigma = map(float, schedules.vp_coefficients(schedules.exponential_alpha_bar(0.3)))
    a, b = rng.standard_normal((2, 256, 256))
    a32, b32 = a.astype(np.float32), b.astype(np.float32)
    million = rng.standard_normal(1_000_000)
    def forward_and_measures():
        kernel.measures(kernel.forward(x0, eps, 0.3), mixture, 0.3)
    return {
        "ring: reverse, 600 steps of 520 points": lambda: kernel.reverse(mixture, rng=np.random.default_rng(4)),
        "ring: forward and measures, 520 points": forward_and_measures,
        "ring: score field, 19 x 19": lambda: kernel.score_field(mixture, 0.3, component.FIELD),
        "ring: density, 96 x 96": lambda: kernel.density(mixture, 0.3, component.EXTENT, component.DENSITY_SIDE),
        "score of 20000 points": lambda: mixture.score(many, signal, sigma),
        "matmul 256, float64": lambda: a @ b,
        "matmul 256, float32": lambda: a32 @ b32,
        "exp of 1e6": lambda: np.exp(million),
        "standard_normal of 1e6": lambda: rng.standard_normal(1_000_000),
        "sort of 1e6": lambda: np.sort(million),
    }

def timed(rounds):
    found = {}
    for name, work in workloads().items():
        work()
        found[name] = best_ms(work, rounds)
    return found
"""

RUN_CELL = """(code) => new Promise((resolve, reject) => {
  const { python } = window.lab;
  const run = 1e6; // no cell of the page has this number
  let printed = "";
  python.on("output", (message) => message.run === run && (printed += message.body));
  python.on("cell_done", (message) => {
    if (message.run === run) message.ok ? resolve(printed) : reject(new Error(printed));
  });
  python.send({ type: "run_cell", run, label: "benchmark", code });
})"""

#: Bokeh clears its canvas before it draws, within a frame: so `drawn` tells when the picture really changed.
MOVES = """async (slider, moves) => {
  const { python } = window.lab;
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const soon = () => new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
  });
  let drawn = () => {};
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) { drawn(); return clear.apply(this, box); };
  let arrived = () => {}, applied = () => {};
  const receive = python.worker.onmessage;
  python.worker.onmessage = (event) => {
    if (event.data.type === "patch") arrived();
    receive.call(python.worker, event);
  };
  python.on("patch", () => applied());
  const times = [];
  for (let move = -10; move < moves; move++) {
    const noted = {};
    const value = 0.05 + 0.9 * ((move * 37 + 400) % 89) / 89;
    const picture = new Promise((resolve) => {
      arrived = () => { noted.arrived ??= performance.now(); };
      applied = () => { noted.applied ??= performance.now(); drawn = () => { drawn = () => {}; resolve(); }; };
    });
    const start = performance.now();
    slider.value = String(value);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await picture;
    await soon();
    noted.painted = performance.now();
    await frame();
    noted.next = performance.now();
    if (move >= 0) times.push([noted.arrived, noted.applied, noted.painted, noted.next].map((time) => time - start));
    await pause(20 + 40 * Math.random());
  }
  return times;
}"""


def native(rounds: int) -> dict[str, float]:
    """The workloads in this Python."""
    namespace: dict[str, Any] = {}
    exec(compile(WORKLOADS, "workloads", "exec"), namespace)
    return namespace["timed"](rounds)


def in_browser(page: Page, rounds: int) -> dict[str, float]:
    """The workloads in the page's Python."""
    code = WORKLOADS + f"\nimport json\nprint(json.dumps(timed({rounds})))"
    return json.loads(page.evaluate(RUN_CELL, code))


def slider_times(page: Page, moves: int) -> dict[str, list[float]]:
    """Milliseconds from the event, for each move."""
    slider = page.locator("[data-instrument=ring] input[type=range][data-param=t]").first
    slider.scroll_into_view_if_needed()
    rows = slider.evaluate(MOVES, moves)
    names = ("patch arrived", "patch applied", "painted", "next frame")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="rounds, of which the best counts (default: 7)")
    parser.add_argument("--moves", type=int, default=100, help="moves of the slider (default: 100)")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        facts = {"rounds": str(options.runs), **machine(playwright)}
        here = native(options.runs)
        server = Server(DIST)
        with profile() as folder, browser(playwright, folder) as context:
            page = context.pages[0]
            page.goto(server.address + ring_page())
            page.wait_for_function(LIVE, timeout=120_000)
            page.wait_for_timeout(3000)
            moves = slider_times(page, options.moves)
            there = in_browser(page, options.runs)
    rows = [[name, here[name], there[name], f"{there[name] / here[name]:.1f}"] for name in here]
    print("\n" + table(["ms, best round", "native", "browser", "ratio"], rows))
    rows = [[name, quantile(values, 0.5), quantile(values, 0.95), max(values)] for name, values in moves.items()]
    print("\n" + table([f"slider, ms from event, {options.moves} moves", "p50", "p95", "most"], rows))
    p95 = quantile(moves["painted"], 0.95)
    verdict = "meets" if p95 <= BUDGET_MS else "misses"
    print(f"\nThe slider {verdict} {BUDGET_MS:.0f} ms: 95 % of moves are painted within {p95:.1f} ms.")
    finish("kernels", facts, {"native_ms": here, "browser_ms": there, "slider_ms": moves})


if __name__ == "__main__":
    main()
