"""Directories as cases: each holds a chapter with one mistake, `chapter.md`, and the exact error, `expected.txt`.

In `expected.txt`, `<instruments>` and `<diagrams>` stand for the names of all of them, `<settings of name>` and
`<readings of name>` for those of one, so that a new instrument, setting or reading changes no case. A case without
`expected.txt` fails; to have the files written for you, set LAB_WRITE_EXPECTED=1, and read what was written.
"""

import os
import re
from pathlib import Path

import pytest

from diffusion_lab.app.build import chapter_results, prerender
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import ChapterError, Reference, link_equations
from diffusion_lab.app.build.diagrams import diagram_names
from diffusion_lab.app.build.typeset import typeset
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names

CASES = Path(__file__).parent / "cases"
WRITE = os.environ.get("LAB_WRITE_EXPECTED") == "1"

REFERENCES = {
    "ho2020": Reference(
        "ho2020", "Ho, Jain & Abbeel", 2020, "Denoising", "NeurIPS", "https://arxiv.org/abs/2006.11239"
    ),
    "song2019": Reference("song2019", "Song & Ermon", 2019, "Gradients", "NeurIPS", "https://arxiv.org/abs/1907.05600"),
}


#: A chapter with one equation.
OTHER = """---
number: 1
title: Other
lede: Another chapter.
minutes: 5
builds_on: []
objectives: []
---
:::{equation} one
x = 1
---
One.
:::
"""


def here(function: str, *arguments: object) -> object:
    """Calls a function of `prerender.py` in this process."""
    return getattr(prerender, function.removeprefix(f"{prerender.__name__}:"))(*arguments)


def message(text: str, folder: Path) -> str:
    """What the build says of a chapter, its formulas kept in `folder`: the same calls as in `build_site`."""
    try:
        chapter = parse_chapter(Path("chapter.md"), text, REFERENCES)
        (chapter,) = link_equations([chapter], [parse_chapter(Path("01-other.md"), OTHER, {})])
        chapter_results.run_chapter(chapter, here)
        typeset([chapter], BuildCache(folder))
    except ChapterError as error:
        return str(error)
    return "no error"


def expected(folder: Path, got: str) -> str:
    path = folder / "expected.txt"
    if WRITE and not path.exists():
        path.write_text(got + "\n", "utf-8")
    if not path.exists():
        pytest.fail(f"{path} is missing; the build says: {got}", pytrace=False)
    text = path.read_text("utf-8").removesuffix("\n")
    text = text.replace("<instruments>", ", ".join(instrument_names()))
    text = text.replace("<diagrams>", ", ".join(diagram_names()))
    text = re.sub(r"<settings of (\w+)>", lambda match: ", ".join(instrument_class(match[1]).settings()), text)
    return re.sub(r"<readings of (\w+)>", lambda match: ", ".join(instrument_class(match[1])().all_readings()), text)


def cases() -> list[str]:
    return sorted(path.name for path in CASES.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", cases())
def test_case(name, tmp_path):
    got = message((CASES / name / "chapter.md").read_text("utf-8"), tmp_path)
    assert got == expected(CASES / name, got)


def test_the_cases_are_there():
    assert len(cases()) >= 60


def test_a_case_without_its_expected_file_fails(tmp_path):
    with pytest.raises(pytest.fail.Exception, match=r"expected\.txt is missing; the build says: no error"):
        expected(tmp_path, "no error")
    assert list(tmp_path.iterdir()) == []
