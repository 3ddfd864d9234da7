"""What an instrument shows, and the changes of it since the last answer, for the worker of a page or a Panel view.

`Shown` belongs to a class: its scenes, and the results behind layers, ranges and readings. `Answers` belongs to one
instrument: it knows what was sent before and says what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from diffusion_lab.app.instrument.computed import Graph, NotReady, Progress, Result
from diffusion_lab.app.instrument.readings import Status, not_numbers, reading_numbers, reading_texts
from diffusion_lab.app.instrument.scenes import Columns, Scene

if TYPE_CHECKING:
    from diffusion_lab.app.instrument.instrument import Instrument

#: Columns of up to this many values are compared with those sent before.
COMPARED = 2000


@dataclass
class Answer:
    """The changes since the last answer; empty parts are unchanged.

    settings: values, `playing` among them; layers: "scene.layer" → columns; visible: "scene.layer" → whether it shows;
    ranges: scene → (x, y); texts, numbers: readings; status, description, query: None where unchanged.
    pale: scenes, and readings as "reading KEY", that still show an earlier state; progress: of work that the reader
    waits for; working: more is coming, so `answer` should be called again.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, Columns] = field(default_factory=dict)
    visible: dict[str, bool] = field(default_factory=dict)
    ranges: dict[str, tuple[tuple[float, float], tuple[float, float]]] = field(default_factory=dict)
    texts: dict[str, str | list[float]] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    status: str | None = None
    description: str | None = None
    query: str | None = None
    pale: tuple[str, ...] = ()
    progress: Progress | None = None
    working: bool = False


@dataclass(frozen=True)
class Shown:
    """What a class of instruments shows.

    scenes: by name, in order of definition; drawn: (scene, names of layers, the result that has their columns);
    ranged: (scene, the result that has its x and y range); read: the results that have readings.
    """

    scenes: Mapping[str, Scene] = field(default_factory=dict)
    drawn: tuple[tuple[Scene, tuple[str, ...], Result], ...] = ()
    ranged: tuple[tuple[Scene, Result], ...] = ()
    read: tuple[Result, ...] = ()

    @classmethod
    def of(cls, namespace: Mapping[str, Any], inherited: Shown) -> Shown:
        """What a class with these attributes shows; `inherited` has the scenes and readings of its base class."""
        scenes = {name: value for name, value in namespace.items() if isinstance(value, Scene)} or inherited.scenes
        for name, scene in scenes.items():
            scene.name = name
        given = [value for value in namespace.values() if getattr(value, "gives_readings", False)]
        return cls(
            scenes,
            tuple(
                (scene, names, _result(f"{scene.name}.{'+'.join(names)}", _columns_of(scene, names, function)))
                for scene in scenes.values()
                for names, function in scene.drawings
            ),
            tuple(
                (scene, _result(f"{scene.name}.ranges", scene.limits))
                for scene in scenes.values()
                if scene.limits is not None
            ),
            tuple(_result(f"readings {k}", function) for k, function in enumerate(given)) or inherited.read,
        )


class Answers:
    """The answers of one instrument, each with the changes since the last."""

    def __init__(self, instrument: Instrument, graph: Graph, shown: Shown) -> None:
        self._instrument, self._graph, self._shown = instrument, graph, shown
        self._sent: dict[str, Any] = {}
        self._status: Status | None = None  # the last that was computed
        self._texts: dict[str, dict[str, str | list[float]]] = {}  # result → its readings as they are shown
        self._not_numbers: dict[str, list[str]] = {}  # result → labels of its readings that are no number

    def next(self, seconds: float | None) -> Answer:
        """The changes since the last answer. Long work gets `seconds` in total; None: it runs to its end."""
        answer, instrument = Answer(), self._instrument
        with self._graph.slice(seconds):
            self._pictures(answer)
            self._readings(answer)
            for description in self._ready(_DESCRIBE):
                answer.description = self._news("description", description)
            for status in self._ready(_STATUS):
                self._status = status
            answer.progress = self._graph.progress
            answer.status = self._news("status", self.status_text())
        answer.query = self._news("query", instrument.query)
        for name in (*instrument.settings(), "playing"):
            self._put(answer.settings, name, getattr(instrument, name), "setting")
        answer.working = self._graph.working
        return answer

    def mark_known(self, values: Mapping[str, Any]) -> None:
        """Marks settings as already known to the view that has set them, so that no answer repeats them."""
        self._sent |= {f"setting {name}": value for name, value in values.items()}

    def forget(self) -> None:
        """Makes the next answer contain everything."""
        self._sent.clear()

    def status_text(self) -> str:
        """The status line: computation, time and exactness, and the progress of unfinished work.

        With the reader's code nothing is called exact. A reading that should be a number and is not has a sentence.
        """
        status = self._status
        parts = self._instrument.edited_words()
        if (progress := self._graph.progress) is not None and progress.of:
            parts.append(f"{progress.done:,.0f} of {progress.of:,.0f} {progress.unit}".strip())
        while status is not None:
            exactness = "" if self._instrument.edited else status.exactness
            parts += [part for part in (status.what, self._took(status), exactness) if part]
            status = status.beside
        if labels := [label for found in self._not_numbers.values() for label in found]:
            parts.append(f"no number (nan) came out for: {', '.join(labels)}")
        return " · ".join(parts)

    def scenes_in_sight(self) -> Iterator[tuple[Scene, dict[str, Columns], Any]]:
        """Each scene that is seen now, with the columns of its visible layers and its ranges, None for its own."""
        ranges = {scene.name: result for scene, result in self._shown.ranged}
        for scene in self._shown.scenes.values():
            if not scene.when.met(self._instrument):
                continue
            columns = {
                name: part
                for other, names, result in self._shown.drawn
                if other is scene and self._is_visible(scene, names)
                for name, part in zip(names, self._graph.read(result), strict=True)
                if scene.layers[name].condition.met(self._instrument)
            }
            yield scene, columns, self._graph.read(ranges[scene.name]) if scene.name in ranges else None

    # --- parts of an answer ------------------------------------------------------------------------------------------

    def _pictures(self, answer: Answer) -> None:
        """Adds layers, their visibility, ranges, and which scenes are not ready."""
        pale = {
            scene.name: None
            for scene, names, result in self._shown.drawn
            if self._is_visible(scene, names) and not self._layers(answer, scene, names, result)
        }
        answer.pale = tuple(pale)
        for scene in self._shown.scenes.values():
            for name, layer in scene.layers.items():
                self._put(answer.visible, f"{scene.name}.{name}", layer.condition.met(self._instrument))
        for scene, result in self._shown.ranged:
            for limits in self._ready(result) if scene.when.met(self._instrument) else ():
                self._put(answer.ranges, scene.name, limits)

    def _layers(self, answer: Answer, scene: Scene, names: tuple[str, ...], result: Result) -> bool:
        """Adds the changed columns of layers; false where they are not ready."""
        try:
            columns, version = self._graph.read(result), self._graph.version(result)
        except NotReady:
            return False
        if self._sent.get(result.name) != version:
            self._sent[result.name] = version
            for name, part in zip(names, columns, strict=True):
                address = f"{scene.name}.{name}"
                if not _equal(self._sent.get(f"columns {address}"), part):
                    answer.layers[address] = self._sent[f"columns {address}"] = part
        return True

    def _readings(self, answer: Answer) -> None:
        """Adds the changed readings, as texts and as numbers."""
        panel = self._instrument.panel
        for result in self._shown.read:
            ready = False
            for values in self._ready(result):
                ready = True
                self._not_numbers[result.name] = not_numbers(panel, values)
                self._texts[result.name] = reading_texts(panel, values)
                for key, text in self._texts[result.name].items():
                    self._put(answer.texts, key, text, "reading")
                for key, numbers in reading_numbers(values).items():
                    if self._sent.get(f"number {key}", self) != numbers:  # None is a possible value
                        answer.numbers[key] = self._sent[f"number {key}"] = numbers
            if not ready:
                answer.pale += tuple(f"reading {key}" for key in self._texts.get(result.name, ()))

    def _took(self, status: Status) -> str:
        milliseconds = self._graph.milliseconds(*status.timed)
        if not status.timed:
            return ""
        if status.each:
            return f"{milliseconds / status.count:.1f} ms {status.each}"
        return f"{milliseconds:.{0 if milliseconds >= 10 else 1}f} ms"

    def _is_visible(self, scene: Scene, names: tuple[str, ...]) -> bool:
        """Whether the scene and any of these layers of it are seen now."""
        return scene.when.met(self._instrument) and any(
            scene.layers[name].condition.met(self._instrument) for name in names
        )

    def _ready(self, result: Result) -> Iterator[Any]:
        """The value of a result, or nothing while it is not ready."""
        try:
            value = self._graph.read(result)
        except NotReady:
            return
        yield value

    def _news(self, key: str, value: Any) -> Any:
        """`value` if it differs from the one last sent under this key, else None."""
        if key in self._sent and self._sent[key] == value:
            return None
        self._sent[key] = value
        return value

    def _put(self, part: dict[str, Any], name: str, value: Any, kind: str = "") -> None:
        """Puts a value that has changed into a part of the answer."""
        if (news := self._news(f"{kind} {name}", value)) is not None:
            part[name] = news


def _columns_of(scene: Scene, names: tuple[str, ...], function: Callable[..., Any]) -> Callable[..., list[Columns]]:
    """Computes the columns of layers from the data that `function` returns."""

    def columns(instrument: Instrument) -> list[Columns]:
        data = function(instrument)
        found = [data] if isinstance(data, Mapping) or data is None else list(data)
        if len(found) != len(names):
            raise ValueError(f"{scene.name}: {len(found)} data for the layers {', '.join(names)}.")
        layers = [scene.layers[name] for name in names]
        return [
            layer.empty() if part is None else layer.columns(part) for layer, part in zip(layers, found, strict=True)
        ]

    return columns


def _equal(before: Columns | None, now: Columns) -> bool:
    """Whether columns have not changed, which spares the page an update; large ones are not compared."""
    if before is None or before.keys() != now.keys():
        return False
    for old, new in zip(before.values(), now.values(), strict=True):
        if isinstance(old, list) or isinstance(new, list):
            if not (isinstance(old, list) and isinstance(new, list) and old == new):
                return False
        elif old is not new and (old.size > COMPARED or not np.array_equal(old, new)):
            return False
    return True


def _result(name: str, function: Callable[..., Any]) -> Result:
    made = Result(function)
    made.name = name
    return made


_DESCRIBE = _result("description", lambda instrument: instrument.describe())
_STATUS = _result("status", lambda instrument: instrument.status())
