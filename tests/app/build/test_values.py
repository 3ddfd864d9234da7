"""The values of the site: computed once, cached, and put where they belong."""

from pathlib import Path
from typing import Any

import pytest

from diffusion_lab.app.build import build_cache, chapter_results, prerender
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.chapter_parser import parse_about, parse_chapter
from diffusion_lab.app.build.chapter_tree import Chapter, ChapterError, Prose

FRONT = "---\nnumber: 2\ntitle: T\nlede: L\nminutes: 1\nbuilds_on: []\nobjectives: []\n---\n"
TEXT = """Before: {value}`ring t=0.5 : alpha_bar` and {value}`exp(-3) | .3f`.

```{cell} a
:title: A
x = 7
print(x)
```

After: {value}`2 * x` of {value}`ring t=0.25 : t`.
"""


def chapter(text: str = TEXT) -> Chapter:
    return parse_chapter(Path("02-this.md"), FRONT + text, {})


class Calls:
    """Calls functions in this process, and counts."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, function: str, *arguments: Any) -> Any:
        name = function.partition(":")[2]
        self.made.append(name)
        return getattr(prerender, name)(*arguments)


def test_cells_and_values_run_once_and_come_where_they_belong():
    calls = Calls()
    outputs, filled = chapter_results.run_document(chapter(), calls)
    assert calls.made == ["run_steps", "read_values"]
    assert outputs == {"a": '<pre class="output text">\n7\n</pre>'}
    assert [prose.text.markdown for prose in filled.of(Prose)] == ["Before: 0.050 and 0.050.", "After: 14 of 0.250."]
    assert [value.result for value in filled.values] == ["0.050", "0.050", "14", "0.250"]


def test_a_text_without_values_runs_nothing():
    calls = Calls()
    outputs, filled = chapter_results.run_document(chapter("Words.\n"), calls)
    assert (outputs, filled.values, calls.made) == ({}, [], [])


def test_the_values_are_cached(tmp_path, monkeypatch):
    ran: list[str] = []
    run = build_cache.run_in_fresh_process

    def counted(function: str, *arguments: Any) -> Any:
        ran.append(function.partition(":")[2])
        return run(function, *arguments)

    monkeypatch.setattr(build_cache, "run_in_fresh_process", counted)
    results = []
    for text in (TEXT, TEXT, TEXT.replace("After", "Afterwards")):
        _, filled = chapter_results.run_document(chapter(text), BuildCache(tmp_path).of)
        results.append([value.result for value in filled.values])
    assert results == [["0.050", "0.050", "14", "0.250"]] * 3
    assert ran == ["run_steps", "read_values"]
    chapter_results.run_document(chapter(TEXT.replace("t=0.25", "t=0.75")), BuildCache(tmp_path).of)
    assert ran == ["run_steps", "read_values", "read_values"]


def test_what_is_wrong_in_notes_is_told_with_file_and_line():
    about = parse_about(Path("instruments/ring/about.md"), "# Title\n\nIt is {value}`nothing | .1f`.\n", "ring")
    with pytest.raises(ChapterError, match=r"^instruments/ring/about\.md:3: The value `nothing` cannot be computed: "):
        chapter_results.run_document(about, Calls())


def test_an_error_of_one_reading_has_the_line_of_that_reading():
    with pytest.raises(ChapterError, match=r"^02-this\.md:17: `t` must be"):
        chapter_results.run_document(chapter(TEXT.replace("t=0.25", "t=2")), Calls())
