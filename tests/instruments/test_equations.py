"""Code names equations by number, for readers of notebooks and of status lines: each number is the right one.

`MEANT` says which equation each number means, by chapter and label. When a chapter gets another equation before one of
these, the test fails and says which numbers to correct. A look-up at run time would not do: an instrument in a notebook
has no chapters, and a docstring cannot compute.
"""

import io
import re
import tokenize
from pathlib import Path

import pytest

from diffusion_lab.app.build.chapter_tree import Equation
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.instrument.discovery import INSTRUMENTS

MEANT = {
    "1.2": "forward:jump",
    "1.4": "forward:tweedie",
    "7.1": "fewer-steps:consistency",
    "7.2": "fewer-steps:halving",
    "8.2": "text:objective",
    "10.2": "landscape:elbo",
}

#: A number in brackets, alone or after other words: "(1.2)", "(equation 8.2)".
NUMBER = re.compile(r"\((?:equations? )?(\d+\.\d+)\)")
#: Where Python writes words.
WORDS = {"STRING", "COMMENT", "FSTRING_MIDDLE"}


def numbers_in(source: str) -> set[str]:
    """Numbers of equations in the texts and remarks of Python code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    words = (token.string for token in tokens if tokenize.tok_name[token.type] in WORDS)
    return {number for text in words for number in NUMBER.findall(text)}


def wrong_numbers(sources: dict[str, str], meant: dict[str, str], equations: dict[str, str]) -> list[str]:
    """What is wrong with the numbers that code uses; `equations`: `chapter:label` → number."""
    used = {number: path for path, source in sources.items() for number in numbers_in(source)}
    found = [f"{used[number]}: ({number}) is not in MEANT" for number in used.keys() - meant.keys()]
    found += [f"MEANT has {number}, which no code uses" for number in meant.keys() - used.keys()]
    for number, label in meant.items():
        if label not in equations:
            found.append(f"there is no equation {label}")
        elif equations[label] != number:
            found.append(f"{used.get(number)}: {label} is now ({equations[label]}), not ({number})")
    return sorted(found)


@pytest.fixture(scope="module")
def equations() -> dict[str, str]:
    chapters, _ = read_documents(read_references())
    return {f"{chapter.name}:{each.label}": each.number for chapter in chapters for each in chapter.of(Equation)}


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    paths: list[Path] = sorted(INSTRUMENTS.rglob("*.py"))
    return {path.relative_to(INSTRUMENTS).as_posix(): path.read_text("utf-8") for path in paths}


def test_code_names_equations_by_their_numbers(sources, equations):
    assert wrong_numbers(sources, MEANT, equations) == []


def test_a_chapter_that_got_an_equation_is_found(sources, equations):
    moved = equations | {"forward:jump": "1.3"}
    (found,) = wrong_numbers(sources, MEANT, moved)
    assert found.endswith(": forward:jump is now (1.3), not (1.2)")


def test_a_label_that_is_gone_is_found(sources, equations):
    fewer = {label: number for label, number in equations.items() if label != "text:objective"}
    assert wrong_numbers(sources, MEANT, fewer) == ["there is no equation text:objective"]


@pytest.mark.parametrize(
    "source",
    ['"""By equation (3.1)."""', 'x = f"{y} by (3.1)"', "x = 1  # (equation 3.1)", '"""In one jump (3.1):\n"""'],
)
def test_a_number_that_nobody_explained_is_found(source, sources, equations):
    found = wrong_numbers(sources | {"new.py": source}, MEANT, equations)
    assert found == ["new.py: (3.1) is not in MEANT"]


def test_numbers_of_code_are_no_equations():
    assert numbers_in("x = f(1.2)\ny = '(±1.6, ±1.6)'\nz = '1.2'") == set()
