"""The published heights of embedded instruments, which an element written by hand has before its frame has loaded."""

from __future__ import annotations

import json
import re
from typing import Any

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.discovery import instrument_names

from .course import Course, settled

FILE = ROOT / "static/js/embed/frame_heights.js"

#: Pixels by which a height may be off: less than two lines of text, which no reader takes for a jump.
OFF = 24

#: The heights of the page's own layout at the widths of the table, when its fonts are there.
MEASURED = """async (table) => {
  await document.fonts.ready;
  return table.map((width) => [width, lab.frame.layout.heightAt(width)]);
}"""


def published() -> dict[str, dict[int, int]]:
    """Instrument → width → height."""
    found = re.findall(r'^  (\w+):\s*"([\d: ]*)"', FILE.read_text("utf-8"), re.M)
    return {name: {int(w): int(h) for w, h in (pair.split(":") for pair in table.split())} for name, table in found}


def widths() -> list[int]:
    """Those of `height_table.js`."""
    source = (FILE.parent / "height_table.js").read_text("utf-8")
    return json.loads("[" + re.search(r"WIDTHS = \[([^]]*?),?\s*\]", source)[1] + "]")


def test_the_published_heights_are_true(lab: Any) -> None:
    measured = {}
    for name in instrument_names():
        lab.open(f"embed/{name}.html?start=paused&layout=full", live=False)
        lab.wait("lab.frame?.layout")
        measured[name] = dict(lab.page.evaluate(MEASURED, widths()))
    known = published()
    wrong = [
        f"{name} at {width}: {height}, not {known.get(name, {}).get(width)}"
        for name, heights in measured.items()
        for width, height in heights.items()
        if abs(height - known.get(name, {}).get(width, 0)) > OFF
    ]
    if wrong:
        lines = [
            f'  {name}:\n    "{" ".join(f"{w}:{h}" for w, h in rows.items())}",' for name, rows in measured.items()
        ]
        head = FILE.read_text("utf-8").partition("export const")[0]
        FILE.write_text(f"{head}export const FRAME_HEIGHTS = {{\n" + "\n".join(lines) + "\n};\n", "utf-8")
    assert not wrong, f"{FILE.name} was not true and has been written; build the site with it. {wrong[:3]}"


def test_an_element_written_by_hand_does_not_move_the_page(course: Course) -> None:
    code = f"""<script>const heights = [];
      new MutationObserver(() => {{ for (const frame of document.querySelectorAll("iframe")) if (!frame.watched) {{
        frame.watched = true; new ResizeObserver(() => heights.push(frame.clientHeight)).observe(frame); }} }})
        .observe(document, {{ subtree: true, childList: true }});</script>
      <script src="{course.lab}embed.js" async></script><instrument-lab name="ring"></instrument-lab><p>Below.</p>"""
    for width in (1100, 390):
        course.open("plain", code, width)
        settled(course.live())
        heights = course.page.evaluate("heights")
        assert heights[0] > 500 and max(heights) - min(heights) <= OFF, heights
