"""Connects each instrument in the worker with its view in the page.

Settings arrive as values; all resulting changes are sent back as one message: a JSON text, and the layers' columns as
typed arrays, which are transferred, not copied again. This needs neither Panel nor a Bokeh document: the page puts the
columns into the figures that were made at build time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from pyodide.ffi import to_js

from diffusion_lab.app.instrument.answers import Answer
from diffusion_lab.app.instrument.differences import differences
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument, StateError

#: Sends a slot's message to the page: the slot, a JSON text, and typed arrays that the text refers to by number.
Send = Callable[[str, str, Any], None]


class LinkedInstrument:
    """One instrument of the page; `slot` is the name of its place there.

    place: the settings that this place gives it, to which presets and Reset return; asked: those that the page's
    address asks for. Each wrong one of these has a sentence in `problems`. embedded: it is alone in a frame of another
    page, which sets it by the address; so Reset returns to that. original: the instrument that this one is a pinned
    copy of. locked: settings that keep their values whatever the reader does, as the author of that page wishes.
    """

    def __init__(
        self,
        slot: str,
        name: str,
        place: dict[str, str],
        asked: dict[str, str],
        embedded: bool,
        send: Send,
        original: LinkedInstrument | None = None,
        locked: Sequence[str] = (),
    ) -> None:
        cls = instrument_class(name)
        self.instrument: Instrument = cls(**cls.parse_state(place))
        settings, self.problems = cls.parse_leniently(asked)
        self.instrument.move(**settings)
        if embedded:
            self.instrument.reset_to = self.instrument.values()
        self._slot, self._send, self.original = slot, send, original
        self._locked = [name for name in locked if name in cls.settings()]

    def set(self, values: dict[str, Any]) -> None:
        """Applies settings that the reader has changed, together; raises `ValueError` for one out of bounds."""
        self.instrument.answered(values)
        try:
            with self._locks():
                self.instrument.move(**values)
        except ValueError:  # make the next answer send the values that are kept instead
            self.instrument.answered(dict.fromkeys(values, object()))
            raise

    def act(self, message: Any) -> None:
        """Performs the action of a button or a tap: see `Instrument.act`."""
        with self._locks():
            self.instrument.act(message)

    @contextmanager
    def _locks(self) -> Iterator[None]:
        """Gives locked settings their values back after the reader has acted; what they do not allow is undone."""
        instrument, before = self.instrument, self.instrument.values()
        yield
        kept = {name: before[name] for name in self._locked}

        def moved() -> bool:
            return any(getattr(instrument, name) != value for name, value in kept.items())

        if moved():
            instrument.move(**kept)
        if moved():  # by a setting that they depend on
            instrument.move(playing=False, **before)
        if instrument.played in self._locked:
            instrument.playing = False

    def preset(self, values: dict[str, str], keep: bool) -> None:
        """Applies a preset of the prose or of the page around, given as texts, to locked settings too.

        See `Instrument.preset`. Raises `StateError` for an invalid value, and for values that contradict one another.
        """
        parsed = self.instrument.parse_state(values)
        for problem in self.instrument.contradictions(parsed):
            raise StateError(problem)
        self.instrument.preset(parsed, keep=keep)

    def resume(self, query: str) -> None:
        """Restores the settings that the instrument had in a previous interpreter, which this one replaces."""
        found, _ = self.instrument.parse_leniently(dict(parse_qsl(query, keep_blank_values=True)))
        self.instrument.resume(found)

    def recompute(self) -> None:
        """Discards every cached result and computes to the end, so that the reader's code fails here if it fails."""
        self.instrument.recompute()
        self.answer(None)

    def answer(self, seconds: float | None) -> bool:
        """Sends the changes to the page; long work may take `seconds` (None: no limit). True if work remains."""
        self._tell(answer := self.instrument.answer(seconds), self._news_of_differences())
        return answer.working

    def compare(self) -> None:
        """Tells the page what differs from the original, after that has changed."""
        if (news := self._news_of_differences()) is not None:
            self._tell(Answer(), news)

    def _news_of_differences(self) -> str | None:
        """What differs from the original in words, where that is news."""
        if self.original is None:
            return None
        before, self.instrument.pinned = self.instrument.pinned, differences(self.instrument, self.original.instrument)
        return ", ".join(self.instrument.pinned) if self.instrument.pinned != before else None

    def _tell(self, answer: Answer, beside: str | None) -> None:
        head, arrays = packed(answer, beside)
        self._send(self._slot, head, to_js([array.reshape(-1) for array in arrays]))


def packed(answer: Answer, beside: str | None = None) -> tuple[str, list[np.ndarray]]:
    """Converts an answer to JSON and arrays; the JSON refers to an array as {"array": index, "shape": [...]}.

    beside: of a pinned copy, what differs from its original; None where that is no news.
    """
    arrays: list[np.ndarray] = []

    def reference(column: Any) -> Any:
        if isinstance(column, list):
            return column
        arrays.append(column)
        return {"array": len(arrays) - 1, "shape": list(column.shape)}

    layers = {
        address: {name: reference(column) for name, column in columns.items()}
        for address, columns in answer.layers.items()
    }
    progress = answer.progress and [answer.progress.done, answer.progress.of, answer.progress.unit]
    head = {
        "settings": answer.settings,
        "layers": layers,
        "visible": answer.visible,
        "ranges": answer.ranges,
        "texts": answer.texts,
        "numbers": answer.numbers,
        "status": answer.status,
        "description": answer.description,
        "query": answer.query,
        "pale": answer.pale,
        "progress": progress,
    }
    if beside is not None:
        head["beside"] = beside
    return json.dumps(head), arrays
