"""The pictures in words, with their numbers."""

from typing import Any

from diffusion_lab.instruments.samplers.faults import FAULTS
from diffusion_lab.instruments.samplers.kernel import METHODS


def describe(shown: Any) -> str:
    """The picture that the instrument `shown` shows."""
    texts = shown.reading_texts
    done = f"{shown.progress:.0%} of the run done, noise level {texts['sigma']}"
    words = {"race": _race, "paths": _paths, "over_time": _over_time, "interpolation": _interpolation, "faults": _fault}
    return words[shown.view](shown, texts, done)


def _race(shown: Any, texts: dict[str, Any], done: str) -> str:
    laws = ", ".join(f"{METHODS[name].label} {law:.3f}" for name, law in shown.laws.items())
    return (
        f"Eight samplers on the {shown.label('data_set').lower()} data from the same noise, {shown.nfe} evaluations"
        f" each, {done}. Distance of their ends to the exact density: {laws}; perfect draws {texts['law_error_true']}."
        f" {_errors(shown, texts)}"
    )


def _paths(shown: Any, texts: dict[str, Any], done: str) -> str:
    return (
        f"Points under {shown.label('sampler')} on the {shown.label('data_set').lower()} data,"
        f" {texts['nfe']} evaluations in {texts['steps']} steps, {done}. {_errors(shown, texts)}"
    )


def _over_time(shown: Any, texts: dict[str, Any], done: str) -> str:
    smooth, jagged = (METHODS[name].label for name in shown.pair)
    return (
        f"Paths on a line from noise to two clusters at −2 and 2: smooth ones of {smooth}, jagged ones of {jagged},"
        f" {shown.nfe} evaluations each, {done}. Above 0 end {texts['upper']} and {texts['upper_true']} of the points"
        " (exactly 0.700)."
    )


def _interpolation(shown: Any, texts: dict[str, Any], done: str) -> str:
    smooth, scattered = (METHODS[name].label for name in shown.pair)
    fresh = "the same noise everywhere" if shown.fresh_noise == "one" else "fresh noise at each place"
    way = {"spherical": "an arc", "linear": "a straight line"}[shown.interpolation]
    return (
        f"Noises on {way} from one to another, taken to the {shown.label('data_set').lower()} data by {smooth} and by"
        f" {scattered} with {fresh}, {shown.nfe} evaluations each, {done}. The largest jump between neighbouring ends"
        f" is {texts['jump']} and {texts['jump_true']}."
    )


def _fault(shown: Any, texts: dict[str, Any], done: str) -> str:
    fault = FAULTS[shown.fault]
    return (
        f"{fault.label}, beside the right way: {shown.nfe} steps, {done}. Effect: {fault.harm}. Distance to the exact"
        f" density {texts['damage']}, the right way {texts['damage_true']}; share of the far cluster {texts['far']},"
        f" the right way {texts['far_true']}; spread {texts['spread']}, the right way {texts['spread_true']}."
        f" Source: {fault.source}."
    )


def _errors(shown: Any, texts: dict[str, Any]) -> str:
    """The chosen sampler's errors, the chart, and the design choices behind both."""
    name = shown.label("sampler")
    ends = f"The ends of {name} are {texts['end_error']} from the exact ones, of DDIM {texts['end_error_true']}."
    if METHODS[shown.sampler].stochastic:
        ends = f"{name} adds fresh noise, so it has no exact ends."
    spacing = shown.label("spacing") + (f" with ρ = {shown.rho:g}" if shown.spacing == "karras" else "")
    return (
        f"{ends} Its distance to the exact density is {texts['law_error']}, of perfect draws {texts['law_error_true']}."
        f" The chart shows {shown.label('chart_shows').lower()} against evaluations. Noise levels: {spacing}. Euler and"
        f" Heun step in {shown.label('variable')}. EDM: {shown.label('solver')}, fresh noise S = {shown.churn:g}."
    )
