"""Notes of an instrument (`about.md`) and references to equations of other chapters."""

from pathlib import Path

import pytest

from diffusion_lab.app.build.chapter_parser import parse_about
from diffusion_lab.app.build.chapter_tree import (
    Chapter,
    ChapterError,
    Prose,
    link_equations,
)

from .parsed_chapters import BODY, parse


@pytest.fixture(scope="module")
def chapter() -> Chapter:
    return parse(BODY)


ABOUT = """# An instrument

## What it shows

Of {eq}`name:second`, with $x_1$: {value}`k | d` words.

```{compute}
k = 3
```

And {value}`k | d`.
"""


def about(text: str = ABOUT) -> object:
    return parse_about(Path("instruments/ring/about.md"), text, "ring")


def test_references_to_equations_of_other_chapters(chapter):
    (linked,) = link_equations(
        [parse("By {eq}`name:second`, not {eq}`own`.\n\n:::{equation} own\nx\n---\ny\n:::\n")], [chapter]
    )
    text = linked.of(Prose)[0].text
    link = '<a class="eqref" href="07-name.html#eq-second">(7.2)</a>'
    assert text.html == f'<p>By {link}, not <a class="eqref" href="#eq-own">(7.1)</a>.</p>\n'
    assert text.markdown == "By (7.2), not (7.1)."


def test_notes_of_an_instrument(chapter):
    (linked,) = link_equations([about()], [chapter])
    html = linked.filled(["no", "3"]).html
    assert html.startswith("<h3>An instrument</h3>\n<h4>What it shows</h4>")
    assert 'Of <a class="eqref" href="07-name.html#eq-second">(7.2)</a>, with \ue000ring:0\ue001: ' in html
    assert 'And <span class="value" id="value-ring-2" title="k">3</span>.' in html
    assert [formula.tex for formula in linked.formulas] == ["x_1"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("Text.\n\nBy {eq}`jump`.\n", 3, "Outside of a chapter an equation is `chapter:label`, got `jump`."),
        ("By {cite}`ho2020`.\n", 1, "No work `ho2020` in references.toml; it has ."),
        ("Text.\n\n:::{note} No\nText.\n:::\n", 3, "Unknown directive `note`; there is compute."),
    ],
)
def test_what_notes_cannot_hold(text, line, message):
    with pytest.raises(ChapterError) as caught:
        about(text)
    assert str(caught.value) == f"instruments/ring/about.md:{line}: {message}"


def test_a_wrong_equation_in_notes_is_told_with_its_line(chapter):
    with pytest.raises(ChapterError) as caught:
        link_equations([about(ABOUT.replace("name:second", "name:third"))], [chapter])
    told = "instruments/ring/about.md:5: No equation `third` in chapter `name`; it has first, second."
    assert str(caught.value) == told
