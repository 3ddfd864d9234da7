"""The palette: contrast by the WCAG formula, the same names in both themes, and colours that turn into variables."""

import re

import pytest

from diffusion_lab.app.instrument.theme import FONTS, TOKENS, css_variable_of, css_variables, data_palette

THEMES = ("light", "dark")


def luminance(colour: str) -> float:
    """Relative luminance of a hex colour (WCAG 2.2)."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_the_one_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known near miss


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["bg", "soft"])
@pytest.mark.parametrize("text", ["ink", "mute", "acc", "ok"])
def test_text_can_be_read(theme, ground, text):
    tokens = TOKENS[theme]
    assert contrast(tokens[text], tokens[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_a_button_can_be_read(theme):
    assert contrast(TOKENS[theme]["on-acc"], TOKENS[theme]["acc"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("k", range(6))
def test_data_can_be_seen(theme, k):
    assert contrast(TOKENS[theme][f"c{k}"], TOKENS[theme]["bg"]) >= 3


def test_both_themes_have_the_same_names():
    assert list(TOKENS["light"]) == list(TOKENS["dark"])


def test_every_colour_is_six_hex_digits():
    for tokens in TOKENS.values():
        assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in tokens.values())


@pytest.mark.parametrize("theme", THEMES)
def test_data_colours_differ(theme):
    assert data_palette(theme) == [TOKENS[theme][f"c{k}"] for k in range(6)]
    assert len(set(data_palette(theme))) == 6


def test_a_colour_of_the_data_turns_into_its_own_variable_in_either_theme():
    for tokens in TOKENS.values():
        for name in [f"c{k}" for k in range(6)] + ["ink", "acc", "field", "mute"]:
            assert css_variable_of(tokens[name]) == f"var(--{name})"
            assert css_variable_of(tokens[name].upper()) == f"var(--{name})"


@pytest.mark.parametrize("colour", ["#123456", "red", "#0072b280"])
def test_another_colour_stays(colour):
    assert css_variable_of(colour) == colour


def test_white_stays_white():
    assert css_variable_of("#ffffff") == "#ffffff"


def test_css_has_every_token_of_each_theme_where_it_belongs():
    blocks = re.findall(r"([^{}]+)\{([^{}]*)\}", css_variables().replace("@media (prefers-color-scheme:dark){", ""))
    assert [selector.strip(" \n}") for selector, _ in blocks] == [
        ":root,:host(.own-theme)",
        ":root:not([data-theme=light])",
        ":root[data-theme=dark],:host(.own-theme.dark)",
    ]
    for (_, body), theme in zip(blocks, ("light", "dark", "dark"), strict=True):
        values = dict(pair.split(":", 1) for pair in body.strip(";").split(";"))
        assert {name: values[f"--{name}"] for name in TOKENS[theme]} == TOKENS[theme]
        assert values["color-scheme"] == theme
    assert all(f"--{name}:{stack};" in blocks[0][1] for name, stack in FONTS.items())
