"""Computed results: lazy, cached until something they read changes, timed, and computed in slices where they are long.

A method of an instrument becomes a result by `@computed`. Its reads of settings and other results are recorded
while it runs, so no dependency can be forgotten, and a change of a setting that it did not read this time costs
nothing. A cached result is reused while everything it read is unchanged (a *verifying trace*; Mokhov, Mitchell
& Peyton Jones 2018, "Build systems à la carte", section 4.2.2).

`@computed(work=True)` marks long work: a generator that yields its progress, `(done, of)` or `(done, of, partial)`,
and returns the result; yielding the same `partial` object again does not invalidate its readers. Within
`Graph.slice` it runs only for the time given there; otherwise to its end. Until the first partial result, reading it
raises `NotReady`, and everything that depends on it keeps showing its last value. A change of a setting that the work
has read closes the generator.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, overload


class NotReady(Exception):
    """Raised when a result is read that is still being computed; never shown to the reader."""


@dataclass(frozen=True)
class Progress:
    """Progress of long work: `done` of `of`, counted in `unit` (plural)."""

    done: float
    of: float
    unit: str = ""


@dataclass(eq=False)
class _Recording:
    """The reads of a result so far: setting → value, result → version. Order matters: see `Graph._holds`."""

    reads: dict[str, Any] = field(default_factory=dict)
    nested_seconds: float = 0.0


@dataclass(eq=False)
class _Entry:
    """One cached value of a result, with the reads that it depends on."""

    reads: dict[str, Any]
    value: Any
    version: Any
    seconds: float
    pending: bool = False


@dataclass(eq=False)
class _Work:
    """A generator that has not finished."""

    generator: Generator[Any, None, Any]
    recording: _Recording
    seconds: float = 0.0
    progress: Progress | None = None
    partial: _Entry | None = None
    wanted: bool = True  # read in this pass


class Graph:
    """The results of one instrument."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._entries: dict[str, list[_Entry]] = {}
        self._works: dict[str, _Work] = {}
        self._nodes: dict[str, Result] = {}
        self._stack: list[_Recording] = []
        self._versions = itertools.count(1)
        self._checked: dict[str, _Entry] = {}  # entries that are valid until a setting changes
        self._not_ready: set[str] = set()  # long work that has used its time in this pass
        self._deadline: float | None = None

    @contextmanager
    def slice(self, seconds: float | None) -> Iterator[None]:
        """Context of one pass over everything shown: long work gets `seconds` in total (None: no limit), then pauses.

        Work that nothing has read by the end of the pass is closed.
        """
        self._checked.clear()
        self._not_ready.clear()
        self._deadline = None if seconds is None else time.perf_counter() + seconds
        for work in self._works.values():
            work.wanted = False
        try:
            yield
        finally:
            self._deadline = None
            self._not_ready.clear()
            for name in [name for name, work in self._works.items() if not work.wanted]:
                self._drop_work(name)
            if self._works:
                self._checked.clear()

    @contextmanager
    def no_waiting(self) -> Iterator[None]:
        """Context in which reading an unfinished result raises `NotReady` at once: for the actions of buttons."""
        self._deadline = time.perf_counter()
        try:
            yield
        finally:
            self._deadline = None
            self._not_ready.clear()
            if self._works:
                self._checked.clear()

    # --- reads and writes --------------------------------------------------------------------------------------------

    def note_setting(self, name: str, value: Any) -> None:
        """Records that a setting was read."""
        if self._stack:
            self._stack[-1].reads.setdefault(name, value)

    def settings_changed(self) -> None:
        """Called when a setting may have changed."""
        self._checked.clear()
        self._not_ready.clear()

    def read(self, node: Result) -> Any:
        """The value of a result, computed if not cached; raises `NotReady` while long work has no partial result."""
        try:
            entry = self._entry(node)
        except NotReady:
            if self._stack:
                self._stack[-1].reads.setdefault(node.name, 0)  # no version: its readers are checked again
            raise
        if self._stack:
            self._stack[-1].reads.setdefault(node.name, entry.version)
        return entry.value

    def version(self, node: Result) -> Any:
        """A version number or value that changes when the result does."""
        return self._entry(node).version

    def forget(self) -> None:
        """Discards every cached result and closes unfinished work. Called after the reader has replaced a function."""
        self.close()
        self._entries.clear()
        self._checked.clear()

    def close(self) -> None:
        """Closes unfinished work."""
        for work in self._works.values():
            work.generator.close()
        self._works.clear()
        self._checked.clear()

    def milliseconds(self, *names: str) -> float:
        """Computing time of the latest values of these results, without that of the results that they read.

        For a value that computes lazily (`Replay`) its `milliseconds` are added.
        """
        entries = [self._entries[name][0] for name in names if self._entries.get(name)]
        return sum(1000 * entry.seconds + getattr(entry.value, "milliseconds", 0.0) for entry in entries)

    @property
    def progress(self) -> Progress | None:
        """Progress of the unfinished work that the reader waits for; None where there is none."""
        return next((work.progress or Progress(0, 1) for work in self._waited_for() if work.wanted), None)

    @property
    def working(self) -> bool:
        """Whether any work is unfinished."""
        return bool(self._works)

    def read_by(self, node: Result) -> frozenset[str]:
        """Names of all settings and results that the latest value of `node` has read."""
        entries = self._entries.get(node.name)
        return frozenset(entries[0].reads) if entries else frozenset()

    # --- how it is computed ------------------------------------------------------------------------------------------

    def _entry(self, node: Result) -> _Entry:
        if (entry := self._checked.get(node.name)) is not None:
            return entry
        if node.name in self._not_ready:
            raise NotReady(node.name)
        self._nodes[node.name] = node
        kept = self._entries.setdefault(node.name, [])
        for place, entry in enumerate(kept):
            if self._holds(entry.reads):
                if place:
                    kept.insert(0, kept.pop(place))
                self._drop_work(node.name)
                break
        else:
            entry = self._advance(node) if node.work else self._compute(node)
            if not entry.pending:
                kept.insert(0, entry)
                del kept[node.keep :]
        self._checked[node.name] = entry
        return entry

    def _holds(self, reads: dict[str, Any]) -> bool:
        """Whether every read is unchanged; checked in order, since early reads decide which later ones take place."""
        for name, seen in reads.items():
            dependency = self._nodes.get(name)
            if dependency is None:
                now = getattr(self._owner, name)
            else:
                stack, self._stack = self._stack, []  # a check does not count as a read
                try:
                    now = self._entry(dependency).version
                except NotReady:
                    return False
                finally:
                    self._stack = stack
            if now is not seen and now != seen:
                return False
        return True

    def _compute(self, node: Result) -> _Entry:
        recording, start = _Recording(), time.perf_counter()
        self._stack.append(recording)
        try:
            value = node.function(self._owner)
        finally:
            self._stack.pop()
            seconds = self._took(start)
        return _Entry(recording.reads, value, self._version_of(value), seconds - recording.nested_seconds)

    def _advance(self, node: Result) -> _Entry:
        """Runs long work until it ends or the deadline passes."""
        work = self._works.get(node.name)
        if work is not None and not self._holds(work.recording.reads):
            self._drop_work(node.name)
            work = None
        if work is None:
            work = self._works[node.name] = _Work(node.function(self._owner), _Recording())
        work.wanted = True
        while not self._must_wait(node, work):
            start = time.perf_counter()
            self._stack.append(work.recording)
            try:
                step = next(work.generator)
            except StopIteration as end:
                del self._works[node.name]
                seconds = work.seconds + time.perf_counter() - start - work.recording.nested_seconds
                return _Entry(work.recording.reads, end.value, self._version_of(end.value), seconds)
            except BaseException:
                self._drop_work(node.name)
                raise
            finally:
                self._stack.pop()
                took = self._took(start)
            work.seconds += took
            done, of, *partial = step
            work.progress = Progress(done, of, node.unit)
            if partial and (work.partial is None or work.partial.value is not partial[0]):
                reads, version = work.recording.reads, next(self._versions)
                seconds = work.seconds - work.recording.nested_seconds
                work.partial = _Entry(reads, partial[0], version, seconds, pending=True)
            if self._deadline is not None and time.perf_counter() >= self._deadline:
                break
        if work.partial is None:
            self._not_ready.add(node.name)
            raise NotReady(node.name)
        return work.partial

    def _must_wait(self, node: Result, work: _Work) -> bool:
        """Whether this is begun background work that should yield to unfinished work that the reader waits for."""
        begun = node.background and work.progress is not None
        return self._deadline is not None and begun and any(self._waited_for())

    def _waited_for(self) -> Iterator[_Work]:
        """Unfinished work, without background work."""
        return (work for name, work in self._works.items() if not self._nodes[name].background)

    def _version_of(self, value: Any) -> Any:
        """A number or text is its own version: if it is unchanged, its readers stay valid (early cutoff)."""
        return (value,) if isinstance(value, int | float | str) else next(self._versions)

    def _took(self, start: float) -> float:
        seconds = time.perf_counter() - start
        if self._stack:
            self._stack[-1].nested_seconds += seconds
        return seconds

    def _drop_work(self, name: str) -> None:
        if (work := self._works.pop(name, None)) is not None:
            work.generator.close()


class Result:
    """The descriptor that `@computed` makes of a method."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        work: bool = False,
        background: bool = False,
        keep: int = 1,
        unit: str = "",
    ) -> None:
        self.function, self.work, self.background, self.keep, self.unit = function, work, background, keep, unit
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else instance._graph.read(self)


@overload
def computed(function: Callable[..., Any]) -> Any: ...
@overload
def computed(
    *, work: bool = False, background: bool = False, keep: int = 1, unit: str = ""
) -> Callable[[Callable[..., Any]], Any]: ...
def computed(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Marks a method of an instrument as a result.

    work: it is a generator, advanced in slices; background: playing does not wait for this work; keep: number of
    recent values that are cached, for settings that return to earlier values; unit: the unit of the progress, plural
    ("steps").
    """
    if function is not None:
        return Result(function)
    return lambda function: Result(function, **options)
