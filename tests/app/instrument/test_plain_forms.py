"""What a reader opens as the plain form of a function gives the numbers of the fast form that runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import editable_functions, plain_form, sources
from diffusion_lab.instruments.common import conditional_mixtures, flows, mixtures
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.plain import adam as plain_adam
from diffusion_lab.instruments.common.plain import conditional_mixtures as plain_conditional_mixtures
from diffusion_lab.instruments.common.plain import flows as plain_flows
from diffusion_lab.instruments.common.plain import mixtures as plain_mixtures

EDITABLE = {name: f for each in instrument_names() for name, f in editable_functions(instrument_class(each)).items()}

#: Relative to the largest value: rounding of another order of the same operations, in the worst of the states below.
TOLERANCE = 1e-12


def states(rng: np.random.Generator, count: int = 40) -> Any:
    """Random mixtures, points and noise levels, of one to three dimensions, from almost clean to almost pure noise."""
    for _ in range(count):
        d, k = rng.integers(1, 4), rng.integers(1, 9)
        weights = rng.random(k) + 0.05
        mixture = mixtures.GaussianMixture(
            3 * rng.standard_normal((k, d)), weights / weights.sum(), rng.uniform(0.1, 1)
        )
        yield mixture, 3 * rng.standard_normal((50, d)), Level.from_sigma(10 ** rng.uniform(-1.3, 1.3))


def agree(got: Any, wanted: Any) -> None:
    """Both to `TOLERANCE` of the largest of the numbers wanted."""
    assert np.max(np.abs(got - wanted)) <= TOLERANCE * np.max(np.abs(wanted))


def changed(plain: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """A plain form whose result is wrong."""
    return lambda *arguments: change(plain(*arguments))


score = plain_mixtures.GaussianMixture.score


@pytest.mark.subject(score, slightly_long=changed(score, lambda s: s * (1 + 1e-9)), uphill=changed(score, np.negative))
def test_score(subject, rng):
    for mixture, x, level in states(rng):
        agree(subject(mixture, x, level.signal, level.sigma_t), mixture.score(x, level.signal, level.sigma_t))
        signal = rng.uniform(0.1, 1, len(x))  # one level for each point
        sigma = np.sqrt(1 - signal**2)
        agree(subject(mixture, x, signal, sigma), mixture.score(x, signal, sigma))
        agree(subject(mixture, x[0], level.signal, level.sigma_t), mixture.score(x[0], level.signal, level.sigma_t))


velocity = plain_flows.marginal_velocity


@pytest.mark.subject(
    velocity,
    slightly_fast=changed(velocity, lambda v: v * (1 + 1e-9)),
    of_the_other_path=lambda mixture, x, t, path: velocity(
        mixture, x, t, flows.DIFFUSION if path is flows.RECTIFIED else flows.RECTIFIED
    ),
)
def test_marginal_velocity(subject, rng):
    for mixture, x, _ in states(rng):
        for path in (flows.RECTIFIED, flows.DIFFUSION):
            t = rng.uniform(0, 0.9)
            agree(subject(mixture, x, t, path), flows.marginal_velocity(mixture, x, t, path))
        for t in (0.0, 1.0):
            agree(subject(mixture, x, t, flows.RECTIFIED), flows.marginal_velocity(mixture, x, t))


eps = plain_conditional_mixtures.exact_eps


@pytest.mark.subject(eps, slightly_long=changed(eps, lambda e: e * (1 + 1e-9)), of_the_score=changed(eps, np.negative))
def test_exact_eps(subject, rng):
    for mixture, x, level in states(rng):
        agree(subject(mixture, x, level), conditional_mixtures.exact_eps(mixture, x, level))


both = plain_conditional_mixtures.exact_eps_of_both


@pytest.mark.subject(both, exchanged=changed(both, lambda two: two[::-1]))
def test_exact_eps_of_both(subject, rng):
    for mixture, x, level in states(rng):
        part = mixtures.GaussianMixture(mixture.means[:1], np.ones(1), mixture.s / 2)
        wanted = conditional_mixtures.exact_eps_of_both(mixture, part, x, level)
        for one, other in zip(subject(mixture, part, x, level), wanted, strict=True):
            agree(one, other)


class Uncorrected(plain_adam.Adam):
    """Without the correction of the bias."""

    def update(self, weights: Any, grads: Any) -> None:
        """One step as if it were a late one."""
        steps, self.steps = self.steps, 10**6
        super().update(weights, grads)
        self.steps = steps + 1


class Undecayed(plain_adam.Adam):
    """Without the decay of weights."""

    def update(self, weights: Any, grads: Any) -> None:
        """One step of plain Adam."""
        self.weight_decay = 0.0
        super().update(weights, grads)


@pytest.mark.subject(plain_adam.Adam, uncorrected=Uncorrected, undecayed=Undecayed)
def test_adam(subject, rng):
    for kind, tolerance in ((np.float64, TOLERANCE), (np.float32, 2e-6)):
        start = {"a": rng.standard_normal((3, 4)).astype(kind), "b": rng.standard_normal(5).astype(kind)}
        fast, plain = ({name: value.copy() for name, value in start.items()} for _ in range(2))
        one, other = Adam(1e-2, weight_decay=0.1), subject(1e-2, weight_decay=0.1)
        for _ in range(30):
            grads = {name: rng.standard_normal(value.shape).astype(kind) for name, value in start.items()}
            one.update(fast, grads)
            other.update(plain, grads)
        for name, wanted in fast.items():
            assert plain[name].dtype == kind
            np.testing.assert_allclose(plain[name], wanted, rtol=tolerance, atol=tolerance)


#: Every plain form, and the test that holds it equal to its fast form.
TESTED = {
    "common.mixtures.GaussianMixture.score": test_score,
    "common.flows.marginal_velocity": test_marginal_velocity,
    "common.conditional_mixtures.exact_eps": test_exact_eps,
    "common.conditional_mixtures.exact_eps_of_both": test_exact_eps_of_both,
    "common.networks.adam.Adam.update": test_adam,
}


def test_every_plain_form_is_tested():
    assert {name for name, function in EDITABLE.items() if plain_form(function)} == set(TESTED)


@pytest.mark.parametrize("name", sorted(TESTED))
def test_a_plain_form_has_the_parameters_of_the_fast_one_and_uses_names_of_its_module(name):
    fast = EDITABLE[name]
    plain = plain_form(fast)
    assert (
        plain.__code__.co_varnames[: plain.__code__.co_argcount]
        == fast.__code__.co_varnames[: fast.__code__.co_argcount]
    )
    assert plain.__defaults__ == fast.__defaults__
    assert [
        name for name in plain.__code__.co_names if name in plain.__globals__ and name not in fast.__globals__
    ] == []


#: Signs of code that is written for speed: arrays written into, ufuncs' methods, memory order.
FAST = re.compile(r"out=(?!np\.ones)|\.reduce\(|asfortranarray|^ +(?:pull|terms|logits|step) [*/]=", re.M)


@pytest.mark.parametrize("instrument", instrument_names())
def test_what_a_reader_opens_fits_a_screen_and_is_not_written_for_speed(instrument):
    for source in sources(instrument_class(instrument)):
        assert source["code"].count("\n") <= 45, source["name"]
        assert not FAST.search(source["code"]), source["name"]
        assert source["plain"] == (source["name"] in TESTED)


@pytest.mark.parametrize("name", sorted(TESTED))
def test_the_fast_forms_are_what_that_sign_finds(name):
    text = inspect.getsource(EDITABLE[name])
    assert FAST.search(text) or "_scores_of_both" in text
