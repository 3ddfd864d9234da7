"""InstrumentView: an instrument as a Panel component, under `panel serve`, in notebooks, in cells and at build time.

The only module that imports Panel. A page of the lab does not run Panel for its instruments: it draws the document
that this component made at build time, and the worker answers from the `Instrument` alone.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import panel as pn
import param
from bokeh.model import Model

from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.markup import front_panel_html
from diffusion_lab.app.instrument.scene_figures import SceneFigure
from diffusion_lab.app.instrument.theme import css_variables

STATIC = Path(__file__).parents[2] / "static"

#: Seconds that long work gets between two events of a server's session.
SLICE = 0.04


def _static(path: str) -> str:
    return (STATIC / path).read_text("utf-8")


def _complete(script: str) -> str:
    """The script, with what it imports on demand as data addresses: Panel runs it as a text, outside its folder."""

    def address(found: re.Match[str]) -> str:
        module = base64.b64encode(_static(f"js/page/{found[1]}").encode()).decode()
        return f'import("data:text/javascript;base64,{module}")'

    return re.sub(r'import\("\./(\w+\.js)"\)', address, script)


class InstrumentView(pn.custom.JSComponent):
    """Base of all views: settings and readings as properties of the page's model, a Bokeh figure for each scene."""

    scenes = pn.custom.Children(doc="The Bokeh figures, in order of the scenes.")
    theme = param.Selector(default="light", objects=["light", "dark"], doc="Colours of the figures.")
    playing = param.Boolean(default=False, doc="Whether the picture is being played.")
    readings_shown = param.Dict(default={}, doc="Read-outs and measures, as the front panel shows them.")
    numbers = param.Dict(default={}, doc="The readings as numbers.")
    pale = param.List(default=[], doc="Scenes, and `reading KEY`s, that still show an earlier state.")
    waiting = param.Boolean(default=False, doc="Whether the picture lags behind the settings.")
    status = param.String(default="", doc="The computation behind the picture, and its time.")
    description = param.String(default="", doc="The picture in words, from its current state.")
    query = param.String(default="", doc="The settings that differ from the initial ones, as the query of an address.")
    markup = param.String(default="", constant=True, doc="The front panel as HTML.")

    _esm = _complete(_static("js/page/front_panel.js"))
    _stylesheets: ClassVar[list[str]] = [css_variables() + _static("css/front_panel.css")]

    def __init__(self, instrument: Instrument, **params: Any) -> None:
        super().__init__(sizing_mode="stretch_width", **params)
        self.instrument = instrument
        self._showing = False
        self.figures = {name: SceneFigure(scene, self.theme) for name, scene in instrument.scenes().items()}
        self.scenes = [pn.pane.Bokeh(f.plot, sizing_mode="stretch_width", margin=0) for f in self.figures.values()]
        instrument.forget_answers()
        first = self.show()
        with param.edit_constant(self):
            self.markup = front_panel_html(instrument, first)
        self.param.watch(self._on_own, [*instrument.settings(), "playing"])
        self.param.watch(self._on_theme, "theme")
        instrument.param.watch(self._on_instrument, [*instrument.settings(), "playing"])

    def show(self, seconds: float | None = None) -> Any:
        """Updates the figures and the properties with all changes; returns the answer of the instrument."""
        answer = self.instrument.answer(seconds)
        for address, columns in answer.layers.items():
            scene, _, name = address.partition(".")
            self.figures[scene].put(name, columns)
        for address, visible in answer.visible.items():
            scene, _, name = address.partition(".")
            self.figures[scene].show(name, visible)
        for scene, limits in answer.ranges.items():
            self.figures[scene].set_ranges(*limits)
        values = {**answer.settings, "pale": list(answer.pale), "waiting": answer.progress is not None}
        if answer.texts:
            values["readings_shown"] = {**self.readings_shown, **answer.texts}
        if answer.numbers:
            values["numbers"] = {**self.numbers, **answer.numbers}
        for name in ("status", "description", "query"):
            if (text := getattr(answer, name)) is not None:
                values[name] = text
        self._showing = True
        try:
            self.param.update(**values)
        finally:
            self._showing = False
        if answer.working and (document := pn.state.curdoc) is not None:
            document.add_next_tick_callback(lambda: self.show(SLICE))
        return answer

    def _update(self) -> None:
        served = pn.state.curdoc is not None and pn.state.curdoc.session_context is not None
        self.show(SLICE if served else None)

    def _on_own(self, *events: param.parameterized.Event) -> None:
        """Called when the reader has changed a setting."""
        if self._showing:
            return
        values = {event.name: event.new for event in events}
        self.instrument.answered(values)
        self._showing = True  # the instrument's own watcher ignores this change
        try:
            self.instrument.move(**values)
        finally:
            self._showing = False
        self._update()

    def _on_instrument(self, *events: param.parameterized.Event) -> None:
        """Called when a program has changed a setting."""
        if not self._showing:
            self._update()

    def _on_theme(self, event: param.parameterized.Event) -> None:
        for shown in self.figures.values():
            shown.restyle(event.new)

    def _handle_msg(self, data: Any) -> None:
        self.instrument.act(data)
        self._update()

    @classmethod
    def _patch_datamodel_ref(cls, props: Model, ref: str) -> None:
        # Panel searches all figures for data models at each change, which costs more than the change itself. A view
        # has only this one.
        if (tag := f"__ref:{ref}") not in props.tags:
            props.tags.append(tag)


def view_of(instrument: Instrument, **params: Any) -> InstrumentView:
    """The view of an instrument, with the instrument's settings as properties."""
    values = {name: getattr(instrument, name) for name in instrument.settings()}
    return _view_class(type(instrument))(instrument, **values, **params)  # type: ignore[arg-type]


@cache
def _view_class(cls: type[Instrument]) -> type[InstrumentView]:
    settings = {name: _plain(cls.param[name]) for name in cls.settings()}
    return type(f"{cls.__name__}View", (InstrumentView,), settings)


def _plain(p: param.Parameter) -> param.Parameter:
    """A setting's Param without the hooks for the instrument's graph."""
    shared = {"default": p.default, "label": p.label, "doc": p.doc}
    if isinstance(p, param.Boolean):
        return param.Boolean(**shared)
    if isinstance(p, param.Selector):
        return param.Selector(objects=list(p.objects), **shared)
    if isinstance(p, param.Integer):
        return param.Integer(bounds=p.bounds, step=p.step, **shared)
    if isinstance(p, param.Number):
        return param.Number(bounds=p.bounds, step=p.step, **shared)
    return param.String(regex=p.regex, **shared)
