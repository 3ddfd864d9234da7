"""Writes the generated parts of the README: pictures and table of the instruments, and the latest benchmark figures.

`python3 build.py readme` replaces what is between a line `<!-- generated: NAME -->` and the next `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from diffusion_lab.app.build.chapter_tree import Chapter, InstrumentSlot
from diffusion_lab.app.build.setup_steps import ROOT, SetupError
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.scenes import Points
from diffusion_lab.app.instrument.theme import TOKENS
from diffusion_lab.app.instrument.view import view_of

README = ROOT / "README.md"
IMAGES = "static/images"
HISTORY = ROOT / "tests/benchmarks/history.jsonl"
BROWSERS = ROOT / "tests/benchmarks/browsers.json"

#: Figures of the README: key in the benchmark history → (description, number format).
FIGURES: dict[str, tuple[str, str]] = {
    "live, cold, ms": ("live on a first visit", "{:.0f} ms"),
    "live / plain, cold": ("of the time of a bare Pyodide page with NumPy", "{:.2f}"),
    "sent until live, cold, MB": ("sent until live on a first visit", "{:.1f} MB"),
    "live, warm, ms": ("live on a later visit", "{:.0f} ms"),
}

#: The animated picture: number of points, number of key frames, and duration in seconds.
MOVING_POINTS, MOMENTS, SECONDS = 180, 28, 6

#: The comment in the README that names the animated instrument and its settings.
MOVING = re.compile(r"<!-- moving: (\w+) ?(.*?) -->")


def write_readme(chapters: list[Chapter]) -> None:
    """Updates the generated parts of the README and its pictures."""
    text = README.read_text("utf-8")
    for name, svg in pictures(text).items():
        (ROOT / IMAGES / name).write_text(svg, "utf-8")
    README.write_text(filled(text, parts(chapters)), "utf-8")


def parts(chapters: list[Chapter]) -> dict[str, str]:
    """Returns the generated parts by name."""
    return {"instruments": instrument_table(chapters), "figures": figure_table(), "browsers": browser_starts()}


def filled(text: str, generated: Mapping[str, str]) -> str:
    """Returns `text` with each generated part replaced; raises `SetupError` if the README lacks one."""
    for name, part in generated.items():
        pattern = re.compile(rf"(<!-- generated: {name} -->\n)((?!<!-- end -->).)*(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise SetupError(f"README.md has no part between `<!-- generated: {name} -->` and `<!-- end -->`.")
        text = pattern.sub(lambda match, part=part: f"{match[1]}{part}\n{match[3]}", text)  # type: ignore[misc]
    return text


def instrument_table(chapters: list[Chapter]) -> str:
    """Returns a table with one row per instrument: picture, question, chapter, and address for embedding."""
    rows = ["| | question | chapter | embed |", "| --- | --- | --- | --- |"]
    for name in instrument_names():
        cls = instrument_class(name)
        places = [c for c in chapters if any(slot.name == name for slot in c.of(InstrumentSlot))]
        chapter = f"{places[0].number}. {places[0].title}" if places else "–"
        picture = f'<img src="{IMAGES}/{name}.svg" width="150" alt="{cls.title}">'
        rows.append(f"| {picture} | **{cls.title}**: {cls.question} | {chapter} | `embed/{name}.html` |")
    return "\n".join(rows)


def figure_table() -> str:
    """Returns a table of the figures of the last full benchmark run."""
    last: dict[str, Any] = json.loads(HISTORY.read_text("utf-8").splitlines()[-1])
    rows = ["| | |", "| --- | --- |"]
    for key, (words, form) in FIGURES.items():
        rows.append(f"| {words} | {form.format(last['figures'][key])} |")
    return "\n".join([*rows, "", f"Measured {last['date'][:10]}, {last['machine']}, {last['browser']}."])


def browser_starts() -> str:
    """Returns one sentence: how long Python takes to start on a first visit in each browser that was measured last."""
    last: dict[str, Any] = json.loads(BROWSERS.read_text("utf-8"))
    starts = [f"{ms / 1000:.1f} s in {browser}" for browser, ms in last["live, ms"].items()]
    return f"First visit until Python is live ({last['facts']['CPU']}): {', '.join(starts)}."


def pictures(text: str) -> dict[str, str]:
    """Returns file name → SVG: each instrument's first picture, and the animated one that the README `text` names."""
    found = {}
    for name, settings in MOVING.findall(text):
        cls = instrument_class(name)
        state = dict(pair.split("=", 1) for pair in settings.split())
        found["moving.svg"] = moving_picture(cls(**cls.parse_state(state)))
    for name in instrument_names():
        view = view_of(instrument_class(name)())
        found[f"{name}.svg"] = in_light(figure_svg(next(iter(view.figures.values())).plot))
    return found


def in_light(svg: str) -> str:
    """Makes a page's SVG standalone: replaces the theme's CSS variables by colours and adds a light background."""
    svg = re.sub(r"var\(--([\w-]+)\)", lambda match: TOKENS["light"].get(match[1], "sans-serif"), svg)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr]
    ground = f'<rect width="{width}" height="{height}" fill="{TOKENS["light"]["bg"]}"/>'
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + ground, svg, count=1) + "\n"


def moving_picture(instrument: Instrument) -> str:
    """Returns an animated SVG of the instrument playing: each point of its first point layer moves along its path."""
    plays, side = str(instrument.played), 480
    low, high = instrument.param[plays].bounds
    address, scene = next(
        (f"{scene.name}.{name}", scene)
        for scene in instrument.scenes().values()
        for name, layer in scene.layers.items()
        if isinstance(layer, Points) and layer.condition.met(instrument)
    )
    moments = []
    for moment in range(MOMENTS):
        instrument.param.update(**{plays: low + (high - low) * moment / (MOMENTS - 1)})
        instrument.forget_answers()
        columns = instrument.answer().layers[address]
        across, up = (
            side * (np.asarray(columns[name]) - ends[0]) / (ends[1] - ends[0])
            for name, ends in (("x", scene.x), ("y", scene.y))
        )
        moments.append(list(zip(across, side - up, strict=True))[:MOVING_POINTS])
    palette = [TOKENS["light"][f"c{part:.0f}"] for part in np.asarray(columns["part"])[:MOVING_POINTS]]
    dots = "".join(_dot([moment[k] for moment in moments], colour) for k, colour in enumerate(palette))
    ground = f'<rect width="{side}" height="{side}" fill="{TOKENS["light"]["bg"]}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">{ground}{dots}</svg>\n'


def _dot(places: list[tuple[float, float]], colour: str) -> str:
    held = [*places, *[places[-1]] * (MOMENTS // 2)]  # pauses on the finished sample

    def animated(attribute: str, values: Iterator[float]) -> str:
        listed = ";".join(f"{value:.0f}" for value in values)
        return f'<animate attributeName="{attribute}" values="{listed}" dur="{SECONDS}s" repeatCount="indefinite"/>'

    across, up = animated("cx", (a for a, _ in held)), animated("cy", (b for _, b in held))
    a, b = places[-1]
    return f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3" fill="{colour}">{across}{up}</circle>'
