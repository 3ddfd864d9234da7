"""Computed results: lazy, and cached until something they read changes."""

from __future__ import annotations

import sys

import pytest

from diffusion_lab.app.instrument import Instrument, computed, switch, whole
from diffusion_lab.app.instrument.computed import Graph

MODULE = sys.modules["diffusion_lab.app.instrument.computed"]  # the package has a function of this name
USES_GRAPH = sys.modules["diffusion_lab.app.instrument.instrument"]


class Sums(Instrument):
    """Results of three whole numbers and a switch; `calls` says what was computed."""

    a = whole(1, 0, 99, "A", "A.")
    b = whole(2, 0, 99, "B", "B.")
    c = whole(3, 0, 99, "C", "C.")
    on = switch(True, "On", "On.")

    def __init__(self, **settings) -> None:
        self.calls: list[str] = []
        super().__init__(**settings)

    @computed
    def double(self):
        self.calls.append("double")
        return [2 * self.a]

    @computed
    def total(self):
        self.calls.append("total")
        return [self.double[0] + self.b]

    @computed
    def maybe(self):
        """Reads `double` only where the switch is on."""
        self.calls.append("maybe")
        return [self.double[0] if self.on else self.c]

    @computed(keep=3)
    def kept(self):
        self.calls.append("kept")
        return [self.a]

    @computed
    def once(self):
        self.calls.append("once")
        return [self.a]


@pytest.fixture
def sums() -> Sums:
    return Sums()


def called(sums: Sums) -> list[str]:
    """What has been computed since this was asked last."""
    calls, sums.calls = sums.calls, []
    return calls


def test_nothing_is_computed_before_it_is_read(sums):
    sums.a = 5
    assert called(sums) == []
    assert sums.total == [12]
    assert called(sums) == ["total", "double"]


class NeverKept(Graph):
    def _holds(self, reads):
        return False


class AlwaysKept(Graph):
    def _holds(self, reads):
        return True


class SettingsOnly(Graph):
    """Forgets that a result may have read another."""

    def _holds(self, reads):
        return super()._holds({name: seen for name, seen in reads.items() if name not in self._nodes})


class NothingKeptLong(Graph):
    """Checks nothing after a setting has changed: any change discards everything."""

    def settings_changed(self):
        super().settings_changed()
        self._entries.clear()


@pytest.mark.subject(
    Graph, never_kept=NeverKept, always_kept=AlwaysKept, settings_only=SettingsOnly, nothing_kept_long=NothingKeptLong
)
def test_a_result_is_kept_until_something_that_it_read_changes(subject, monkeypatch):
    monkeypatch.setattr(USES_GRAPH, "Graph", subject)
    sums = Sums()
    first = sums.total
    assert (first, sums.total is first, called(sums)) == ([4], True, ["total", "double"])
    sums.c = 7
    assert (sums.total is first, called(sums)) == (True, []), "it did not read c"
    sums.b = 7
    assert (sums.total, called(sums)) == ([9], ["total"])
    sums.a = 2
    assert (sums.total, called(sums)) == ([11], ["double", "total"])


def test_setting_the_same_value_again_changes_nothing(sums):
    first = sums.total
    sums.a = 1
    assert sums.total is first


def test_what_was_read_is_what_counts_not_what_might_be(sums):
    assert (sums.maybe, called(sums)) == ([2], ["maybe", "double"])
    sums.c = 9
    assert (sums.maybe, called(sums)) == ([2], [])
    sums.on = False
    assert (sums.maybe, called(sums)) == ([9], ["maybe"])
    sums.a = 40
    assert (sums.maybe, called(sums)) == ([9], []), "now the other one costs nothing"
    sums.c = 8
    assert sums.maybe == [8]


class LastReadFirst(Graph):
    """Checks what was read in the wrong order."""

    def _holds(self, reads):
        return super()._holds(dict(reversed(reads.items())))


@pytest.mark.subject(Graph, last_read_first=LastReadFirst)
def test_reads_are_checked_in_their_order(subject, monkeypatch):
    """The switch was read first: where it has moved, what was read after it need not be computed."""
    monkeypatch.setattr(USES_GRAPH, "Graph", subject)
    sums = Sums()
    _ = sums.maybe
    called(sums)
    sums.param.update(on=False, a=50)
    assert (sums.maybe, called(sums)) == ([3], ["maybe"])


def test_what_is_read_while_checking_is_no_read_of_the_reader(sums):
    """`total` checks `double`, which reads a: so that a moves, `total` need not have read it itself."""
    _ = sums.total
    sums.b = 3
    _ = sums.total
    assert sums._graph.read_by(Sums.total) == {"double", "b"}


def test_as_many_values_are_kept_as_it_says(sums):
    firsts = {}
    for a in (1, 2, 3):
        sums.a = a
        firsts[a] = (sums.kept, sums.once)
    assert called(sums) == ["kept", "once"] * 3
    for a in (2, 3, 1):
        sums.a = a
        assert sums.kept is firsts[a][0]
    assert called(sums) == []
    sums.a = 4
    _ = sums.kept
    called(sums)
    for a, again in ((1, []), (3, []), (2, ["kept"])):
        sums.a = a
        assert (sums.kept, called(sums)) == ([a], again), "the least recently used has gone"


def test_forgetting_discards_everything(sums):
    before = sums.total
    sums._graph.forget()
    assert sums.total == before
    assert sums.total is not before
    assert called(sums) == ["total", "double"] * 2


def test_an_error_is_raised_each_time_and_nothing_is_kept(sums):
    class Fails(Sums):
        @computed
        def ratio(self):
            self.calls.append("ratio")
            return 6 // self.a

    fails = Fails(a=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = fails.ratio
    fails.a = 3
    assert (fails.ratio, fails.calls) == (2, ["ratio"] * 3)


def test_a_result_is_documented_by_its_method():
    assert Sums.maybe.__doc__ == "Reads `double` only where the switch is on."
    assert Sums.maybe.name == "maybe"
