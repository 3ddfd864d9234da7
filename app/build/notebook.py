"""Converts a chapter to a Jupyter notebook: prose as Markdown, cells and exercises as code, instruments as components.

The notebook runs wherever this package is installed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from diffusion_lab.app.build.chapter_tree import (
    DEPTHS,
    Block,
    Cell,
    Chapter,
    Depth,
    Diagram,
    Equation,
    Exercise,
    Heading,
    InstrumentSlot,
    Listing,
    Note,
    Predict,
    Prose,
    Quiz,
    Reference,
    References,
    Tiles,
)
from diffusion_lab.app.build.rendered import RenderedDiagram, RenderedQuiz, with_answer

#: Imports the names that a page's cells have without an import; `{package}` is the file name of the lab's wheel.
SET_UP = """\
# Needs JupyterLab and the lab's package, which is where this notebook came from:
# pip install jupyterlab ./{package}
import panel as pn
from diffusion_lab.app.cells.notebook_helpers import plot_hist, plot_image, plot_line, plot_scatter, show

pn.extension(inline=True)  # without the internet too
"""

#: The first line of a cell that checks an exercise; Jupyter shows such a cell folded.
CHECKS = "%%checks"
FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["checks"]}

#: The roles that the parsed Markdown of a chapter still contains.
ROLE = re.compile(r"\{(cite|citet|set)\}`([^`]*)`")


def make_notebook(
    chapter: Chapter,
    references: Mapping[str, Reference],
    quizzes: Mapping[str, RenderedQuiz],
    constructions: Mapping[str, str],
    diagrams: Mapping[str, RenderedDiagram],
    package: str,
) -> str:
    """Returns the notebook as JSON.

    `quizzes`: the computed quizzes by label; `constructions`: instrument name → code that constructs it; `diagrams`: by
    name; `package`: file name of the lab's wheel.
    """
    cells = _Cells(chapter, references, quizzes, constructions, diagrams)
    cells.head(package)
    for block in chapter.blocks:
        cells.add(block)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": chapter.title,
    }
    notebook = new_notebook(cells=cells.made, metadata=metadata)
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


class _Cells:
    """Collects the notebook's cells in `made`."""

    def __init__(
        self,
        chapter: Chapter,
        references: Mapping[str, Reference],
        quizzes: Mapping[str, RenderedQuiz],
        constructions: Mapping[str, str],
        diagrams: Mapping[str, RenderedDiagram],
    ) -> None:
        self.chapter, self.references, self.quizzes = chapter, references, quizzes
        self.constructions, self.diagrams = constructions, diagrams
        self.made: list[nbformat.NotebookNode] = []

    def head(self, package: str) -> None:
        """Adds the cells before the first block: title, objectives and imports."""
        objectives = "\n".join(f"- {objective}" for objective in self.chapter.objectives)
        title = f"# {self.chapter.number}. {self.chapter.title}"
        self._say(f"{title}\n\n{self.chapter.lede}\n\nAfter this chapter you can\n\n{objectives}")
        self._run(SET_UP.format(package=package))

    def add(self, block: Block) -> None:
        """Adds the cells of one block."""
        match block:
            case Heading():
                self._say(f"## {block.text.markdown}")
            case Depth():
                self._say(f"*{DEPTHS[block.depth]}*")
            case Prose():
                self._say(block.text.markdown)
            case Equation():
                self._say(f"$$\n{block.tex}\n\\tag{{{block.number}}}\n$$\n\n{block.words.markdown}")
            case InstrumentSlot():
                self._say(block.caption.markdown)
                self._run(self.constructions[block.name])
            case Diagram():
                self._show(block, self.diagrams[block.name])
            case Cell():
                self._say(f"**Cell {block.letter}.** {block.title}")
                self._run(block.code)
            case Listing():
                title = f"**Listing {block.number}.** {block.title}. Not run here: needs {block.needs}."
                self._say(f"{title}\n\n```python\n{block.code}```")
            case Exercise():
                solution = f"```python\n{block.solution}```"
                folded = _folded("Hint", block.hint.markdown) + _folded("A solution", solution)
                self._say(f"**Exercise {block.letter}.** {block.title}\n\n{block.task.markdown}")
                self._run(block.starter)
                self._run(f"{CHECKS}\n{block.checks}", FOLDED)
                self._say(f"The cell above checks your answer. Run it after yours.\n\n{folded}")
            case Quiz():
                computed = self.quizzes[block.label]
                solution = with_answer(block.solution.markdown, computed.answer, strong="**{}**")
                wrong = "\n".join(
                    f"- If you have {value:.4g}: {mistake.words.markdown}"
                    for value, mistake in zip(computed.mistakes, block.mistakes, strict=True)
                )
                folded = _folded("Hint", block.hint.markdown)
                folded += _folded("Worked solution", f"{solution}\n\n{wrong}".strip())
                self._say(f"**Question.** {block.question.markdown}\n\n{folded}")
            case Predict():
                folded = _folded("Answer", block.reveal.markdown)
                self._say(f"**Before you look.** {block.question.markdown}\n\n{folded}")
            case Note():
                self._say(f"**{block.title.markdown}.** {block.text.markdown}")
            case Tiles():
                pairs = zip(block.numbers, block.words, strict=True)
                self._say("\n".join(f"- **{number.markdown}** {words.markdown}" for number, words in pairs))
            case References():
                self._say("\n".join(f"- {_work(self.references[key])}" for key in self.chapter.cited))

    def _say(self, markdown: str) -> None:
        if markdown:
            self._cell(new_markdown_cell, ROLE.sub(self._role, markdown))

    def _show(self, block: Diagram, diagram: RenderedDiagram) -> None:
        file = f"diagram-{block.name}.svg"
        words = _folded("The figure in words", diagram.words)
        self._say(
            f"![{diagram.title}](attachment:{file})\n\n**Figure {block.number}.** {block.caption.markdown}\n\n{words}"
        )
        picture = base64.b64encode(diagram.file.encode()).decode()
        self.made[-1]["attachments"] = {file: {"image/svg+xml": picture}}

    def _run(self, code: str, metadata: Mapping[str, object] | None = None) -> None:
        self._cell(new_code_cell, code, metadata)

    def _cell(
        self,
        make: Callable[..., nbformat.NotebookNode],
        source: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        identifier = f"cell-{len(self.made)}"  # the same at each build
        self.made.append(make(source.strip(), id=identifier, metadata=metadata or {}))

    def _role(self, match: re.Match[str]) -> str:
        role, content = match[1], match[2].strip()
        if role == "set":
            return content.partition("|")[2].strip()  # only its text
        works = [self.references[key.strip()] for key in content.split(",")]
        links = [f"[{work.cited(in_sentence=role == 'citet')}]({work.url})" for work in works]
        return links[0] if role == "citet" else f"({'; '.join(links)})"


def _folded(summary: str, markdown: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{markdown}\n\n</details>\n\n"


def _work(work: Reference) -> str:
    return f"{work.authors} ({work.year}): [{work.title}]({work.url}), {work.venue}"
