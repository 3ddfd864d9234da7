"""Typesets formulas with KaTeX under Node, as HTML with MathML."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.chapter_tree import Document
from diffusion_lab.app.build.setup_steps import NODE_MODULES, SetupError

SCRIPT = Path(__file__).parent / "node/katex_render.mjs"

#: LaTeX, and whether it is displayed.
Formula = tuple[str, bool]

#: The result for a formula: a dict with the key `html` or `error`.
Typeset = dict[str, str]


def typeset(documents: Iterable[Document], cache: BuildCache) -> dict[str, str]:
    """Returns placeholder → HTML with MathML for every formula; raises `ChapterError` for a wrong one."""
    html = {}
    marked = [(document, formula) for document in documents for formula in document.formulas]
    results = typeset_formulas([(formula.tex, formula.display) for _, formula in marked], cache)
    for document, formula in marked:
        result = results[formula.tex, formula.display]
        if "error" in result:
            raise document.error(formula.line, f"{result['error']} in ${formula.tex}$")
        html[formula.mark] = result["html"]
    return html


def typeset_formulas(formulas: Iterable[Formula], cache: BuildCache) -> dict[Formula, Typeset]:
    """Returns formula → result. KaTeX runs once, for all formulas that are not cached."""
    katex = cache.key([SCRIPT, NODE_MODULES / "katex/package.json"])
    return cache.values("formulas", {formula: [katex, *formula] for formula in formulas}, run_katex)


def run_katex(formulas: list[Formula]) -> dict[Formula, Typeset]:
    """Typesets all formulas with KaTeX."""
    wanted = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    done = subprocess.run(["node", str(SCRIPT), str(NODE_MODULES.parent)], input=wanted, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"KaTeX could not be run:\n{done.stderr}")
    return dict(zip(formulas, json.loads(done.stdout), strict=True))
