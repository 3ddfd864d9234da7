"""The public vocabulary: every setting is explained, every value is written in one way, and no link stops working."""

from __future__ import annotations

import re

import param
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.instrument import Instrument, StateError
from diffusion_lab.app.instrument.vocabulary import (
    GLOSSARY,
    SETTING_ALIASES,
    VALUE_ALIASES,
    current_setting,
    current_value,
)

CLASSES = [instrument_class(name) for name in instrument_names()]
SETTINGS = sorted({setting for cls in CLASSES for setting in cls.settings()})

#: Settings and values that links may hold. A name may be added here, never taken out: what is renamed becomes an alias.
FROZEN: dict[str, str] = {
    "batch_size": "4 16 64",
    "block": "",
    "chart_shows": "samples chain distance alpha_bar log_snr beta information few_steps loss targets weights",
    "condition": "a b c gaussian",
    "convention": "scale weight",
    "data_set": "ring moons spiral checkerboard swiss_roll drawn five_clusters two_clusters two_modes uneven_modes"
    " two_pairs pictures",
    "drawing": "",
    "eta": "",
    "eta_cap": "",
    "flow": "rectified_flow minibatch_transport reflow_once reflow_twice diffusion",
    "given": "",
    "guidance_scale": "",
    "guidance_weight": "",
    "guide_at": "every_level interval",
    "guide_by": "classifier_free classifier clean_classifier",
    "interval_high": "",
    "interval_low": "",
    "langevin_steps": "",
    "length": "",
    "model": "exact learned skill",
    "num_inference_steps": "",
    "num_levels": "",
    "num_points": "520 2000 20000",
    "num_steps": "",
    "probe_x": "",
    "probe_y": "",
    "progress": "",
    "remasking": "low_confidence confidence margin entropy random remdm",
    "sampler": "langevin ddpm ddim sde_euler ode_euler ode_heun sde_heun dpm_solver_pp_2m",
    "schedule": "exponential linear cosine sigmoid karras",
    "seed": "",
    "show_classes": "true false",
    "show_density": "true false",
    "show_diffusion": "true false",
    "show_field": "true false",
    "show_guesses": "true false",
    "show_paths": "true false",
    "show_tilted": "true false",
    "skill": "",
    "solver": "euler heun midpoint",
    "stay": "",
    "t": "",
    "temperature": "",
    "view": "pairs flow probe samples clean forward reverse",
    "writing": "word_by_word drafts",
    # Former names and values.
    "mode": "pairs flow probe clean forward reverse",
    "batch": "4 16 64",
}
FORMER_VALUES: dict[str, str] = {
    "condition": "A B C",
    "remasking": "ReMDM",
    "sampler": "Langevin DDPM DDIM reverse_SDE ODE_Euler ODE_Heun DPM-Solver++ deterministic stochastic",
}
PAIRS = [
    (name, value) for table in (FROZEN, FORMER_VALUES) for name, values in table.items() for value in values.split()
]


def readers(setting: str) -> list[type[Instrument]]:
    """Instruments that have a setting of this name, now or formerly."""
    return [cls for cls in CLASSES if current_setting(setting, cls.settings()) in cls.settings()]


@pytest.mark.parametrize("setting", FROZEN)
def test_no_setting_of_a_link_is_lost(setting):
    assert readers(setting)


@pytest.mark.parametrize(("setting", "value"), PAIRS)
def test_no_value_of_a_link_is_lost(setting, value):
    taken = 0
    for cls in readers(setting):
        try:
            cls.parse_state({setting: value})
        except StateError:
            continue
        taken += 1
    assert taken


@pytest.mark.parametrize("setting", [name for name in SETTINGS if not name.startswith("show_")])
def test_every_setting_is_in_the_glossary(setting):
    assert GLOSSARY[setting]


def test_the_glossary_is_in_alphabetical_order():
    assert list(GLOSSARY) == sorted(GLOSSARY)


@pytest.mark.parametrize("setting", SETTINGS)
def test_names_are_in_lower_snake_case(setting):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", setting)


@pytest.mark.parametrize("setting", SETTINGS)
def test_switches_and_only_they_begin_with_show(setting):
    for cls in readers(setting):
        if setting in cls.settings():
            assert isinstance(cls.param[setting], param.Boolean) == setting.startswith("show_")


@pytest.mark.parametrize("setting", SETTINGS)
def test_values_are_lower_snake_case_or_numbers(setting):
    for cls in CLASSES:
        if setting in cls.settings() and isinstance(cls.param[setting], param.Selector):
            for value in cls.param[setting].objects:
                assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*|\d+(\.\d+)?", value), value


def test_every_alias_leads_to_a_name_that_there_is():
    assert set(SETTING_ALIASES.values()) <= set(GLOSSARY) & set(SETTINGS)
    assert set(VALUE_ALIASES) <= set(SETTINGS)
    for setting, aliases in VALUE_ALIASES.items():
        values = {v for cls in readers(setting) if setting in cls.settings() for v in cls.param[setting].objects}
        assert set(aliases.values()) <= values
        assert not set(aliases) & values, "a value that there is can be no alias"
        assert all(alias == alias.casefold() for alias in aliases), "they are looked up in lower case"


def test_an_alias_gives_way_to_a_setting_of_its_name():
    assert current_setting("num_steps", ("num_steps", "langevin_steps")) == "num_steps"
    assert current_setting("num_steps", ("seed", "langevin_steps")) == "langevin_steps"
    assert current_setting("num_steps", ("seed",)) == "num_steps"
    assert current_setting("mode", ("view",)) == "view"
    assert current_setting("view", ("view",)) == "view"
    assert current_setting("nothing", ("view",)) == "nothing"


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("sampler", " Reverse_SDE ", "sde_euler"),
        ("sampler", "DPM-Solver++", "dpm_solver_pp_2m"),
        ("sampler", "DDIM", "ddim"),
        ("view", "deterministic", "deterministic"),
    ],
)
def test_a_value_is_read_as_it_is_written_now(setting, text, value):
    assert current_value(setting, text) == value
