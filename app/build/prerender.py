"""Runs a chapter's cells, values, quiz answers and instruments in CPython at build time.

The functions take and return plain values, so that `build_cache.py` can run them in separate processes and cache their
results. They raise `ContentError` for content that fails.
"""

from __future__ import annotations

import json
import math
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.embed.util import standalone_docs_json_and_render_items
from bokeh.models import ImportedStyleSheet

from diffusion_lab.app.build.rendered import ContentError, RenderedDiagram, RenderedInstrument
from diffusion_lab.app.build.settings_table import settings_table
from diffusion_lab.app.build.still_frames import make_frames, without_times
from diffusion_lab.app.cells.outputs import Output, output_html
from diffusion_lab.app.cells.session import Session
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.editable import sources
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument, StateError
from diffusion_lab.app.instrument.markup import scene_mark
from diffusion_lab.app.instrument.readings import NOTHING, AtLeast, Estimate, number_text
from diffusion_lab.app.instrument.theme import TOKENS, ThemeName
from diffusion_lab.app.instrument.view import InstrumentView, view_of

QUIZ_NAMES = {**{name: value for name, value in vars(math).items() if not name.startswith("_")}, "np": np}

#: The numbers that the format `words` can write.
WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


#: The family that stands for each of the page's fonts in a picture of its own.
FONT_FAMILIES = {"sans": "sans-serif", "serif": "serif"}


def run_steps(steps: Sequence[Sequence[str]]) -> tuple[dict[str, str], list[str]]:
    """Runs cells and computes values in one session, in the order of the text.

    A step is ("cell", label, code), ("compute", code) or ("value", expression, format). Only values see the names that
    `compute` defines. Returns label → HTML output of each cell, and the text of each value. An expression must not
    modify the variables it reads, because the browser runs the cells without it.
    """
    session = Session()
    html: dict[str, str] = {}
    texts: list[str] = []
    computed: dict[str, Any] = {}
    for part, (kind, *step) in enumerate(steps):
        names = {**QUIZ_NAMES, **session.namespace, **computed}
        if kind == "cell":
            html[step[0]] = _run_cell(session, part, *step)
            computed = {name: value for name, value in computed.items() if name not in session.namespace}
        elif kind == "compute":
            computed |= (made := _run_hidden(step[0], names, part))
            if taken := ", ".join(sorted(made.keys() & session.namespace.keys())):
                raise ContentError(f"`compute` changes {taken}, which a cell above has made: take another name.", part)
        else:
            texts.append(_evaluated(names, part, *step))
    return html, texts


def _run_cell(session: Session, part: int, label: str, code: str) -> str:
    outputs: list[Output] = []
    if not session.run(label, code, outputs.append):
        error = next(output for output in outputs if output.kind == "error")
        raise ContentError(f"Cell `{label}` fails: {error.body.splitlines()[-1]}", part, max(error.line, 1))
    return output_html(outputs)


def _run_hidden(code: str, names: dict[str, Any], part: int) -> dict[str, Any]:
    """Runs the code and returns the names that it defines or rebinds, with their values."""
    before = dict(names)
    try:
        exec(compile(code, "<compute>", "exec"), names)
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<compute>"]
        line = error.lineno if isinstance(error, SyntaxError) else lines[0]
        raise ContentError(f"`compute` fails: {type(error).__name__}: {error}", part, line or 1) from None
    return {name: value for name, value in names.items() if name not in before or before[name] is not value}


def _evaluated(names: dict[str, Any], part: int, expression: str, form: str) -> str:
    """Evaluates an expression and returns its value as text."""
    try:
        value = eval(expression, names)
    except Exception as error:
        problem = error.msg if isinstance(error, SyntaxError) else error
        raise ContentError(f"The value `{expression}` cannot be computed: {problem}.", part) from None
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()  # a plain float or int for an array without axes
    return formatted(value, form, expression, part)


def read_values(name: str, place: Mapping[str, str] | None, steps: Sequence[Sequence[Any]]) -> list[str]:
    """Presses the presets of an instrument in reading order, and returns its readings in the text as texts.

    place: the settings that its place in the chapter gives it; None where it has none. A step is ("preset", block,
    state, keep) or ("value", block, state, reading, format), with "" for the panel's format; `state` is set over
    `place`. A reading is `key`, or `key.beside` for the second number of a measure. `.length` gives the norm of a
    vector, and `.error` the standard error of an estimate.

    A reader must be able to see each value: raises `ContentError` for one that differs from what the instrument shows
    after the last preset above it (at first: in its place's state) and after every preset of the same block.
    """
    page = _opened(name, place or {})

    def text(settings: Mapping[str, Any], reading: str, form: str, part: int) -> str:
        page.move(**settings)
        value, own_form = _reading(page, reading, part)
        if not isinstance(value, str):
            form = form or own_form
        return formatted(value, form, f"{name} : {reading}", part)

    def seen(settings: Mapping[str, Any], reading: str, form: str) -> str:
        try:
            return text(settings, reading, form, 0)
        except ContentError:
            return "no number"

    shown = [(None, page.values())]  # the block of each preset, and the settings after it
    wanted = []  # of each value: its part, its settings, and the number of presets above it
    for part, (kind, block, state, *rest) in enumerate(steps):
        values = _parsed(name, state, part)
        if kind == "preset":
            page.preset(values, keep=rest[0])
            shown.append((block, page.values()))
        else:
            given = _opened(name, place or {})
            given.preset(values)
            wanted.append((part, given.values(), len(shown) - 1))
    texts = []
    for part, settings, last in wanted:
        _, block, state, reading, form = steps[part]
        texts.append(text(settings, reading, form, part))
        near = [after for index, (of, after) in enumerate(shown) if index == last or of == block]
        if place is not None and settings not in near:
            others = dict.fromkeys(seen(after, reading, form) for after in near)
            if texts[-1] not in others:
                of = " ".join([name, *(f"{setting}={value}" for setting, value in state.items())])
                message = f"`{of} : {reading}` is {texts[-1]}, but the presets beside it show {', '.join(others)}"
                raise ContentError(f"{message}: add a preset for this state, or change one.", part)
    return texts


def _reading(instrument: Instrument, reading: str, part: int) -> tuple[Any, str]:
    """Returns a reading, and the format in which the panel shows it."""
    key, *ways = reading.split(".")
    values, title = instrument.all_readings(), type(instrument).__name__
    if key not in values:
        raise ContentError(f"{title} has no reading `{key}`; it has {', '.join(values)}.", part)
    shown = {item.key: item for item in instrument.panel.items}.get(key)
    form = shown.format if shown else ""
    value, beside = values[key] if isinstance(values[key], tuple) else (values[key], None)
    for way in ways:
        if way == "beside" and beside is not None:
            value, form = beside, getattr(shown, "beside_format", "") or form
        elif way == "length" and isinstance(value, np.ndarray | list | tuple):
            value = float(np.linalg.norm(value))
        elif way == "error" and isinstance(value, Estimate):
            value = value.error
        else:
            raise ContentError(f"The reading `{key}` of {title} has no `{way}` in this state.", part)
    if value is None:
        raise ContentError(f"{title} has no number for `{key}` in this state.", part)
    return value, form


def formatted(value: Any, form: str, source: str, part: int) -> str:
    """Formats a value as text. `form` is a format specification, or `words` for whole numbers up to twenty."""
    if isinstance(value, str):
        if form and form != "s":
            raise ContentError(f"`{source}` is the text “{value}”, which takes no format, got `{form}`.", part)
        return value
    if isinstance(value, AtLeast):
        value = value.bound  # the sentence about it says that it is a bound
    parts = [value.value] if isinstance(value, Estimate) else np.ravel(value).tolist()
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in parts):
        raise ContentError(f"`{source}` must be a finite number or a text, got {value!r}.", part)
    if not form and any(isinstance(each, float) for each in parts):
        raise ContentError(f"`{source}` needs a format: `{source} | .3f`.", part)
    if form == "words" and isinstance(value, int) and 0 <= value < len(WORDS):
        return WORDS[value]
    try:
        text = number_text(value, form)
    except ValueError:
        raise ContentError(f"`{form}` is no format for {value!r}, the value of `{source}`.", part) from None
    return re.sub("%$", "\N{NO-BREAK SPACE}%", text)


def check_exercises(blocks: Sequence[Sequence[Any]]) -> None:
    """Raises `ContentError` unless each exercise's starter runs but fails its checks, and its solution passes them.

    `blocks`: cells (label, code) and exercises (label, starter, solution, checks, solution offset, checks offset) in
    order. An offset is the number of lines from the first line of the starter.
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
    """Runs an attempt; returns its outcome (error, failed or passed), the message, and the line it refers to."""
    outputs: list[Output] = []
    session.run_exercise(label, code, checks, outputs.append)
    for kind in ("error", "failed", "passed"):
        for output in outputs:
            if output.kind == kind:
                return kind, output.body.splitlines()[-1], max(output.line, 1)
    raise AssertionError("every attempt ends in one of these")


def answer_quizzes(
    quizzes: Sequence[tuple[str, str, str, Sequence[tuple[str, int]]]],
) -> dict[str, tuple[float, float, list[float]]]:
    """Evaluates quizzes; returns label → (answer, tolerance, mistakes).

    A quiz is (label, answer, tolerance, mistakes), all expressions; each mistake comes with its line in the quiz.
    Raises `ContentError` for a mistake that the quiz would accept, or that it cannot tell from an earlier one.
    """
    answers: dict[str, tuple[float, float, list[float]]] = {}
    for part, (label, answer_expression, tolerance_expression, expected) in enumerate(quizzes):
        answer = _quiz_number("answer", label, answer_expression, part)
        tolerance = _quiz_number("tolerance", label, tolerance_expression, part)
        if not tolerance > 0:
            raise ContentError(f"`tolerance` of quiz `{label}` must be above 0, got {tolerance:g}.", part)
        mistakes: list[float] = []
        for expression, line in expected:
            mistake = _quiz_number("mistake", label, expression, part, line)
            of = f"The mistake `{expression}` of quiz `{label}` is {mistake:g}, which is within the tolerance of"
            if abs(mistake - answer) <= tolerance:
                raise ContentError(f"{of} the answer, {answer:g}.", part, line)
            for earlier in mistakes:
                if abs(mistake - earlier) <= tolerance:
                    raise ContentError(f"{of} an earlier mistake, {earlier:g}.", part, line)
            mistakes.append(mistake)
        answers[label] = (answer, tolerance, mistakes)
    return answers


def _quiz_number(name: str, label: str, expression: str, part: int, line: int = 1) -> float:
    try:
        value = float(eval(expression, dict(QUIZ_NAMES)))
    except Exception as error:
        raise ContentError(f"`{name}` of quiz `{label}` cannot be computed: {error}", part, line) from None
    if not math.isfinite(value):
        raise ContentError(f"`{name}` of quiz `{label}` must be a finite number, got {value:g}.", part, line)
    return value


def render_instrument(name: str, state: Mapping[str, str]) -> RenderedInstrument:
    """Renders an instrument in a state: front panel with pictures as SVG, Bokeh document, still frames, code."""
    instrument = _opened(name, state)
    view = view_of(instrument)
    html, described, param = view.markup, view.description, instrument.panel.frames
    svgs = {scene: figure_svg(drawn.plot) for scene, drawn in view.figures.items()}
    for scene, svg in svgs.items():
        html = html.replace(scene_mark(scene), svg, 1)
    cls = type(instrument)
    frames, code = make_frames(view) if param else "", json.dumps(sources(cls))
    return RenderedInstrument(
        instrument.title,
        instrument.question,
        json.dumps({setting: as_text(value) for setting, value in instrument.initial.items()}),
        without_times(html),
        described,
        document_json(view, at_once=set(_opened(name, state).answer(0.0).layers)),
        without_times(frames),
        param,
        code,
        json.dumps(settings_table(cls), separators=(",", ":")),
        poster_svg(next(iter(svgs.values()))),
    )


def poster_svg(svg: str) -> str:
    """Makes a page's SVG a file: adds the colours that it names, of both themes; follows the system's theme."""
    used = sorted(set(re.findall(r"var\(--([\w-]+)\)", svg)) | {"bg"})

    def colours(theme: ThemeName) -> str:
        return ";".join(f"--{name}:{TOKENS[theme][name]}" for name in used if name in TOKENS[theme])

    fonts = "".join(f";--{name}:{generic}" for name, generic in FONT_FAMILIES.items() if name in used)
    style = (
        f"<style>svg{{{colours('light')}{fonts};background:var(--bg)}}"
        f"@media(prefers-color-scheme:dark){{svg{{{colours('dark')}}}}}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, svg, count=1) + "\n"


def draw_diagram(name: str) -> RenderedDiagram:
    """Draws a diagram; raises `ContentError` for an unknown name."""
    from diffusion_lab.app.build.diagrams import draw  # here, so that a change of a diagram renders no instrument again

    drawn = draw(name)
    return replace(drawn, file=poster_svg(drawn.svgs["wide"]))


def document_json(view: InstrumentView, at_once: set[str]) -> str:
    """Returns the Bokeh document that the page draws, as JSON: {"doc": ..., "roots": ids}.

    at_once: layers that Python's first answer contains; their data are left out to save download. The other layers
    keep their data and are shown pale until their long computation has finished. Panel's style sheets are left out,
    because the front panel has its own.
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
    root.data.status = without_times(view.status)
    root.data.markup = without_times(view.markup)
    times = view.instrument.panel.durations
    root.data.readings_shown = view.readings_shown | dict.fromkeys(times, NOTHING)
    root.data.numbers = view.numbers | dict.fromkeys(times)
    root.esm = ""  # the page has the front panel's script (static/js/bokeh/components.js)
    document.add_root(root)
    made, _ = standalone_docs_json_and_render_items(document, suppress_callback_warning=True)
    return json.dumps({"doc": next(iter(made.values())), "roots": [root.ref["id"]]}, separators=(",", ":"))


def construct(name: str, state: Mapping[str, str]) -> str:
    """Returns Python code that constructs an instrument in a state; the state must be valid."""
    cls = _class(name)
    settings = ", ".join(f"{setting}={value!r}" for setting, value in cls.parse_state(state).items())
    return f"from {cls.__module__} import {cls.__name__}\n\n{cls.__name__}({settings})"


def check_states(states: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Raises `ContentError` unless each instrument exists and accepts its state."""
    for part, (name, state) in enumerate(states):
        _parsed(name, state, part)


def _parsed(name: str, state: Mapping[str, str], part: int = 0) -> dict[str, Any]:
    """Returns the settings in `state`; raises `ContentError` unless the instrument exists and accepts them together."""
    try:
        parsed = _class(name).parse_state(state)
    except (StateError, ContentError) as error:
        raise ContentError(str(error.args[0]), part) from None
    for problem in _class(name).contradictions(parsed):
        raise ContentError(problem, part)
    return parsed


def _opened(name: str, place: Mapping[str, str]) -> Instrument:
    """Returns an instrument as it is in a place with these settings."""
    return _class(name)(**_parsed(name, place))


def _class(name: str) -> type[Instrument]:
    try:
        return instrument_class(name)
    except LookupError as error:
        raise ContentError(str(error.args[0])) from None
