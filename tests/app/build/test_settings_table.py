"""The settings as data for embed pages and teachers, and the vocabulary that addresses of embed pages share."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from diffusion_lab.app.build.prerender import poster_svg
from diffusion_lab.app.build.settings_table import EMBED_OPTIONS, settings_table
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.instrument import StateError
from diffusion_lab.app.instrument.vocabulary import GLOSSARY, SETTING_ALIASES

EMBED = Path(__file__).parents[3] / "static/js/embed"


@pytest.mark.parametrize("name", instrument_names())
def test_the_table_accepts_what_the_instrument_accepts(name):
    cls = instrument_class(name)
    table = settings_table(cls)
    json.dumps(table, allow_nan=False)
    assert [entry["name"] for entry in table] == list(cls.settings())
    for entry in table:
        setting, kind = entry["name"], entry["kind"]
        good = {"switch": ["true", "false"], "text": [entry["default"]]}.get(kind)
        bad = {"switch": ["maybe"], "text": []}.get(kind)
        if kind == "choice":
            good, bad = [value for value, _ in entry["options"]], ["no such value"]
        elif kind in ("number", "whole"):
            good, bad = [entry["low"], entry["high"]], [entry["low"] - 1, entry["high"] + 1]
            assert entry["step"] == (cls.param[setting].step or 1)
        for value in good:
            cls.parse_state({setting: str(value)})
        for value in bad:
            with pytest.raises(StateError):
                cls.parse_state({setting: str(value)})


@pytest.mark.parametrize("name", instrument_names())
def test_a_whole_state_in_an_address_is_the_same_state(name):
    """An embed code names every setting; opened at once, they must not change one another."""
    cls = instrument_class(name)
    states = [{}]
    for entry in settings_table(cls):
        if entry["kind"] == "choice":
            states += [{entry["name"]: value} for value, _ in entry["options"]]
        elif entry["kind"] == "switch":
            states.append({entry["name"]: not entry["default"]})
        elif entry["kind"] != "text":
            low, high = entry["low"], entry["high"]
            states.append({entry["name"]: type(entry["default"])(low + 0.7 * (high - low))})
    for moved in states:
        instrument = cls()
        instrument.move(**moved)
        whole = {setting: as_text(getattr(instrument, setting)) for setting in cls.settings()}
        opened = cls()
        opened.move(**cls.parse_state(whole))
        assert opened.query == instrument.query, moved


def test_no_setting_is_named_like_an_option():
    assert not set(EMBED_OPTIONS) & (set(GLOSSARY) | set(SETTING_ALIASES))


def test_page_and_scripts_know_the_same_options():
    table = re.search(r"export const OPTIONS = {(.*?)};", (EMBED / "options.js").read_text("utf-8"), re.DOTALL)[1]
    assert tuple(re.findall(r"^  (\w+):", table, re.MULTILINE)) == EMBED_OPTIONS
    page = (EMBED.parents[2] / "app/build/templates/teachers.html").read_text("utf-8")
    for option in EMBED_OPTIONS:
        assert f"<td><code>{option}</code></td>" in page
    for kind in re.findall(r'[{|] ?type: "(\w+)"', (EMBED / "schema.js").read_text("utf-8")):
        assert f"<td><code>{kind}</code></td>" in page, kind


def test_a_poster_has_the_colours_that_it_names():
    poster = poster_svg('<svg xmlns="http://www.w3.org/2000/svg"><path fill="var(--c0)"/></svg>')
    assert re.findall(r"--c0:#[0-9a-f]{6}", poster) == ["--c0:#0072b2", "--c0:#56b4e9"]
    assert "--c1" not in poster and "prefers-color-scheme:dark" in poster
