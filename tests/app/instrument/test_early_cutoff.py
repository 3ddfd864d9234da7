"""A result that comes out as it was leaves what reads it as it is."""

from diffusion_lab.app.instrument import Instrument, Panel, Transport, computed, number


class Steps(Instrument):
    """A number, in whole steps."""

    t = number(0.0, 0.0, 9.0, 0.1, "Time", "Time.")
    panel = Panel(Transport("Run", "t", 1))

    @computed
    def whole(self):
        return int(self.t)

    @computed
    def word(self):
        return "low" if self.t < 5 else "high"

    @computed
    def pair(self):
        return [int(self.t)]

    @computed(keep=4)
    def of_whole(self):
        return object(), self.whole

    @computed
    def of_word(self):
        return object(), self.word

    @computed
    def of_pair(self):
        return object(), self.pair


def test_a_number_or_text_that_comes_out_as_before_recomputes_nothing():
    steps = Steps(t=1.2)
    first, other, of_word = steps.of_whole, steps.of_pair, steps.of_word
    steps.t = 1.7
    assert steps.of_whole is first
    assert steps.of_word is of_word
    assert steps.of_pair is not other, "what is no number or text is not compared"
    steps.t = 2.0
    assert steps.of_whole is not first
    assert steps.of_whole[1] == 2
    steps.t = 1.4
    assert steps.of_whole is first, "kept, and known by the number"
    steps.t = 6.0
    assert steps.of_word[1] == "high"
