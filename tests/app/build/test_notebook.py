"""A chapter as a notebook: complete, and it runs where the package is installed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from diffusion_lab.app.build import prerender
from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import Cell, Chapter, Diagram, Equation, Exercise, InstrumentSlot, Quiz
from diffusion_lab.app.build.notebook import CHECKS, SET_UP, make_notebook
from diffusion_lab.app.build.rendered import RenderedDiagram, RenderedQuiz
from diffusion_lab.app.build.site import ROOT, chapter_paths, read_documents, read_references
from diffusion_lab.app.cells.exercises import PASSED
from diffusion_lab.app.cells.session import Session

PATHS = {path.stem: path for path in chapter_paths()}

#: Marks of the chapter's own language, which is not Jupyter's.
MARKS = (
    ":::",
    "{cell}",
    "{eq}",
    "{cite}",
    "{citet}",
    "{set}",
    "{value}",
    "\ue002",
    "\ue004",
    ":title:",
    ":hint:",
    "{answer",
    "\n---\n",
)

#: By which Jupyter knows an output of Panel that is live.
LIVE = "application/vnd.holoviews_exec.v0+json"


@cache
def parsed(slug: str) -> Chapter:
    """The chapter, with a number in the place of each value."""
    (chapter,) = [chapter for chapter in read_documents(read_references())[0] if chapter.slug == slug]
    return chapter.filled([f"{k}.5" for k in range(len(chapter.values))])


def written(slug: str) -> str:
    chapter = parsed(slug)
    slots = {slot.name: prerender.construct(slot.instrument, slot.state) for slot in chapter.of(InstrumentSlot)}
    quizzes = {quiz.label: RenderedQuiz(1.0, 0.1, [2.125] * len(quiz.mistakes), "") for quiz in chapter.of(Quiz)}
    diagrams = {each.name: RenderedDiagram("Title", "In words.", {}, "<svg/>") for each in chapter.of(Diagram)}
    return make_notebook(chapter, read_references(), quizzes, slots, diagrams, "lab.whl")


def notebook(slug: str) -> nbformat.NotebookNode:
    return nbformat.reads(written(slug), 4)


def code_of(made: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in made.cells if cell.cell_type == "code"]


def lost(chapter: Chapter, made: nbformat.NotebookNode) -> list[str]:
    """What the chapter has and the notebook has not, and marks of the chapter's language that are left in it."""
    prose = "\n\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    all_code = code_of(made)
    text = prose + "\n".join(all_code)
    code = [block.code.strip() for block in [*chapter.of(Cell), *chapter.of(Exercise)]]
    code += [f"{CHECKS}\n{exercise.checks}".strip() for exercise in chapter.of(Exercise)]
    words = [f"\\tag{{{equation.number}}}" for equation in chapter.of(Equation)]
    words += [block.title for block in [*chapter.of(Cell), *chapter.of(Exercise)]]
    words += [
        f"- If you have 2.125: {mistake.words.markdown}" for quiz in chapter.of(Quiz) for mistake in quiz.mistakes
    ]
    words += [read_references()[key].url for key in chapter.cited]
    _, _, body = (ROOT / chapter.path).read_text("utf-8").split("---\n", 2)
    body = re.sub(r"```\{compute\}.*?```", "", body, flags=re.S)  # for the build alone
    words += [first_words(line) for line in body.splitlines() if line[:1].isalpha()]
    return (
        [each for each in code if each not in all_code]
        + [each for each in words if each not in text]
        + [mark for mark in MARKS if mark in prose]
    )


def first_words(line: str) -> str:
    """As far as there is nothing that a notebook writes in another way."""
    return line.partition("{")[0]


@pytest.mark.parametrize("slug", PATHS)
def test_nothing_of_the_chapter_is_lost(slug):
    assert lost(parsed(slug), notebook(slug)) == []


MUTANTS: dict[str, Callable[[str], str]] = {
    "a cell": lambda source: source.replace("rng = np.random", "rng = None"),
    "an equation's number": lambda source: source.replace("\\tag{1.2}", ""),
    "a check": lambda source: source.replace("check(close(got", "(close(got"),
    "a paragraph": lambda source: source.replace("Suppose you want", ""),
    "a mistake": lambda source: re.sub("- If you have 2.125: .*", "", source),
    "a role": lambda source: source.replace("(1.1)", "{eq}`step`"),
    "a work": lambda source: source.replace("https://", "http://"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_is_lost_is_found(mutant):
    made = notebook("01-forward")
    for cell in made.cells:
        cell.source = MUTANTS[mutant](cell.source)
    assert lost(parsed("01-forward"), made)


FRONT = "---\nnumber: 2\ntitle: T\nlede: L\nminutes: 1\nbuilds_on: []\nobjectives: []\n---\n"


def test_values_and_equations_are_text():
    text = """## About {eq}`one`

{value}`-0.5 | .1f` by {eq}`one` and {eq}`other:two`.

```{cell} a
:title: A
x = 1
```

{value}`x` and {value}`x`.

:::{equation} one
x
---
One.
:::
"""
    chapter = parse_chapter(Path("02-this.md"), FRONT + text, {})
    chapter = chapter.with_equations({"other:two": ("01-other.html#eq-two", "1.2")}).filled(["−0.5", "1", "2"])
    made = nbformat.reads(make_notebook(chapter, {}, {}, {}, {}, "lab.whl"), 4)
    sources = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert {"## About (2.1)", "−0.5 by (2.1) and (1.2).", "1 and 2."} < set(sources)


def test_a_build_gives_the_same_notebook_each_time():
    assert written("01-forward") == written("01-forward")


def test_the_set_up_has_what_the_cells_of_a_page_have():
    imported = {
        alias.name for node in ast.parse(SET_UP).body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imported == set(Session().namespace) - {"__name__"}


def test_an_instrument_stands_in_its_state():
    assert "from diffusion_lab.instruments.ring.component import Ring\n\nRing(t=0.05)" in code_of(
        notebook("01-forward")
    )


def ran(made: nbformat.NotebookNode, folder: object) -> nbformat.NotebookNode:
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return made


def said(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") or output.data.get("text/markdown", "") for output in cell.outputs)


@pytest.mark.parametrize("slug", PATHS)
def test_it_runs(slug, tmp_path):
    """Starters fail their checks, solutions pass them, what a cell prints or plots is there, instruments are live."""
    chapter, made = parsed(slug), notebook(slug)
    for exercise in chapter.of(Exercise):
        place = code_cell(made, exercise.starter)
        solved = [nbformat.v4.new_code_cell(exercise.solution), nbformat.v4.new_code_cell(made.cells[place + 1].source)]
        made.cells[place + 2 : place + 2] = solved
    ran(made, tmp_path)
    for exercise in chapter.of(Exercise):
        place = code_cell(made, exercise.starter)
        assert said(made.cells[place + 1]).startswith("**Not yet.**")
        assert said(made.cells[place + 3]) == f"**{PASSED}**"
    for cell in chapter.of(Cell):
        assert said(made.cells[code_cell(made, cell.code)]) or LIVE in str(made.cells[code_cell(made, cell.code)])
    for name in {slot.instrument for slot in chapter.of(InstrumentSlot)}:
        shown = [cell for cell in made.cells if f"instruments.{name}.component" in cell.source and "outputs" in cell]
        assert LIVE in str(shown[0].outputs)


def code_cell(made: nbformat.NotebookNode, code: str) -> int:
    return next(place for place, cell in enumerate(made.cells) if cell.source == code.strip())


def test_figures_are_live_wherever_they_come_from_and_checks_leave_no_name(tmp_path):
    sources = [
        SET_UP,
        "from bokeh.plotting import figure\nfigure(title='last')",
        "show(figure(title='shown'), 7)",
        "plot_line([1, 2], [3, 4])",
        "%%checks\nleft = 1\ncheck(False, 'Use `np.sqrt`.')",
        "print('left' in globals())",
        "%%checks\n1 / 0",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(made, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, last, shown, plotted, failed, left, broken = made.cells
    assert all(LIVE in str(cell.outputs) for cell in (last, shown, plotted))
    assert said(failed) == "**Not yet.** Use `np.sqrt`."
    assert said(left) == "False\n"
    assert [output.output_type for output in broken.outputs] == ["display_data", "error"]
