"""Runs what a chapter holds: cells, values, quizzes, exercises and instruments, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from diffusion_lab.app.build.chapter_tree import (
    Cell,
    Chapter,
    Compute,
    Diagram,
    Document,
    Exercise,
    InstrumentSlot,
    Preset,
    Quiz,
    Value,
    instrument_of,
)
from diffusion_lab.app.build.rendered import (
    ContentError,
    RenderedDiagram,
    RenderedInstrument,
    RenderedQuiz,
    with_answer,
)

PRERENDER = "diffusion_lab.app.build.prerender"


@dataclass
class Page:
    """A chapter with the results of running its cells, quizzes and instruments."""

    chapter: Chapter
    cells: dict[str, str]
    quizzes: dict[str, RenderedQuiz]
    #: By slot.
    instruments: dict[str, RenderedInstrument]
    #: By name.
    diagrams: dict[str, RenderedDiagram]
    #: For the notebook: the code that constructs the instrument of each slot in its state.
    constructions: dict[str, str]


#: Calls a function, named `module:function`, with arguments that JSON can hold.
Call = Callable[..., Any]


def _run(document: Document, compute: Call, function: str, parts: Sequence[Any], *arguments: Any) -> Any:
    """Runs a function of `prerender.py` on parts of a document; adds file and line to a `ContentError`."""
    if not parts:
        return {}
    try:
        return compute(f"{PRERENDER}:{function}", *arguments)
    except ContentError as refused:
        raise document.error(parts[refused.part].line + refused.line - 1, refused.message) from None


def run_document(document: Any, compute: Call) -> tuple[dict[str, str], Any]:
    """Returns the outputs of a document's cells by label, and the document with its values filled in."""
    steps = [step for step in document.steps if not getattr(step, "slot", "")]
    outputs, texts = _run(document, compute, "run_steps", steps, [_as_step(step) for step in steps]) or ({}, [])
    results = dict(zip([step.label for step in steps if isinstance(step, Value)], texts, strict=True))
    places = {slot.name: slot.state for slot in document.of(InstrumentSlot)}
    for slot in dict.fromkeys(step.slot for step in [*document.presets, *document.values] if step.slot):
        steps = [step for step in document.steps if getattr(step, "slot", "") == slot]
        name = instrument_of(slot)
        if name != slot and slot not in places:
            raise document.error(steps[0].line, f"No instrument `{slot}` is in this chapter.")
        texts = _run(
            document, compute, "read_values", steps, name, places.get(slot), [_as_step(step) for step in steps]
        )
        results |= dict(zip([step.label for step in steps if isinstance(step, Value)], texts, strict=True))
    return outputs, document.filled([results[value.label] for value in document.values])


def _as_step(step: Cell | Compute | Value | Preset) -> list[Any]:
    """Converts a step to the form that `run_steps` takes or, with an instrument, that `read_values` takes."""
    match step:
        case Cell():
            return ["cell", step.label, step.code]
        case Compute():
            return ["compute", step.code]
        case Preset():
            return ["preset", step.block, step.state, step.keep]
        case Value() if step.slot:
            return ["value", step.block, step.state, step.expression, step.format]
        case _:
            return ["value", step.expression, step.format]


def run_chapter(chapter: Chapter, compute: Call) -> Page:
    """Checks and runs all parts of the chapter; returns it with their results."""
    run = partial(_run, chapter, compute)
    quizzes, slots = chapter.of(Quiz), chapter.of(InstrumentSlot)
    for preset in chapter.presets:
        if preset.slot not in {slot.name for slot in slots}:
            raise chapter.error(preset.line, f"No instrument `{preset.slot}` is in this chapter.")
    run("check_states", slots, [[slot.instrument, slot.state] for slot in slots])
    code_blocks = [block for block in chapter.blocks if isinstance(block, Cell | Exercise)]
    if chapter.of(Exercise):
        run("check_exercises", code_blocks, [_as_run(block) for block in code_blocks])
    outputs, chapter = run_document(chapter, compute)
    quizzes, slots = chapter.of(Quiz), chapter.of(InstrumentSlot)  # with their values
    answers = run("answer_quizzes", quizzes, [_as_asked(quiz) for quiz in quizzes])
    return Page(
        chapter=chapter,
        cells=outputs,
        quizzes={quiz.label: _solved(chapter, quiz, *answers[quiz.label]) for quiz in quizzes},
        instruments={slot.name: run("render_instrument", [slot], slot.instrument, slot.state) for slot in slots},
        diagrams={each.name: run("draw_diagram", [each], each.name) for each in chapter.of(Diagram)},
        constructions={slot.name: run("construct", [slot], slot.instrument, slot.state) for slot in slots},
    )


def _as_run(block: Cell | Exercise) -> list[Any]:
    """Converts a cell or an exercise to the form that `check_exercises` takes."""
    if isinstance(block, Cell):
        return [block.label, block.code]
    return [block.label, block.starter, block.solution, block.checks, block.solution_offset, block.checks_offset]


def _as_asked(quiz: Quiz) -> list[Any]:
    """Converts a quiz to the form that `answer_quizzes` takes."""
    mistakes = [[mistake.value, mistake.line - quiz.line + 1] for mistake in quiz.mistakes]
    return [quiz.label, quiz.answer, quiz.tolerance, mistakes]


def _solved(chapter: Chapter, quiz: Quiz, answer: float, tolerance: float, mistakes: list[float]) -> RenderedQuiz:
    try:
        return RenderedQuiz(answer, tolerance, mistakes, with_answer(quiz.solution.html, answer))
    except ContentError as refused:
        raise chapter.error(quiz.line, refused.message) from None
