"""Conditions: when a layer, a control or a scene is shown."""

from __future__ import annotations

import pytest

from diffusion_lab.app.instrument.conditions import Condition, as_text


@pytest.mark.parametrize(
    ("when", "markup"),
    [
        (None, ""),
        ("show_line", "show_line:true"),
        ({"view": "flow"}, "view:flow"),
        ({"view": ("pairs", "flow"), "show_line": False}, "view:pairs|flow;show_line:false"),
        ({"count": [3, 7]}, "count:3|7"),
    ],
)
def test_a_condition_is_parsed_and_written(when, markup):
    condition = Condition.of(when)
    assert condition.markup == markup
    assert bool(condition) == bool(markup)
    assert Condition.of(condition) is condition


@pytest.mark.subject(
    Condition.met,
    any_of_them=lambda condition, settings: any(as_text(getattr(settings, n)) in v for n, v in condition.allowed),
    the_first_value=lambda condition, settings: all(
        as_text(getattr(settings, n)) == v[0] for n, v in condition.allowed
    ),
    always=lambda condition, settings: True,
)
def test_a_condition_holds_where_each_setting_has_one_of_its_values(dial, subject):
    both = Condition.of({"view": ("flow", "pairs"), "show_line": True})
    assert not subject(both, dial)
    dial.show_line = True
    assert subject(both, dial)
    dial.view = "flow"
    assert subject(both, dial)
    assert subject(Condition.of({"count": 5}), dial)
    assert not subject(Condition.of({"view": "pairs", "show_line": True}), dial)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (0.30000000000000004, "0.3"), (1 / 3, "0.3333333333333333"), (3, "3"), ("a", "a")],
)
def test_values_are_written_as_texts(value, text):
    assert as_text(value) == text
