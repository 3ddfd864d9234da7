"""Readings with a standard error."""

from diffusion_lab.app.instrument import Estimate, Measure, Panel, Transport
from diffusion_lab.app.instrument.readings import reading_numbers, reading_texts

PANEL = Panel(Transport("Run", "t", 1), measures=[Measure("variance", "variance", ".3f", "exact")])


def test_an_estimate_is_shown_with_its_error():
    shown = reading_texts(PANEL, {"variance": (Estimate(-0.2514, 0.0126), 0.25)})
    assert shown == {"variance": "−0.251 ± 0.013", "variance_true": "0.250"}


def test_an_error_that_would_be_rounded_to_zero_has_its_first_digit():
    small = reading_texts(PANEL, {"variance": (Estimate(0.2514, 0.00043), 0.25)})
    assert small["variance"] == "0.251 ± 0.0004"
    exact = reading_texts(PANEL, {"variance": (Estimate(0.2514, 0.0), 0.25)})
    assert exact["variance"] == "0.251 ± 0.000"


def test_an_estimate_is_two_numbers():
    assert reading_numbers({"a": (Estimate(0.5, 0.1), 0.25)}) == {"a": [[0.5, 0.1], 0.25]}
    assert reading_numbers({"a": Estimate(0.5, float("nan"))}) == {"a": [0.5, None]}
