"""The places of a document that links lead to, each with what a reader sees there."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from markupsafe import Markup

from diffusion_lab.app.build.chapter_tree import (
    EQUATION_MARK,
    VALUE_MARK,
    Chapter,
    Document,
    Heading,
    Mistake,
    Reference,
    Text,
)
from diffusion_lab.app.build.plain_text import MARK

#: The class of a block → the first word of its address, where the rest is its label or name.
KINDS = {
    "Equation": "eq",
    "InstrumentSlot": "instrument",
    "Diagram": "diagram",
    "Cell": "cell",
    "Listing": "listing",
    "Exercise": "exercise",
    "Quiz": "quiz",
}


def places(document: Document, references: dict[str, Reference]) -> dict[str, str]:
    """Anchor → the words there, in lower case; "" is the head of a chapter, and a section has all of its blocks.

    Computed values and numbers of equations are left out.
    """
    tex = {formula.mark: formula.tex for formula in document.formulas}
    found: dict[str, list[str]] = {"": []}
    if isinstance(document, Chapter):
        found[""] = [document.title, document.lede, *document.objectives, *document.builds_on]
    section = ""
    for block in document.blocks:
        words = MARK.sub(lambda mark: tex[mark[0]], " ".join(_words(part) for part in vars(block).values()))
        if isinstance(block, Heading):
            section = block.id
        kind = KINDS.get(type(block).__name__)
        if kind == "diagram":
            words += " " + import_module(f"diffusion_lab.app.build.diagrams.drawn.{_module(block.name)}").WORDS
        if kind:
            found[f"{kind}-{getattr(block, 'label', getattr(block, 'name', ''))}"] = [words]
        found.setdefault(section, []).append(words)
    for key in document.cited:
        found[f"ref-{key}"] = [f"{references[key].authors} {references[key].year} {references[key].title}"]
    return {anchor: " ".join(" ".join(words).split()).casefold() for anchor, words in found.items()}


def _module(diagram: str) -> str:
    return diagram.replace("-", "_")


def _words(part: Any) -> str:
    match part:
        case Text():
            return str(Markup(EQUATION_MARK.sub("", VALUE_MARK.sub("", part.html))).striptags())
        case str():
            return part
        case Mistake():
            return _words(part.words)
        case tuple():
            return " ".join(map(_words, part))
    return ""


def split(address: str) -> tuple[str, dict[str, str], str]:
    """The file, the settings and the anchor of `04-guidance.html?guidance.t=0.5#the-dial`."""
    before, _, anchor = address.partition("#")
    file, _, query = before.partition("?")
    return file, dict(re.findall(r"([^&=]+)=([^&]*)", query)), anchor
