"""The published heights of embed pages, which a frame has before it has loaded: of instruments, cells and questions."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.discovery import instrument_names

from .course import FRAMES, Course, settled
from .lab import FONTS

SCRIPTS = ROOT / "static/js/embed"
FILE, PARTS = SCRIPTS / "frame_heights.js", SCRIPTS / "part_heights.js"

#: Pixels by which a height may be off: less than a line of text.
OFF = 8

#: As long as the longest status of an instrument, with what a long work says of itself.
STATUS = (
    "171 of 200 training steps · a pass of unmasking computes all 15 words · 3.8 ms a pass · exact posteriors, float64"
    " · chart: 8 × 16 texts, 816 passes"
)

#: In the host: all heights that its frames have had.
WATCH = """<script>const heights = [];
  new MutationObserver(() => { for (const frame of document.querySelectorAll("iframe")) if (!frame.watched) {
    frame.watched = true; new ResizeObserver(() => heights.push(frame.clientHeight)).observe(frame); } })
    .observe(document, { subtree: true, childList: true });</script>"""

#: The heights of the page's own layout at the widths of the table, when its fonts are there.
MEASURED = f"""async (table) => {{
  await ({FONTS})();
  return table.map((width) => [width, lab.frame.layout.heightAt(width)]);
}}"""


#: The heights at the widths of the table of a page without a front panel, in a frame, whose width its styles follow:
#: with the editor, and with the code that it has replaced.
MEASURED_PART = f"""async ([path, table]) => {{
  const frame = document.createElement("iframe");
  frame.style.height = "4000px"; // the editor only estimates the height of lines that are far from the window
  const loaded = new Promise((resolve) => (frame.onload = resolve));
  frame.src = path;
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  await ({FONTS})(page);
  const written = new DOMParser().parseFromString(await (await fetch(path)).text(), "text/html");
  const content = page.querySelector("main.embed");
  const measure = () => table.map((width) => {{
    frame.style.width = `${{width}}px`;
    return [width, Math.ceil(content.getBoundingClientRect().height)];
  }});
  const shown = ".embed > .cell .editor";
  const editor = () => page.querySelector(`${{shown}} .cm-editor`);
  const drawn = () => editor() && !editor().querySelector(".cm-gap") && !editor().parentElement.style.minHeight;
  const nextFrame = () => new Promise((next) => frame.contentWindow.requestAnimationFrame(next));
  while (page.querySelector(shown) && !drawn()) await nextFrame();
  const heights = measure();
  page.querySelector(shown)?.replaceChildren(page.importNode(written.querySelector(`${{shown}} > pre`), true));
  const before = measure();
  frame.remove();
  return [heights, before];
}}"""

#: How a table is shortened; by how much it may then be off.
SHORTEN = (
    f"import {{ shortened }} from '{(SCRIPTS / 'height_table.js').as_uri()}';"
    + """
import { readFileSync } from "node:fs";
const tables = Object.entries(JSON.parse(readFileSync(0, "utf8")));
process.stdout.write(JSON.stringify(Object.fromEntries(tables.map(([name, table]) => [name, shortened(table, 8)]))));"""
)


def published(file: Path) -> dict[str, dict[int, int]]:
    """Name of a page → width → height."""
    found = re.findall(r'^  "?([\w/-]+)"?:\s*"([\d: ]*)"', file.read_text("utf-8"), re.M)
    return {name: {int(w): int(h) for w, h in (pair.split(":") for pair in table.split())} for name, table in found}


def widths() -> list[int]:
    """Those of `height_table.js`."""
    source = (SCRIPTS / "height_table.js").read_text("utf-8")
    return json.loads("[" + re.search(r"WIDTHS = \[([^]]*?),?\s*\]", source)[1] + "]")


def wrong(known: dict[str, dict[int, int]], measured: dict[str, dict[int, int]]) -> list[str]:
    """The heights that are no longer true, and pages that are not there."""
    found = [f"there is no {name}" for name in known.keys() - measured.keys()]
    for name, heights in measured.items():
        for width, height in heights.items():
            table = known.get(name) or {0: 0}
            said = table[min(table, key=lambda each: abs(each - width))]
            if abs(height - said) > OFF:
                found.append(f"{name} at {width}: {height}, not {said}")
    return found


def write(file: Path, constant: str, tables: dict[str, str]) -> None:
    """Writes the tables into a script."""
    head = file.read_text("utf-8").partition("export const")[0]
    lines = [f'  {name if name.isidentifier() else json.dumps(name)}:\n    "{text}",' for name, text in tables.items()]
    file.write_text(f"{head}export const {constant} = {{\n" + "\n".join(lines) + "\n};\n", "utf-8")


def test_the_published_heights_are_true(lab: Any) -> None:
    measured = {}
    for name in instrument_names():
        lab.open(f"embed/{name}.html?start=paused&layout=full", live=False)
        lab.wait("window.lab?.frame?.layout")
        measured[name] = dict(lab.page.evaluate(MEASURED, widths()))
    problems = wrong(published(FILE), measured)
    if problems:
        texts = {name: " ".join(f"{w}:{h}" for w, h in rows.items()) for name, rows in measured.items()}
        write(FILE, "FRAME_HEIGHTS", texts)
    assert not problems, f"{FILE.name} was not true and has been written; build the site with it. {problems[:3]}"


def test_the_longest_status_has_room(lab: Any) -> None:
    lab.open("embed/distill.html?start=paused&layout=full", live=False)
    lab.wait("window.lab?.frame?.layout")
    measured = []
    for words in ("Ready", STATUS):
        lab.page.evaluate("(words) => { document.querySelector('.status').textContent = words; }", words)
        measured.append(lab.page.evaluate(MEASURED, widths()))
    assert measured[0] == measured[1], "a status that wraps does not move the page"


def test_the_published_heights_of_cells_and_questions_are_true(lab: Any, dist: Path) -> None:
    measured = {}
    lab.open("receipts.html", live=False)
    for path in sorted(page.relative_to(dist / "embed") for page in (dist / "embed").glob("*/*.html")):
        heights, before = lab.page.evaluate(MEASURED_PART, [f"embed/{path}", widths()])
        assert heights == before, f"the editor of {path} is not as high as the code that it has replaced"
        measured[str(path.with_suffix(""))] = dict(heights)
    problems = wrong(published(PARTS), measured)
    if problems:
        texts = {name: " ".join(f"{w}:{h}" for w, h in rows.items()) for name, rows in measured.items()}
        done = subprocess.run(["node", "--input-type=module", "-e", SHORTEN], input=json.dumps(texts), text=True,
                              capture_output=True, check=True)  # fmt: skip
        write(PARTS, "PART_HEIGHTS", json.loads(done.stdout))
    assert not problems, f"{PARTS.name} was not true and has been written; build the site with it. {problems[:3]}"


def test_an_element_written_by_hand_does_not_move_the_page(course: Course) -> None:
    code = f"""{WATCH}
      <script src="{course.lab}embed.js" async></script><instrument-lab name="ring"></instrument-lab><p>Below.</p>"""
    for width in (1360, 390):
        course.open("plain", code, width)
        settled(course.live())
        heights = course.page.evaluate("heights")
        assert heights[0] > 500 and max(heights) - min(heights) <= OFF, heights
    frame = course.frame()
    height = frame.evaluate("innerHeight")
    frame.locator(".live-view input[type=range]").locator("visible=true").first.press("ArrowRight")
    frame.evaluate("document.querySelector('figcaption').hidden = true")
    course.page.evaluate(FRAMES)
    assert frame.evaluate("innerHeight") == height, "no less while a slider moves"
    frame.locator(".live-view .choice label", has_text="Reverse").click()
    frame.wait_for_function("(height) => innerHeight !== height", arg=height)


@pytest.mark.parametrize("part", ["quiz/forward-noised-value", "cell/forward-dissolve"])
def test_a_cell_or_question_does_not_move_the_page(course: Course, part: str) -> None:
    code = f"""{WATCH}<script src="{course.lab}embed.js" async></script>
      <instrument-lab name="{part}"></instrument-lab><p>Below.</p>"""
    for width in (1360, 390):
        course.open("plain", code, width)
        course.frame().wait_for_function("() => 'open' in document.documentElement.dataset")
        course.frame().wait_for_function("() => document.documentElement.scrollHeight <= innerHeight")
        course.page.evaluate(FRAMES)
        heights = course.page.evaluate("heights")
        assert heights[0] > 150 and max(heights) - min(heights) <= OFF, heights
