"""Presets of the text, and links to a state, in the places where the chapters have their instruments."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from diffusion_lab.app.build.chapter_tree import InstrumentSlot
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument

from .lab import Lab, model

CHAPTERS = {chapter.slug: chapter.of(InstrumentSlot) for chapter in read_documents(read_references())[0]}


def in_the_place(slot: InstrumentSlot) -> Instrument:
    cls = instrument_class(slot.instrument)
    return cls(**cls.parse_state(slot.state))


def is_told(lab: Lab, native: Instrument, slot: str) -> None:
    """Waits until the page knows that the instrument has the settings of the native one."""
    lab.wait(f"{model(slot)}?.query === {native.query!r} && !{model(slot)}.playing")


def waits_for(lab: Lab, native: Instrument, slot: str) -> None:
    """Waits until the page knows that the instrument has the settings of the native one, and shows them."""
    lab.wait(f"{model(slot)}.query === {native.query!r} && !{model(slot)}.playing && !{model(slot)}.waiting")


def settings(lab: Lab, native: Instrument, slot: str) -> dict[str, Any]:
    return {name: lab.value(name, slot) for name in native.settings()}


def test_every_preset_of_chapter_6_shows_what_a_fresh_instrument_shows(lab: Any) -> None:
    """In reading order, on one page: nothing of one preset is left when the next is pressed."""
    lab.open("chapters/06-flow.html")
    (slot,) = CHAPTERS["06-flow"]
    presets = lab.page.locator("a.preset").all()
    assert len(presets) > 10
    for preset in presets:
        preset.evaluate("(link) => link.click()")  # some are in answers that are folded
        fresh = in_the_place(slot)
        fresh.preset(fresh.parse_state(dict(pair.split("=") for pair in preset.get_attribute("data-set").split())))
        waits_for(lab, fresh, slot.name)
        assert settings(lab, fresh, slot.name) == fresh.values()
        shown = lab.instrument.locator(".live-view [data-reading]").evaluate_all(
            "(all) => Object.fromEntries(all.map((element) => [element.dataset.reading, element.textContent]))"
        )
        wanted = {key: text for key, text in fresh.answer().texts.items() if key in shown}
        assert {"end_error", "straightness", "within"} <= wanted.keys()
        assert {key: shown[key] for key in wanted} == wanted


def test_a_preset_stops_playing(lab: Any) -> None:
    lab.open()
    slot = CHAPTERS["01-forward"][0]
    ring = in_the_place(slot)
    lab.instrument.locator(".live-view button.run").click()
    lab.wait(f"{model()}.playing && {model()}.progress > 0.1")
    lab.page.locator("a.preset[data-set='t=0.5']").evaluate("(link) => link.click()")
    ring.preset({"t": 0.5})
    waits_for(lab, ring, slot.name)
    lab.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert settings(lab, ring, slot.name) == ring.values()


@pytest.mark.parametrize("chapter", [slug for slug, slots in CHAPTERS.items() if slots])
def test_a_copied_link_opens_its_state(lab: Any, chapter: str) -> None:
    """Even where every setting is at its default, and the place of the instrument sets others.

    Of several slots of one instrument the last is tried, which has settings of its own. The link of the chapter's last
    instrument is opened; those of the others are read.
    """
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.open(f"chapters/{chapter}.html").wait_all_live()
    for slot in {slot.instrument: slot for slot in CHAPTERS[chapter]}.values():
        native, place = in_the_place(slot), in_the_place(slot).values()
        defaults = {name: native.param[name].default for name in native.settings()}
        lab.preset(slot.name, {name: as_text(value) for name, value in defaults.items()})
        native.preset(defaults)
        is_told(lab, native, slot.name)
        figure = lab.page.locator(f"#instrument-{slot.name}")
        figure.locator(".menu summary").click()
        figure.locator("[data-do=link]").click()
        figure.locator(".menu output", has_text="Copied.").wait_for()
        link = lab.page.evaluate("navigator.clipboard.readText()")
        told = {key.rpartition(".")[2]: value for key, value in parse_qsl(urlsplit(link).query)}
        assert place | native.parse_state(told) == defaults
        assert told.keys() >= {name for name in defaults if defaults[name] != place[name]}
    lab.page.goto("about:blank")  # a link within the page would not open it again
    lab.page.goto(link)
    lab.wait_live(slot.name)
    is_told(lab, native, slot.name)
    assert settings(lab, native, slot.name) == native.values() == defaults
    lab.page.locator(f"#instrument-{slot.name} .live-view [data-action=reset]").click()
    is_told(lab, in_the_place(slot), slot.name)
    assert settings(lab, native, slot.name) == place
