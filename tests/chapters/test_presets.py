"""The presets of each chapter, pressed in reading order on one instrument, as on its page.

That the numbers of the text are on the screen then, the build checks: `read_values` in `app/build/prerender.py`.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from diffusion_lab.app.build.chapter_text import CODE_OR_ROLE
from diffusion_lab.app.build.chapter_tree import Chapter, InstrumentSlot, Preset
from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument

from ..examples import examples

CHAPTERS: list[Chapter] = read_documents(read_references())[0]
PLACES = [(chapter, slot) for chapter in CHAPTERS for slot in chapter.of(InstrumentSlot)]

of_each_place = pytest.mark.parametrize(
    ("chapter", "slot"), PLACES, ids=[f"{chapter.slug}-{slot.name}" for chapter, slot in PLACES]
)


def presets_of(chapter: Chapter, slot: InstrumentSlot) -> list[Preset]:
    return [preset for preset in chapter.presets if preset.slot == slot.name]


def in_the_place(slot: InstrumentSlot, state: dict[str, str] | None = None) -> Instrument:
    """A fresh instrument of a place, in a state."""
    cls = instrument_class(slot.instrument)
    return cls(**cls.parse_state({**slot.state, **(state or {})}))


def leaving_all_behind(self: Instrument, values: dict[str, Any], *, keep: bool = False) -> None:
    """Presets as they once were."""
    self.move(playing=False, **values)


@of_each_place
@pytest.mark.subject(Instrument.preset, leaving_all_behind=leaving_all_behind)
def test_a_preset_gives_one_state_whatever_was_pressed_before(chapter, slot, subject):
    page = in_the_place(slot)
    for preset in presets_of(chapter, slot):
        subject(page, page.parse_state(preset.state), keep=preset.keep)
        assert preset.keep or page.values() == in_the_place(slot, preset.state).values(), preset


@of_each_place
def test_and_one_screen(chapter, slot):
    """The readings are those of an instrument that was never elsewhere; what takes long is cut short in both."""
    page, fresh, quick = in_the_place(slot), {}, examples(slot.instrument).quick
    for preset in presets_of(chapter, slot):
        page.preset(page.parse_state(preset.state), keep=preset.keep)
        page.move(**quick)
        state = tuple(page.values().items())
        if state not in fresh:
            fresh[state] = timeless(type(page)(**dict(state)))
        assert timeless(page) == fresh[state], preset


def timeless(instrument: Instrument) -> dict[str, Any]:
    """The readings, but those that are times."""
    texts, times = instrument.reading_texts, instrument.panel.durations
    return {key: text for key, text in texts.items() if key not in times}


def typed(paragraph: str, presets: list[Preset]) -> list[str]:
    """Decimals and percentages that the author typed, but those that the presets set; labels of presets count."""
    words = CODE_OR_ROLE.sub(lambda found: found[0].partition("|")[2] if found[1] == "set" else "", paragraph)
    numbers = re.findall(r"\d[\d,]*\.\d+|\d[\d,.]*(?= ?%)", re.sub(r"\$.*?\$", "", words))
    return [number for number in numbers if number not in {v for preset in presets for v in preset.state.values()}]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.slug)
def test_no_number_is_typed_beside_a_preset(chapter):
    lines = (ROOT / chapter.path).read_text("utf-8").splitlines()
    for line in {preset.line for preset in chapter.presets}:
        assert typed(lines[line - 1], [preset for preset in chapter.presets if preset.line == line]) == [], line


def test_a_typed_number_is_found():
    preset = Preset("flow", {"t": "0.5"}, False, 0, 1)
    text = "At {set}`flow t=0.5 | 0.5`, not $0.1$, it is 95 % or 0.870, not {value}`flow : within | .0%`."
    assert typed(text, [preset]) == ["95", "0.870"]
