"""Runs what a chapter holds in CPython, at build time: cells, quiz answers, instruments' first pictures.

The functions take and return plain values, so that `build_cache.py` can run them in processes of their own
and keep what they gave. What cannot be run is `ContentError`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.embed.util import standalone_docs_json_and_render_items
from bokeh.models import ImportedStyleSheet

from diffusion_lab.app.build.rendered import ContentError, RenderedInstrument
from diffusion_lab.app.build.still_frames import make_frames
from diffusion_lab.app.cells.session import Output, Session, output_html
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.editable import sources
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument, StateError
from diffusion_lab.app.instrument.markup import scene_mark
from diffusion_lab.app.instrument.view import InstrumentView, view_of

QUIZ_NAMES = {**{name: value for name, value in vars(math).items() if not name.startswith("_")}, "np": np}

#: How long this machine took says nothing to a reader, and would make every build another one.
TAKEN = re.compile(r"( ·|,| in) \d+(\.\d+)? ms( a pass)?\b")


def run_cells(cells: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Label → output as HTML, of all cells (label, code) of a chapter in order."""
    session = Session()
    html: dict[str, str] = {}
    for part, (label, code) in enumerate(cells):
        outputs: list[Output] = []
        if not session.run(label, code, outputs.append):
            error = next(output for output in outputs if output.kind == "error")
            raise ContentError(f"Cell `{label}` fails: {error.body.splitlines()[-1]}", part, max(error.line, 1))
        html[label] = output_html(outputs)
    return html


def check_exercises(blocks: Sequence[Sequence[Any]]) -> None:
    """Of every exercise the starter runs and fails its checks, and the solution passes them.

    `blocks`: cells and exercises in order, as (label, code) and (label, starter, solution, checks, and so many lines
    that solution and checks begin after the starter).
    """
    session = Session()
    for part, (label, code, *rest) in enumerate(blocks):
        if not rest:
            session.run(label, code, lambda output: None)
            continue
        solution, checks, solution_offset, checks_offset = rest
        outcome, words, line = _tried(session.fork(), label, code, checks)
        if outcome == "error":
            raise ContentError(f"The starter of exercise `{label}` fails: {words}", part, line)
        if outcome == "passed":
            raise ContentError(f"The starter of exercise `{label}` passes its checks.", part, checks_offset + 1)
        outcome, words, line = _tried(session.fork(), label, solution, checks)
        if outcome != "passed":
            raise ContentError(f"The solution of exercise `{label}` fails: {words}", part, solution_offset + line)


def _tried(session: Session, label: str, code: str, checks: str) -> tuple[str, str, int]:
    """How an attempt ends (error, failed or passed), what is said of it, and the line that this is about."""
    outputs: list[Output] = []
    session.run_exercise(label, code, checks, outputs.append)
    for kind in ("error", "failed", "passed"):
        for output in outputs:
            if output.kind == kind:
                return kind, output.body.splitlines()[-1], max(output.line, 1)
    raise AssertionError("every attempt ends in one of these")


def answer_quizzes(quizzes: Sequence[tuple[str, str, str]]) -> dict[str, tuple[float, float]]:
    """Label → answer and tolerance, of quizzes (label, and both as expressions)."""
    answers: dict[str, tuple[float, float]] = {}
    for part, (label, *expressions) in enumerate(quizzes):
        values = []
        for name, expression in zip(("answer", "tolerance"), expressions, strict=True):
            try:
                values.append(value := float(eval(expression, dict(QUIZ_NAMES))))
            except Exception as error:
                raise ContentError(f"`{name}` of quiz `{label}` cannot be computed: {error}", part) from None
            if not math.isfinite(value):
                raise ContentError(f"`{name}` of quiz `{label}` must be a finite number, got {value:g}.", part)
        answer, tolerance = values
        if not tolerance > 0:
            raise ContentError(f"`tolerance` of quiz `{label}` must be above 0, got {tolerance:g}.", part)
        answers[label] = (answer, tolerance)
    return answers


def render_instrument(name: str, state: Mapping[str, str]) -> RenderedInstrument:
    """The front panel of an instrument in a state, with the pictures as SVG, and its document, frames and code."""
    cls = _class(name)
    try:
        instrument = cls(**cls.parse_state(state))
    except StateError as error:
        raise ContentError(str(error)) from None
    view = view_of(instrument)
    html, described, param = view.markup, view.description, instrument.panel.frames
    for scene, drawn in view.figures.items():
        html = html.replace(scene_mark(scene), figure_svg(drawn.plot), 1)
    frames, code = make_frames(view) if param else "", json.dumps(sources(cls))
    return RenderedInstrument(
        instrument.title,
        TAKEN.sub("", html),
        described,
        document_json(view, at_once=set(cls(**cls.parse_state(state)).answer(0.0).layers)),
        TAKEN.sub("", frames),
        param,
        code,
    )


def document_json(view: InstrumentView, at_once: set[str]) -> str:
    """The Bokeh document that the page draws, as JSON: {"doc": ..., "roots": ids}.

    at_once: layers that Python's first answer brings. Their sources are empty; the others are shown, pale, until the
    long work that they need is done. Panel's style sheets are left out: the front panel brings its own.
    """
    for drawn in view.figures.values():
        for name, layer in drawn.scene.layers.items():
            if f"{drawn.scene.name}.{name}" in at_once:
                drawn.put(name, layer.empty())
    document = Document()
    root = view.get_root(document, comm=None)
    for model in root.references():
        if hasattr(model, "stylesheets"):
            model.stylesheets = [sheet for sheet in model.stylesheets if not isinstance(sheet, ImportedStyleSheet)]
    root.data.status = TAKEN.sub("", view.status)
    root.data.markup = TAKEN.sub("", view.markup)
    document.add_root(root)
    made, _ = standalone_docs_json_and_render_items(document, suppress_callback_warning=True)
    return json.dumps({"doc": next(iter(made.values())), "roots": [root.ref["id"]]}, separators=(",", ":"))


def construct(name: str, state: Mapping[str, str]) -> str:
    """The code that makes an instrument in a state, which it can take."""
    cls = _class(name)
    settings = ", ".join(f"{setting}={value!r}" for setting, value in cls.parse_state(state).items())
    return f"from {cls.__module__} import {cls.__name__}\n\n{cls.__name__}({settings})"


def check_states(states: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Each names an instrument that there is, and a state that it can take."""
    for part, (name, state) in enumerate(states):
        try:
            _class(name).parse_state(state)
        except (StateError, ContentError) as error:
            raise ContentError(str(error.args[0]), part) from None


def _class(name: str) -> type[Instrument]:
    try:
        return instrument_class(name)
    except LookupError as error:
        raise ContentError(str(error.args[0])) from None
