"""Typesets formulas with KaTeX under Node, as HTML with MathML, and caches the results."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from diffusion_lab.app.build.chapter_tree import Document
from diffusion_lab.app.build.setup_steps import NODE_MODULES, SetupError

SCRIPT = Path(__file__).parent / "node/katex_render.mjs"

#: The result for a formula: a dict with the key `html` or `error`.
Typeset = dict[str, str]


class Formulas:
    """A cache of typeset formulas in a file: those of the last build, discarded when KaTeX changes."""

    def __init__(self, kept: Path) -> None:
        self._path = kept
        self._katex = hashlib.sha256(
            SCRIPT.read_bytes() + (NODE_MODULES / "katex/package.json").read_bytes()
        ).hexdigest()
        self._kept: dict[str, Typeset] = {}
        self._used: dict[str, Typeset] = {}
        if kept.exists():
            before = json.loads(kept.read_text("utf-8"))
            if before["katex"] == self._katex:
                self._kept = before["formulas"]

    def typeset(self, formulas: list[tuple[str, bool]]) -> list[Typeset]:
        """Returns each (LaTeX, whether displayed) typeset, from the cache or by KaTeX."""
        keys = [f"{'display' if display else 'inline'} {tex}" for tex, display in formulas]
        missing = dict.fromkeys(key for key in keys if key not in self._kept)
        wanted = {key: formula for key, formula in zip(keys, formulas, strict=True) if key in missing}
        made = dict(zip(wanted, katex(list(wanted.values())), strict=True))
        self._kept |= {key: result for key, result in made.items() if "html" in result}
        self._used |= {key: self._kept[key] for key in keys if key in self._kept}
        return [self._kept.get(key) or made[key] for key in keys]

    def save(self) -> None:
        """Saves the formulas that this build has used."""
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"katex": self._katex, "formulas": self._used}, ensure_ascii=False), "utf-8")
        part.replace(self._path)


def katex(formulas: list[tuple[str, bool]]) -> list[Typeset]:
    """Runs KaTeX on each (LaTeX, whether displayed) and returns the results."""
    if not formulas:
        return []
    wanted = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    done = subprocess.run(["node", str(SCRIPT), str(NODE_MODULES.parent)], input=wanted, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"KaTeX could not be run:\n{done.stderr}")
    return list(json.loads(done.stdout))


def typeset(documents: Iterable[Document], formulas: Formulas) -> dict[str, str]:
    """Returns placeholder → HTML with MathML for every formula; raises `ChapterError` for a wrong one."""
    marked = [(document, formula) for document in documents for formula in document.formulas]
    results = formulas.typeset([(formula.tex, formula.display) for _, formula in marked])
    for (document, formula), result in zip(marked, results, strict=True):
        if "error" in result:
            raise document.error(formula.line, f"{result['error']} in ${formula.tex}$")
    return {formula.mark: result["html"] for (_, formula), result in zip(marked, results, strict=True)}
