"""Work that the reader waits for and background work: which goes on in a slice, and what a partial result changes."""

from __future__ import annotations

import numpy as np

from diffusion_lab.app.instrument import (
    Instrument,
    Panel,
    Readout,
    Status,
    Transport,
    computed,
    number,
    readings,
    switch,
)
from diffusion_lab.app.instrument.scenes import Plane, Points

NOTHING = np.zeros((1, 2))


class Trial(Instrument):
    """One point that is waited for, and one from background work."""

    place = number(0, 0, 1, 0.1, "Place", "Where the points are.")
    show = switch(True, "Show", "Whether the point that is waited for is drawn.")
    panel = Panel(Transport("Go", plays="place", seconds=1), readouts=[Readout("place", "place", ".1f")])
    plane = Plane(1, Points("waited", "ink", when="show"), Points("late", "mute"))

    @computed(work=True, unit="steps")
    def result(self):
        for done in range(3):
            yield done, 3
        return np.full((1, 2), self.place)

    @computed(work=True, background=True)
    def chart(self):
        for done in range(3):
            yield done, 3, NOTHING
        return np.ones((1, 2))

    @plane.layer("waited")
    def _(self):
        return {"x": self.result}

    @plane.layer("late")
    def _(self):
        return {"x": self.chart}

    @readings
    def read(self):
        return {"place": self.place}

    def status(self):
        return Status("a trial")

    def describe(self):
        return f"At {self.place}."


def test_background_work_waits_for_what_the_reader_waits_for():
    trial = Trial()
    answers = [trial.answer(0.0) for _ in range(7)]
    assert [sorted(answer.layers) for answer in answers[:5]] == [["plane.late"], [], [], ["plane.waited"], []]
    assert [answer.progress is None for answer in answers] == [False] * 3 + [True] * 4
    assert [answer.pale for answer in answers[:4]] == [("plane",)] * 3 + [()]
    assert answers[5].layers["plane.late"]["x"].tolist() == [1]
    assert not answers[5].working and not answers[6].layers


def test_a_partial_result_that_stays_is_no_news():
    trial = Trial()
    late = [answer.layers["plane.late"]["x"][0] for answer in iter_answers(trial) if "plane.late" in answer.layers]
    assert late == [0, 1]


def iter_answers(trial):
    while (answer := trial.answer(0.0)).working:
        yield answer
    yield answer


def test_nobody_waits_for_work_that_is_given_up():
    trial = Trial()
    assert trial.answer(0.0).status == "0 of 3 steps · a trial"
    trial.show = False
    answer = trial.answer(0.0)
    assert (answer.progress, answer.status, answer.pale) == (None, "a trial", ())
