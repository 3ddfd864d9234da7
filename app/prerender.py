"""Runs what a chapter holds in CPython, at build time: cells, quiz answers, instruments' first pictures."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from diffusion_lab.app.cells import Output, Session, output_html
from diffusion_lab.app.chapter import Cell, Chapter, InstrumentSlot, Preset, Quiz
from diffusion_lab.app.component import Instrument, StateError
from diffusion_lab.app.discovery import instrument_class
from diffusion_lab.app.figure_svg import figure_svg
from diffusion_lab.app.frames import make_frames

QUIZ_NAMES = {**{name: value for name, value in vars(math).items() if not name.startswith("_")}, "np": np}


@dataclass(frozen=True)
class RenderedInstrument:
    """An instrument as it stands on the page before Python has loaded."""

    title: str
    html: str
    description: str
    #: What its main slider shows, as JSON; "" where it has none.
    frames: str
    frames_param: str


@dataclass(frozen=True)
class RenderedQuiz:
    """A quiz with its answer computed."""

    answer: float
    tolerance: float
    solution_html: str


def run_cells(chapter: Chapter) -> dict[str, str]:
    """Label → output as HTML, of all cells of a chapter in order; a cell that raises is an error of the chapter."""
    session = Session()
    html: dict[str, str] = {}
    for cell in chapter.of(Cell):
        outputs: list[Output] = []
        if not session.run(cell.label, cell.code, outputs.append):
            error = next(output for output in outputs if output.kind == "error")
            raise chapter.error(
                cell.line + max(error.line, 1) - 1,
                f"Cell `{cell.label}` fails: {error.body.splitlines()[-1]}",
            )
        html[cell.label] = output_html(outputs)
    return html


def answer_quiz(chapter: Chapter, quiz: Quiz) -> RenderedQuiz:
    """The quiz's answer from its expression, put into the worked solution at `{answer:…}`."""
    values = []
    for name, expression in (("answer", quiz.answer), ("tolerance", quiz.tolerance)):
        try:
            values.append(float(eval(expression, dict(QUIZ_NAMES))))
        except Exception as error:
            raise chapter.error(quiz.line, f"`{name}` of quiz `{quiz.label}` cannot be computed: {error}") from None
    for name, value in zip(("answer", "tolerance"), values, strict=True):
        if not math.isfinite(value):
            raise chapter.error(quiz.line, f"`{name}` of quiz `{quiz.label}` must be a finite number, got {value:g}.")
    answer, tolerance = values
    if not tolerance > 0:
        raise chapter.error(quiz.line, f"`tolerance` of quiz `{quiz.label}` must be above 0, got {tolerance:g}.")

    def put(match: re.Match[str]) -> str:
        try:
            return f"<b>{format(answer, match[1] or 'g')}</b>"
        except ValueError:
            raise chapter.error(quiz.line, f"`{match[0]}` is no number format.") from None

    return RenderedQuiz(answer, tolerance, re.sub(r"\{answer(?::([^{}]*))?\}", put, quiz.solution_html))


def render_instrument(chapter: Chapter, slot: InstrumentSlot) -> RenderedInstrument:
    """The instrument of a slot, in the state that the slot gives it."""
    cls = _class(chapter, slot.name, slot.line)
    try:
        return _rendered(cls(**cls.parse_state(slot.state)))
    except StateError as error:
        raise chapter.error(slot.line, str(error)) from None


def render_default(name: str) -> RenderedInstrument:
    """An instrument in its default state."""
    return _rendered(instrument_class(name)())


def _rendered(instrument: Instrument) -> RenderedInstrument:
    """Front panel with the pictures as SVG in their places."""
    html = instrument.markup.replace("<!--picture-->", figure_svg(instrument.plot), 1)
    if instrument.chart_plot is not None:
        html = html.replace("<!--chart-->", figure_svg(instrument.chart_plot), 1)
    described, param = instrument.description, instrument.front_panel.frames
    return RenderedInstrument(instrument.title, html, described, make_frames(instrument) if param else "", param)


def check_preset(chapter: Chapter, preset: Preset) -> None:
    """A link in prose sets an instrument that stands in the chapter, to values it can take."""
    if preset.name not in {slot.name for slot in chapter.of(InstrumentSlot)}:
        raise chapter.error(preset.line, f"No instrument `{preset.name}` stands in this chapter.")
    try:
        _class(chapter, preset.name, preset.line).parse_state(preset.state)
    except StateError as error:
        raise chapter.error(preset.line, str(error)) from None


def _class(chapter: Chapter, name: str, line: int) -> type[Instrument]:
    try:
        return instrument_class(name)
    except LookupError as error:
        raise chapter.error(line, str(error.args[0])) from None
