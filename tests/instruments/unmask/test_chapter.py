"""What chapter 8 says of the instrument is what the instrument shows: quotations and numbers in prose."""

import re

import pytest

from diffusion_lab.app.build.site import _chapter_paths, _references, parse_chapter
from diffusion_lab.instruments.unmask import kernel
from diffusion_lab.instruments.unmask.component import Unmask

PATH = next(path for path in _chapter_paths() if path.name.startswith("08"))
LINES = PATH.read_text("utf-8").splitlines()
PRESETS = parse_chapter(PATH, PATH.read_text("utf-8"), _references()).presets
PARAGRAPHS = sorted({preset.line for preset in PRESETS})


def seen(line):
    """The instrument at each preset of a paragraph, in order."""
    return [Unmask(**Unmask.parse_state(preset.state)) for preset in PRESETS if preset.line == line]


def unseen(line):
    """Quotations of two words and more that no preset of the paragraph shows, in either text."""
    shown = " ".join(instrument.answer().description.lower() for instrument in seen(line))
    quoted = re.findall(r'"([^"|]+ [^"|]+)"', LINES[line - 1])
    return [words for words in quoted if words.lower() not in shown]


@pytest.mark.parametrize("line", PARAGRAPHS)
def test_quotations_can_be_read_there(line):
    assert unseen(line) == []


def test_a_wrong_quotation_is_found(monkeypatch):
    line = next(line for line in PARAGRAPHS if "the old captain reads" in LINES[line - 1])
    wrong = [text.replace("the old captain reads", "the old captain eats") for text in LINES]
    monkeypatch.setitem(globals(), "LINES", wrong)
    assert unseen(line) == ["the old captain eats a letter"]


def paragraph(words):
    return next(line for line in PARAGRAPHS if words in LINES[line - 1])


def test_the_odd_neighbours_of_one_three_and_fifteen_passes():
    odd = [instrument.reading_texts["joints"] for instrument in seen(paragraph("nine of fourteen"))]
    assert odd == ["9", "2", "0"]


def test_the_losses_of_the_small_chain():
    blind, published = (kernel.kl_curve(rule, 0.9, 0.0)[0] for rule in ("random", "low_confidence"))
    said = LINES[paragraph("a small exact chain") - 1]
    assert f"One pass loses {blind[0]:.4f} nats, two lose {blind[1]:.4f}, and five" in said
    assert f"to {published[-1]:.4f} nats" in LINES[paragraph("the same small chain") - 1]


def test_the_passes_of_drafts():
    line = paragraph("drafts of four words")
    (instrument,) = seen(line)
    assert f"in {len(instrument.rounds) - 1} passes instead of 15" in LINES[line - 1]
