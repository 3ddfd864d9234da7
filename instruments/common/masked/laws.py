"""The exact law of decoded texts on small chains, and divergences between laws."""

from collections.abc import Iterator
from functools import lru_cache, reduce
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Tokens
from diffusion_lab.instruments.common.masked.decoding import Model
from diffusion_lab.instruments.common.masked.rules import RULES, TIE, remdm_probabilities, scores, transfer_counts

Array = NDArray[np.float64]


def decoding_law(
    model: Model, length: int, num_tokens: int, num_inference_steps: int, remasking: str, eta_cap: float = 0.0
) -> Array:
    """The exact law q of texts that `decode` makes from all masks at temperature 1: (V,) * n, by following every path.

    Ties are split evenly. The work grows as (V + 1)^n partly masked sequences (its square for `remdm`).
    """
    require(remasking in RULES, f"`remasking` must be one of {', '.join(RULES)}", remasking)
    if remasking == "remdm":
        return _remdm_law(model, length, num_tokens, num_inference_steps, eta_cap)
    paths = {(MASK,) * length: 1.0}
    for count in transfer_counts(length, num_inference_steps):
        reached: dict[tuple[int, ...], float] = {}
        for (x, mass), law in zip(paths.items(), model(np.array(list(paths))), strict=True):
            for after, p in _branches(x, law, int(count), remasking):
                reached[after] = reached.get(after, 0.0) + mass * p
        paths = reached
    q = np.zeros((num_tokens,) * length)
    for x, mass in paths.items():
        q[x] = mass
    return q


def _branches(x: tuple[int, ...], law: Array, count: int, remasking: str) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every way that a pass can end from x, given marginals law (n, V), with its probability."""
    if count == 0:
        yield x, 1.0
        return
    masked = [i for i, token in enumerate(x) if token == MASK]
    if remasking == "low_confidence":  # the positions depend on the tokens drawn at all positions
        draws = _draws(law.shape[1], len(masked))
        score = scores(np.tile(law[masked], (len(draws), 1)), draws.ravel(), remasking).reshape(draws.shape)
        for drawn, likes, p in zip(draws.tolist(), score.tolist(), _joint(law[masked]), strict=True):
            for chosen, share in _best(likes, count):
                yield _with(x, [masked[k] for k in chosen], [drawn[k] for k in chosen]), p * share
        return
    score = scores(law[masked], np.zeros(len(masked), np.int64), remasking)
    for chosen, share in _best(score.tolist(), count):
        at = [masked[k] for k in chosen]
        for drawn, p in zip(_draws(law.shape[1], count).tolist(), _joint(law[at]), strict=True):
            yield _with(x, at, drawn), p * share


def _best(score: list[float], count: int) -> Iterator[tuple[list[int], float]]:
    """The sets of the `count` >= 1 highest scores, ties split evenly: indices and the share of each set."""
    border = sorted(score)[-count]
    sure = [k for k, s in enumerate(score) if s > border + TIE / 2]
    tied = [k for k, s in enumerate(score) if abs(s - border) <= TIE / 2]
    share = 1.0 / comb(len(tied), count - len(sure))
    for extra in combinations(tied, count - len(sure)):
        yield [*sure, *extra], share


@lru_cache(maxsize=64)
def _draws(num_tokens: int, length: int) -> Tokens:
    """Every sequence of `length` tokens, (V^length, length), the last running fastest."""
    return np.array(list(product(range(num_tokens), repeat=length)), np.int64).reshape(-1, length)


def _joint(law: Array) -> list[float]:
    """Probability of each of `_draws` when positions are independent: law (m, V)."""
    return reduce(np.multiply.outer, law).ravel().tolist()


def _with(x: tuple[int, ...], at: list[int], placed: list[int]) -> tuple[int, ...]:
    tokens = list(x)
    for i, token in zip(at, placed, strict=True):
        tokens[i] = token
    return tuple(tokens)


def _remdm_law(model: Model, length: int, num_tokens: int, num_inference_steps: int, eta_cap: float) -> Array:
    """The law of ReMDM: in a pass every position moves by itself, given the marginals of the state before."""
    states = _draws(num_tokens + 1, length) - 1  # MASK comes first
    law = model(states)
    own = np.eye(num_tokens + 1)[states + 1]  # (states, n, V + 1)
    away = np.zeros_like(own)
    away[..., 0] = 1.0
    filled = np.concatenate([np.zeros((*law.shape[:2], 1)), law], axis=2)
    mass = np.zeros(len(states))
    mass[0] = 1.0
    for number in range(1, num_inference_steps + 1):
        commit, mask = (p[0] for p in remdm_probabilities(number, np.array([num_inference_steps]), eta_cap))
        masked = (states == MASK)[:, :, None]
        move = np.where(masked, commit * filled + (1 - commit) * away, (1 - mask) * own + mask * away)
        live = np.flatnonzero(mass)
        mass = sum((mass[k] * reduce(np.multiply.outer, move[k]).ravel() for k in live), np.zeros(len(states)))
    return mass.reshape((num_tokens + 1,) * length)[(slice(1, None),) * length]


def kl_divergence(p: Array, q: Array) -> float:
    """KL(p || q) in nats of two laws of one shape, not below 0 by rounding; inf where q is 0 and p is not."""
    seen = p > 0
    if np.any(q[seen] == 0):
        return float("inf")
    return max(0.0, float(np.sum(p[seen] * np.log(p[seen] / q[seen]))))


def total_correlation(p: Array) -> float:
    """KL in nats of a law p, (V,) * n, from independent tokens with the same marginals: the loss of one pass."""
    axes = range(p.ndim)
    singles = [p.sum(axis=tuple(j for j in axes if j != i)) for i in axes]
    return kl_divergence(p, reduce(np.multiply.outer, singles))
