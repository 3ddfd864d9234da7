"""A chapter as a Jupyter notebook: prose as Markdown, cells and exercises as code, instruments as components.

It is made from the chapter's own text, whose directives and roles become what a notebook can show. It runs wherever
this package is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from diffusion_lab.app.chapter import Cell, Chapter, Equation, Exercise, Reference
from diffusion_lab.app.rendered import with_answer

#: What the cells of a page have without an import.
SET_UP = """\
# Needs the lab's package: pip install -e . in a checkout of it.
import panel as pn
from diffusion_lab.app.notebook_helpers import plot_hist, plot_image, plot_line, plot_scatter, show

pn.extension()
"""

DIRECTIVE = re.compile(r"^(:::|```)\{(\w+)\}[ ]*([^\n]*)\n(.*?)^\1[ ]*$\n?", re.S | re.M)
OPTION = re.compile(r":([a-z_]\w*):[ ]*(.*)\n")
ROLE = re.compile(r"\{(eq|cite|set)\}`([^`]*)`")


def make_notebook(
    chapter: Chapter,
    text: str,
    references: Mapping[str, Reference],
    answers: Mapping[str, float],
    constructions: Mapping[str, str],
) -> str:
    """The notebook as JSON; `text` is the chapter's file, without mistakes.

    `answers` to its quizzes by label; `constructions`: the code that makes each of its instruments, by name.
    """
    return _Notebook(chapter, references, answers, constructions).of(text)


class _Notebook:
    def __init__(
        self,
        chapter: Chapter,
        references: Mapping[str, Reference],
        answers: Mapping[str, float],
        constructions: Mapping[str, str],
    ) -> None:
        self.chapter, self.references, self.answers = chapter, references, answers
        self.constructions = constructions
        self.numbers = {block.label: block.number for block in chapter.of(Equation)}
        self.letters = {
            (type(b).__name__.lower(), b.label): b.letter for b in [*chapter.of(Cell), *chapter.of(Exercise)]
        }
        self.cells: list[nbformat.NotebookNode] = []

    def of(self, text: str) -> str:
        body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
        objectives = "\n".join(f"- {objective}" for objective in self.chapter.objectives)
        self._say(f"# {self.chapter.title}\n\n{self.chapter.lede}\n\nAfter this chapter you can\n\n{objectives}")
        self._run(SET_UP)
        position = 0
        for match in DIRECTIVE.finditer(body):
            self._say(body[position : match.start()])
            position = match.end()
            options = dict(OPTION.findall(match[4][: _options_end(match[4])]))
            self._directive(match[2], match[3].strip(), options, match[4][_options_end(match[4]) :])
        self._say(body[position:])
        notebook = new_notebook(cells=self.cells)
        notebook.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "title": self.chapter.title,
        }
        nbformat.validate(notebook)
        return str(nbformat.writes(notebook)) + "\n"

    def _directive(self, name: str, argument: str, options: dict[str, str], body: str) -> None:
        first, _, rest = body.partition("\n---\n")
        match name:
            case "equation":
                self._say(f"$$\n{first.strip()}\n\\tag{{{self.numbers[argument]}}}\n$$\n\n{rest}")
            case "instrument":
                self._say(body)
                self._run(self.constructions[argument])
            case "cell":
                self._say(f"**Cell {self.letters[name, argument]}.** {options['title']}")
                self._run(body)
            case "exercise":
                starter, solution, _ = rest.split("\n---\n")
                self._say(f"**Exercise {self.letters[name, argument]}.** {options['title']}\n\n{first}")
                self._run(starter)
                self._say(
                    _folded("Hint", options["hint"]) + _folded("A solution", f"```python\n{solution.strip()}\n```")
                )
            case "quiz":
                solved = re.sub("</?b>", "**", with_answer(rest, self.answers[argument]))
                folded = _folded("Hint", options["hint"]) + _folded("Worked solution", solved)
                self._say(f"**Question.** {first.strip()}\n\n{folded}")
            case "predict":
                self._say(f"**Before you look.** {first.strip()}\n\n{_folded('What one finds', rest)}")
            case "note":
                self._say(f"**{argument}.** {body}")
            case "references":
                self._say("\n".join(f"- {_work(self.references[key])}" for key in self.chapter.cited))

    def _say(self, text: str) -> None:
        if text.strip():
            self._add(new_markdown_cell, ROLE.sub(self._role, text).strip())

    def _run(self, code: str) -> None:
        self._add(new_code_cell, code.strip())

    def _add(self, make: Callable[..., nbformat.NotebookNode], source: str) -> None:
        self.cells.append(make(source, id=f"cell-{len(self.cells)}"))  # the same at each build

    def _role(self, match: re.Match[str]) -> str:
        content = match[2].strip()
        if match[1] == "eq":
            return f"({self.numbers[content]})"
        if match[1] == "cite":
            work = self.references[content]
            return f"[{work.authors} ({work.year})]({work.url})"
        return content.partition("|")[2].strip()


def _options_end(body: str) -> int:
    """Where the options of a directive are over."""
    end = 0
    while match := OPTION.match(body, end):
        end = match.end()
    return end


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text.strip()}\n\n</details>\n\n"


def _work(work: Reference) -> str:
    return f"{work.authors} ({work.year}): [{work.title}]({work.url}), {work.venue}"
