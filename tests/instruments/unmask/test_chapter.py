"""What chapter 8 quotes can be read in the instrument. Its numbers are computed when the site is built."""

import re

import pytest

from diffusion_lab.app.build.chapter_tree import InstrumentSlot
from diffusion_lab.app.build.site import chapter_paths, parse_chapter, read_references
from diffusion_lab.instruments.unmask.component import Unmask

PATH = next(path for path in chapter_paths() if path.name.startswith("08"))
LINES = PATH.read_text("utf-8").splitlines()
CHAPTER = parse_chapter(PATH, PATH.read_text("utf-8"), read_references())
PLACE, PRESETS = CHAPTER.of(InstrumentSlot)[0].state, CHAPTER.presets
PARAGRAPHS = sorted({preset.line for preset in PRESETS})


def seen(line):
    """What the instrument says after each preset of a paragraph, in order."""
    instrument = Unmask(**Unmask.parse_state(PLACE))
    for preset in PRESETS:
        if preset.line == line:
            instrument.preset(Unmask.parse_state(preset.state))
            instrument.answer()
            yield instrument.describe().lower()


def unseen(line):
    """Quotations of two words and more that no preset of the paragraph shows, in either text."""
    shown = " ".join(seen(line))
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
