"""A chapter as a notebook: complete, and it runs where the package is installed."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from diffusion_lab.app import prerender
from diffusion_lab.app.chapter import Cell, Exercise, InstrumentSlot, Quiz, parse_chapter
from diffusion_lab.app.notebook import make_notebook
from diffusion_lab.app.site import _chapter_paths, _references

PATHS = {path.stem: path for path in _chapter_paths()}


def notebook(path: Path) -> nbformat.NotebookNode:
    text, references = path.read_text("utf-8"), _references()
    chapter = parse_chapter(path, text, references)
    slots = {slot.name: prerender.construct(slot.name, slot.state) for slot in chapter.of(InstrumentSlot)}
    answers = {quiz.label: 1.0 for quiz in chapter.of(Quiz)}
    return nbformat.reads(make_notebook(chapter, text, references, answers, slots), 4)


@pytest.mark.parametrize("slug", PATHS)
def test_nothing_of_the_chapter_is_lost_and_no_directive_is_left(slug):
    chapter = parse_chapter(PATHS[slug], PATHS[slug].read_text("utf-8"), _references())
    made = notebook(PATHS[slug])
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    prose = "\n\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    for block in [*chapter.of(Cell), *chapter.of(Exercise)]:
        assert block.code.strip() in code
        assert block.title in prose
    assert len(code) == 1 + sum(len(chapter.of(kind)) for kind in (Cell, Exercise, InstrumentSlot))
    for mark in (":::", "{cell}", "{eq}", "{cite}", "{set}", ":title:", "{answer", "\n---\n"):
        assert mark not in prose, mark
    for equation in range(prose.count("\\tag{")):
        assert f"\\tag{{{chapter.number}.{equation + 1}}}" in prose
    assert all(heading in prose for heading in ("## ", "<details><summary>Worked solution</summary>"))


def test_a_build_gives_the_same_notebook_each_time():
    path = PATHS["01-forward"]
    assert json.dumps(notebook(path)) == json.dumps(notebook(path))


def test_an_instrument_stands_in_its_state():
    code = [cell.source for cell in notebook(PATHS["01-forward"]).cells if cell.cell_type == "code"]
    assert "from diffusion_lab.instruments.ring.component import Ring\n\nRing(t=0.05)" in code


@pytest.mark.parametrize("slug", PATHS)
def test_it_runs(slug, tmp_path):
    made = notebook(PATHS[slug])
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in made.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert len(printed) > 100
