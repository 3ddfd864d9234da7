"""Parts of pictures are named by their role, not by a colour; arrows have heads and a scale."""

from __future__ import annotations

import re

import pytest

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.scenes import Arrows

from .survey import contexts, made

#: Names of colours: they are wrong in the other theme, and to some eyes in both.
HUES = re.compile(
    r"\b(red|blue|green|gr[ae]y|black|white|pink|orange|purple|violet|yellow|brown|accent-coloured)\b", re.IGNORECASE
)


def test_hues_are_recognised():
    assert [bool(HUES.search(text)) for text in ("Red dots", "in grey", "measured", "reduced", "a bluer")] == [
        *(True, True, False, False, False)
    ]


def test_nothing_is_named_by_its_hue(cls):
    """Legends, labels, docs, readings, status and description name things by their role. Quoted texts are free."""
    texts = [p.doc + p.label for p in (cls.param[setting] for setting in cls.settings())]
    texts += [f"{item.label} {item.doc}" for item in cls.panel.measures]
    for scene in cls.scenes().values():
        texts += [scene.title, *(layer.legend for layer in scene.layers.values())]
    for context in contexts(cls)[:8]:
        answer = made(cls, **context).answer()
        texts += [answer.description or "", answer.status or ""]
    assert [text for text in texts if HUES.search(re.sub("“[^”]*”", "", text))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.md")) + sorted(ROOT.glob("instruments/*/about.md")))
def test_no_text_names_a_part_of_a_picture_by_its_hue(path):
    text = path.read_text("utf-8")
    code = r"```.*?```|\A---\n.*?\n---\n|`[^`\n]*`"  # may name colours, and so may quoted samples
    prose = re.sub(rf'{code}|"[^"]*"', "", text, flags=re.DOTALL)
    assert HUES.findall(prose) == []


def test_every_arrow_has_a_head_and_one_of_a_picture_its_scale(cls):
    """Where arrows of several layers share a scale, one legend says it."""
    for scene in cls.scenes().values():
        arrows = [layer for layer in scene.layers.values() if isinstance(layer, Arrows)]
        assert all(layer.head > 0 for layer in arrows)
        assert not arrows or any(layer.scale and layer.legend for layer in arrows)
