"""Texts of chapters without markup: for the search, and for the page that lists all numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from xml.etree import ElementTree

from markupsafe import Markup

#: The placeholder of a formula.
MARK = re.compile("\ue000[^\ue001]*\ue001")
MATHML = re.compile(r"<math.*?</math>", re.DOTALL)

#: Accents of MathML, which stand alone there → the combining character.
ACCENTS = {"ˉ": "\u0304", "¯": "\u0304", "~": "\u0303", "˜": "\u0303", "^": "\u0302", "ˆ": "\u0302"}

#: Invisible operators of MathML: function application, multiplication.
INVISIBLE = str.maketrans("", "", "\u2061\u2062\u200b")


def plain(html: str, formulas: Mapping[str, str]) -> str:
    """Returns the text of a chapter's HTML on one line; `formulas`: placeholder → typeset HTML."""
    text = MARK.sub(lambda mark: formula_text(formulas[mark[0]]), str(Markup(html).striptags()))
    return " ".join(text.split())


def formula_text(html: str) -> str:
    """Returns a typeset formula as characters, such as `√(1-ᾱ_t)`; `html` contains its MathML."""
    found = MATHML.search(html)
    if not found:
        return ""
    text = _text(ElementTree.fromstring(found[0])).translate(INVISIBLE)
    return " ".join(unicodedata.normalize("NFC", text).split())


def _text(element: ElementTree.Element) -> str:
    parts = [_text(child) for child in element]
    match element.tag.rpartition("}")[2]:
        case "annotation":
            return ""
        case "msqrt":
            return f"√{_grouped(''.join(parts))}"
        case "mfrac":
            return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
        case "msub" | "munder":
            return f"{parts[0]}_{_grouped(parts[1])}"
        case "msup":
            prime = set(parts[1]) <= {"′"}
            return parts[0] + parts[1] if prime else f"{parts[0]}^{_grouped(parts[1])}"
        case "mover" if parts[1] in ACCENTS:
            return parts[0][:1] + ACCENTS[parts[1]] + parts[0][1:]
        case "msubsup" | "munderover":
            return f"{parts[0]}_{_grouped(parts[1])}^{_grouped(parts[2])}"
        case "mtr":
            return f"{''.join(parts)} "
        case "mo":
            operator = (element.text or "").strip()
            return f" {operator} " if operator in {"=", "≤", "≥", "≈", "∼", "∝", "≠", "+", "→"} else operator
        case "mspace":
            return " "
    return (element.text or "") + "".join(parts)


def _grouped(text: str) -> str:
    """Brackets around a part of several characters, without which it would be read otherwise."""
    letters = [character for character in text if not unicodedata.combining(character)]
    return text if len(letters) < 2 or text.replace(".", "").isdigit() else f"({text})"
