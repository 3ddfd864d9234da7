"""What axe-core finds on the built pages: nothing, in one theme and width a page, and on live instruments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT
from diffusion_lab.app.instrument.discovery import instrument_names

from .lab import DESK, FONTS, PHONE

AXE = NODE_MODULES / "axe-core/axe.min.js"

#: Runs the engine; returns for each finding its rule, how many places have it, and the first of them. What is inactive
#: until Python is live is pale on purpose.
FIND = """async (live) => {
  const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
  const found = await axe.run(live ? document : { exclude: [[".still"], [".starting"]] }, options);
  const first = ([node]) => [node.html.slice(0, 200), node.failureSummary];
  // Marks at a slider may stand close together: the slider itself goes to the same values (WCAG 2.5.8, "equivalent").
  for (const finding of found.violations)
    if (finding.id === "target-size") finding.nodes = finding.nodes.filter(({ html }) => !html.includes(" data-goto="));
  const left = found.violations.filter(({ nodes }) => nodes.length);
  return left.map(({ id, nodes }) => [id, nodes.length, ...first(nodes)]);
}"""

PAGES = [
    "index.html",
    "glossary.html",
    "numbers.html",
    "disagreements.html",
    "teachers.html",
    "receipts.html",
    "licences.html",
    *sorted(f"chapters/{path.stem}.html" for path in (ROOT / "chapters").glob("[0-9]*.md")),
    "embed/quiz/forward-noised-value.html",
    "embed/cell/forward-dissolve.html",
]

#: Light at a desk and dark on a phone, by turns: between them the pages show every kind of part in both.
LOOKS = [(DESK, "light"), (PHONE, "dark")]


def findings(lab: Any, *, live: bool) -> list[Any]:
    lab.page.evaluate(FONTS)
    lab.page.evaluate(AXE.read_text("utf-8"))
    return lab.page.evaluate(FIND, live)


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_no_findings(open_lab: Callable[..., Any], page: str) -> None:
    viewport, theme = LOOKS[PAGES.index(page) % 2]
    lab = open_lab(viewport=viewport, color_scheme=theme).open(page, live=False)
    assert findings(lab, live=False) == []


@pytest.mark.parametrize("name", instrument_names())
def test_live_instruments_have_no_findings(open_lab: Callable[..., Any], name: str) -> None:
    viewport, theme = LOOKS[instrument_names().index(name) % 2]
    lab = open_lab(viewport=viewport, color_scheme=theme).open(f"embed/{name}.html")
    assert findings(lab, live=True) == []


def test_a_fault_is_found(lab: Any) -> None:
    """A picture without words: the engine runs, and would say so."""
    lab.open("glossary.html", live=False)
    lab.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [rule for rule, *_ in findings(lab, live=False)] == ["image-alt"]
