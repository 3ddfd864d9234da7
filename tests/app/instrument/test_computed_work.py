"""Long computed results in slices: deadlines, progress, partial results, and the time that results take."""

from __future__ import annotations

import sys

import pytest

from diffusion_lab.app.instrument import Instrument, computed, whole
from diffusion_lab.app.instrument.computed import Graph, NotReady, Progress

MODULE = sys.modules["diffusion_lab.app.instrument.computed"]  # the package has a function of this name
USES_GRAPH = sys.modules["diffusion_lab.app.instrument.instrument"]


class Clock:
    """Stands for the `time` of the module: moves only when a result says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(MODULE, "time", made)
    return made


# --- timed -----------------------------------------------------------------------------------------------------------


class Slow(Instrument):
    """Results that take so many seconds of the clock."""

    a = whole(1, 0, 99, "A", "A.")
    b = whole(2, 0, 99, "B", "B.")
    clock: Clock

    @computed
    def inner(self):
        self.clock.now += 5
        return [self.a]

    @computed
    def outer(self):
        self.clock.now += 2
        value = self.inner[0] + self.b
        self.clock.now += 1
        return [value]

    @computed(work=True, unit="steps")
    def sliced(self):
        """Four steps of 10 ms, and what it reads."""
        _ = self.inner
        for done in range(4):
            self.clock.now += 0.010
            yield done + 1, 4
        return [self.a]

    @computed
    def counts_itself(self):
        class Value:
            milliseconds = 70.0

        self.clock.now += 1
        return Value()


@pytest.fixture
def slow(clock) -> Slow:
    made = Slow()
    made.clock = clock
    return made


class WithNested(Graph):
    def _took(self, start):
        return MODULE.time.perf_counter() - start


@pytest.mark.subject(Graph, with_what_it_read=WithNested)
def test_the_time_of_a_result_is_its_own(subject, monkeypatch, clock):
    monkeypatch.setattr(USES_GRAPH, "Graph", subject)
    slow = Slow()
    slow.clock = clock
    assert slow._graph.milliseconds("outer") == 0
    _ = slow.outer
    assert slow._graph.milliseconds("outer") == 3000
    assert slow._graph.milliseconds("inner") == 5000
    assert slow._graph.milliseconds("outer", "inner") == 8000
    slow.b = 5
    _ = slow.outer
    assert slow._graph.milliseconds("outer", "inner") == 8000, "of the latest values"


def test_the_time_of_work_is_that_of_its_slices(slow, clock):
    while not ready(slow, 0.010):
        clock.now += 100  # between slices
    assert slow._graph.milliseconds("sliced") == pytest.approx(40)


def test_a_value_that_computes_on_its_own_adds_its_time(slow):
    _ = slow.counts_itself
    assert slow._graph.milliseconds("counts_itself") == 1070


# --- long work -------------------------------------------------------------------------------------------------------


def ready(instrument: Instrument, seconds: float | None) -> bool:
    """Reads `sliced` for so long; whether it is there."""
    with instrument._graph.slice(seconds):
        try:
            _ = instrument.sliced
        except NotReady:
            return False
    return True


def test_without_a_limit_work_is_done_at_once(slow):
    assert slow.sliced == [1]
    assert (slow._graph.working, slow._graph.progress) == (False, None)


class Endless(Graph):
    """Takes no notice of the deadline."""

    def slice(self, seconds):
        return super().slice(None)


@pytest.mark.subject(Graph, endless=Endless)
def test_a_slice_ends_at_its_deadline(subject, monkeypatch, clock):
    monkeypatch.setattr(USES_GRAPH, "Graph", subject)
    slow = Slow()
    slow.clock = clock
    _ = slow.inner  # not counted: a step that has begun is finished
    assert not ready(slow, 0.025)
    assert slow._graph.progress == Progress(3, 4, "steps"), "the step that passes the deadline is the last"
    assert clock.now == pytest.approx(5.030)
    assert slow._graph.working
    assert ready(slow, 0.025)
    assert (slow._graph.working, slow._graph.progress, slow.sliced) == (False, None, [1])


def test_a_slice_of_no_length_goes_one_step(slow):
    for done in (1, 2, 3, 4):
        assert not ready(slow, 0.0)
        assert slow._graph.progress.done == done
    assert ready(slow, 0.0)


def test_a_slice_is_for_all_work_together(slow, clock):
    class Two(Slow):
        """Two pieces of work."""

        clock = slow.clock

        @computed(work=True)
        def other(self):
            for done in range(9):
                self.clock.now += 0.010
                yield done + 1, 9

    two = Two()
    with two._graph.slice(0.025):
        for name in ("sliced", "other"):
            with pytest.raises(NotReady):
                getattr(two, name)
    assert {name: work.progress.done for name, work in two._graph._works.items()} == {"sliced": 1, "other": 1}
    _ = two.inner
    with two._graph.slice(0.025):
        for name in ("sliced", "other", "other"):
            with pytest.raises(NotReady):
                getattr(two, name)
    assert {name: work.progress.done for name, work in two._graph._works.items()} == {"sliced": 4, "other": 2}


class Work(Instrument):
    """Work that says when it is closed, what reads it, and work behind it."""

    a = whole(1, 0, 99, "A", "A.")
    b = whole(2, 0, 99, "B", "B.")

    def __init__(self, **settings) -> None:
        self.calls: list[str] = []
        super().__init__(**settings)

    @computed(work=True, keep=2)
    def sliced(self):
        self.calls.append("begun")
        try:
            total = 0
            for done in range(3):
                yield done, 3
                total += self.a
        except GeneratorExit:
            self.calls.append("closed")
            raise
        return [total]

    @computed(work=True)
    def growing(self):
        shown = []
        for done in range(4):
            if done % 2 == 0:
                shown = [*shown, self.a]
            yield done, 4, shown
        return [*shown, "end"]

    @computed
    def reads(self):
        self.calls.append("reads")
        return [self.b, *self.sliced]

    @computed(work=True)
    def next_one(self):
        self.calls.append("next")
        base = self.sliced[0]
        yield 1, 2
        return [base + 1]

    @computed
    def tolerant(self):
        """Does without what is not ready."""
        try:
            return [self.sliced]
        except NotReady:
            return []

    @computed(work=True)
    def fails(self):
        yield 0, 1
        raise ValueError("the work failed")


@pytest.fixture
def work() -> Work:
    return Work()


def looked_at(work: Work, name: str, seconds: float | None = 0.0):
    """The result in one slice; None while it is not ready."""
    with work._graph.slice(seconds):
        try:
            return getattr(work, name)
        except NotReady:
            return None


def test_what_reads_unfinished_work_is_not_ready_and_computed_when_it_is(work):
    seen = [looked_at(work, "reads") for _ in range(4)]
    assert seen == [None, None, None, [2, 3]]
    assert looked_at(work, "reads") is seen[3]
    assert work.calls.count("begun") == 1


def test_it_goes_on_where_it_stopped_until_a_setting_that_it_read_moves(work):
    assert looked_at(work, "sliced") is None
    assert looked_at(work, "sliced") is None
    work.b = 9
    assert looked_at(work, "sliced") is None
    assert (work.calls, work._graph.progress.done) == (["begun"], 2), "it did not read b"
    work.a = 5
    assert looked_at(work, "sliced") is None
    assert (work.calls, work._graph.progress.done) == (["begun", "closed", "begun"], 0)
    assert looked_at(work, "sliced", None) == [15]


def test_a_setting_that_moves_back_finds_the_finished_result(work):
    assert looked_at(work, "sliced", None) == [3]
    work.a = 5
    assert looked_at(work, "sliced") is None
    work.a = 1
    assert looked_at(work, "sliced") == [3]
    assert work.calls == ["begun", "begun", "closed"], "the other one is closed"
    assert not work._graph.working


def test_work_that_nobody_reads_any_more_is_closed(work):
    looked_at(work, "sliced")
    assert work._graph.working
    looked_at(work, "b")
    assert (work.calls, work._graph.working) == (["begun", "closed"], False)


def test_a_partial_result_is_read_meanwhile(work):
    seen = [looked_at(work, "growing") for _ in range(5)]
    assert seen == [[1], [1], [1, 1], [1, 1], [1, 1, "end"]]
    assert seen[0] is seen[1], "the same object is no news"


def test_a_partial_result_is_kept_by_nobody(work):
    looked_at(work, "growing")
    assert work._graph.progress.done == 0
    work._graph.close()
    assert looked_at(work, "growing", None) == [1, 1, "end"]


def test_work_may_read_other_work(work):
    assert [looked_at(work, "next_one") for _ in range(5)] == [None] * 4 + [[4]]
    assert work.calls.count("begun") == 1


def test_what_does_without_is_computed_again_when_it_is_ready(work):
    assert [looked_at(work, "tolerant") for _ in range(4)] == [[], [], [], [[3]]]


def test_forgetting_closes_work(work):
    looked_at(work, "sliced")
    work._graph.forget()
    assert (work.calls, work._graph.working) == (["begun", "closed"], False)
    assert looked_at(work, "sliced", None) == [3]


def test_work_that_fails_is_over(work):
    assert looked_at(work, "fails") is None
    for _ in range(2):
        with pytest.raises(ValueError, match="the work failed"):
            looked_at(work, "fails", None)
        assert not work._graph.working


def test_not_ready_is_no_error_of_the_work():
    """An instrument may catch errors of its data; that something is not ready must pass."""
    assert not issubclass(NotReady, ValueError | LookupError | ArithmeticError)
