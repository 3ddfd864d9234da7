"""Typesets formulas by KaTeX under Node, and the `about.md` of instruments, as HTML with MathML."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from diffusion_lab.app.chapter import Chapter
from diffusion_lab.app.discovery import INSTRUMENTS
from diffusion_lab.app.environment import NODE_MODULES, ROOT, SetupError

HERE = Path(__file__).parent


def typeset(chapters: list[Chapter]) -> dict[str, str]:
    """Mark → HTML with MathML, for every formula of the chapters, by KaTeX in one go."""
    formulas = [(chapter, formula) for chapter in chapters for formula in chapter.formulas]
    results = katex([(formula.tex, formula.display) for _, formula in formulas])
    for (chapter, formula), result in zip(formulas, results, strict=True):
        if "error" in result:
            raise chapter.error(formula.line, f"{result['error']} in ${formula.tex}$")
    return {formula.mark: result["html"] for (_, formula), result in zip(formulas, results, strict=True)}


def about(name: str) -> str:
    """`about.md` of an instrument as HTML, its headings below those of a section."""
    path = INSTRUMENTS / name / "about.md"
    md = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    md.use(dollarmath_plugin, double_inline=False)
    formulas: list[str] = []

    def mark(_self: object, tokens: list[Token], index: int, *_: object) -> str:
        formulas.append(tokens[index].content)
        return f"\ue000{len(formulas) - 1}\ue001"

    md.add_render_rule("math_inline", mark)
    html = str(md.render(path.read_text("utf-8")))
    for level in (3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    for k, result in enumerate(katex([(tex, False) for tex in formulas])):
        if "error" in result:
            raise SetupError(f"{path.relative_to(ROOT)}: {result['error']} in ${formulas[k]}$")
        html = html.replace(f"\ue000{k}\ue001", result["html"])
    return html


def katex(formulas: list[tuple[str, bool]]) -> list[dict[str, str]]:
    """For each (LaTeX, whether displayed): `html`, or `error`."""
    if not formulas:
        return []
    wanted = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    command = ["node", str(HERE / "node/katex_render.mjs"), str(NODE_MODULES.parent)]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"KaTeX could not be run:\n{done.stderr}")
    return list(json.loads(done.stdout))
