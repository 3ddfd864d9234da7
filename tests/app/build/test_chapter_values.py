"""Values in the text of chapters: expressions and readings, their lines, and their results."""

import re

import pytest

from diffusion_lab.app.build.chapter_tree import (
    Cell,
    Chapter,
    Compute,
    Predict,
    Prose,
    Value,
)

from .parsed_chapters import FRONT, html_of, parse

VALUES = """
At {value}`exp(-6)**0.5 | .4f` or, by
the instrument, {value}`ring view=forward t=0.5 : alpha_bar | .3f`.

```{compute}
y = 2 * x
```

```{cell} make
:title: Make it
x = 1
```

| level | value |
| --- | --- |
| one | {value}`x` |

:::{predict}
How much is `y`?
---
It is {value}`y | .1f`, as {value}`flow : detour.beside` and
{value}`unmask given=14:letter,15:. seed=3 : passes`.
:::
"""


@pytest.fixture(scope="module")
def valued() -> Chapter:
    return parse(VALUES)


def test_a_value_is_an_expression_or_a_reading(valued):
    assert [(value.slot, value.state, value.expression, value.format) for value in valued.values] == [
        ("", {}, "exp(-6)**0.5", ".4f"),
        ("ring", {"view": "forward", "t": "0.5"}, "alpha_bar", ".3f"),
        ("", {}, "x", ""),
        ("", {}, "y", ".1f"),
        ("flow", {}, "detour.beside", ""),
        ("unmask", {"given": "14:letter,15:.", "seed": "3"}, "passes", ""),
    ]
    assert [value.label for value in valued.values] == [f"value-{k}" for k in range(1, 7)]


@pytest.mark.parametrize("expression", ["x[1 : 2].sum()", "{1: 2}[1]", "(lambda : 3)()", "a if b else c"])
def test_a_colon_does_not_make_a_reading(expression):
    (value,) = parse(f"It is {{value}}`{expression} | .1f`.\n").values
    assert (value.slot, value.expression) == ("", expression)


def test_the_last_bar_separates_the_format():
    (value,) = parse("It is {value}`1 | 2 | d`.\n").values
    assert (value.expression, value.format) == ("1 | 2", "d")


def test_lines_of_values(valued):
    lines = (FRONT + VALUES).split("\n")
    assert [value.source in lines[value.line - 1] for value in valued.values] == [True] * 6


def test_what_is_run_is_in_the_order_of_the_text(valued):
    assert [type(step) for step in valued.steps] == [Value, Value, Compute, Cell, Value, Value, Value, Value]
    assert valued.steps[2].code == "y = 2 * x\n"
    assert Compute not in {type(block) for block in valued.blocks}


def test_results_are_put_into_html_and_markdown(valued):
    filled = valued.filled(["0.0498", "0.050", "1", "<2>", "5", "3 of 15"])
    prose, table, predict = filled.of(Prose)[0], filled.of(Prose)[1], filled.of(Predict)[0]
    span = '<span class="value" id="value-1" title="exp(-6)**0.5">0.0498</span>'
    assert f"At {span} or, by\nthe instrument, <span" in prose.text.html
    assert prose.text.markdown == "At 0.0498 or, by\nthe instrument, 0.050."
    assert "| one | 1 |" in table.text.markdown
    assert ">&lt;2&gt;</span>" in predict.reveal.html
    assert predict.question.markdown == "How much is `y`?"
    assert predict.reveal.markdown == "It is <2>, as 5 and\n3 of 15."
    assert [value.result for value in filled.values] == ["0.0498", "0.050", "1", "<2>", "5", "3 of 15"]
    assert not re.search("[\ue004\ue005]", "".join(map(html_of, filled.blocks)))
    assert [value.result for value in valued.values] == [""] * 6, "the parsed chapter is as it was"


def test_each_value_needs_its_result(valued):
    with pytest.raises(ValueError, match="zip"):
        valued.filled(["1"] * 5)


def test_a_role_that_is_shown_as_code_is_no_value():
    chapter = parse("Write ``{value}`x` `` or\n\n```\n{value}`y`\n{eq}`z`\n```\n\nfor {value}`1`.\n")
    assert [value.source for value in chapter.values] == ["1"]
    markdown = chapter.filled(["one"]).of(Prose)[0].text.markdown
    assert markdown == "Write ``{value}`x` `` or\n\n```\n{value}`y`\n{eq}`z`\n```\n\nfor one."


# --- other chapters and notes ----------------------------------------------------------------------------------------
