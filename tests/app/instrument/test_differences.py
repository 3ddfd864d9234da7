"""A pinned copy is named by what differs from the instrument beside it, on the page and in its files."""

import xml.etree.ElementTree as ET

import pytest

from diffusion_lab.app.instrument.differences import differences
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.scene_svg import instrument_svg

from .dial import Dial


def test_nothing_differs_between_equal_states():
    assert differences(Dial(level=0.3), Dial(level=0.3)) == ()


def test_only_what_differs_is_named_with_the_value_here_in_order():
    one, here = Dial(level=0.3, count=7, word="", langevin_steps=4), Dial(level=1.0, word="cd", seed=3)
    assert differences(one, here) == (
        "l = 0.3 (here 1.0)",
        "Points: 7 (here 5)",
        "Word: nothing (here cd)",
        "K = 4 (here 3)",
        "Seed: 0 (here 3)",
    )


def test_options_and_switches_have_the_panel_s_words():
    assert differences(Dial(view="flow", show_line=True), Dial()) == (
        "View: The <flow> (here Pairs)",
        "Line: on (here off)",
    )


def test_a_setting_that_neither_state_uses_is_left_out():
    assert differences(Dial(sampler="sde_euler"), Dial()) == ()
    named = differences(Dial(view="flow", sampler="sde_euler"), Dial())
    assert [words.partition(":")[0] for words in named] == ["View", "Sampler"]


def test_what_is_drawn_has_no_value_in_words():
    assert differences(Dial(drawing="abcd"), Dial()) == ("Drawing differs",)


@pytest.mark.parametrize("name", instrument_names())
def test_every_setting_of_every_instrument_can_be_named(name):
    cls = instrument_class(name)
    here = cls()
    for setting in cls.settings():
        p = cls.param[setting]
        other = next((v for v in [*getattr(p, "objects", []), True, *(getattr(p, "bounds", None) or ())]
                      if v != getattr(here, setting) and type(v) is type(getattr(here, setting))), None)  # fmt: skip
        if other is None:
            continue
        one = cls(**{setting: other})
        named = differences(one, here)
        if p.control.when.met(one) or p.control.when.met(here):
            assert any((p.control.symbol or p.label) in words for words in named), setting


def test_its_files_say_what_differs():
    one = Dial(level=0.3)
    assert not any("Pinned" in line for line in one.provenance())
    one.pinned = differences(one, Dial(level=1.0, count=7))
    note = "Pinned copy: l = 0.3 (here 1.0), Points: 5 (here 7)"
    assert one.provenance()[:2] == ["Dial <&>", note]
    assert f"# {note}\n" in one.csv()
    texts = [
        text.text for text in ET.fromstring(instrument_svg(one, "light", "")).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert texts[1] == note
    one.pinned = ()
    assert one.provenance()[1] == "Pinned copy: no difference"
