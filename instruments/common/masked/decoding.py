"""Decoding by unmasking, pass by pass.

A model is a function from partly masked tokens (B, n), `MASK` where masked, to p(x_i | revealed) as (B, n, V): exact,
as `Chain.posterior` gives it, or learned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Tokens, draw
from diffusion_lab.instruments.common.masked.rules import RULES, remdm_probabilities, scores

Array = NDArray[np.float64]
Model = Callable[[Tokens], Array]
Proposal = Callable[[Array, float, str, np.random.Generator], tuple[Tokens, Array]]


@dataclass(frozen=True, eq=False)
class Pass:
    """A batch after a pass, arrays (B, n).

    number: from 0, the start; x: tokens; drafted: the tokens that this pass drew, also those that it did not commit,
    `MASK` elsewhere; committed, remasked: the positions that it changed; confidence: the probability that each token
    had when it was committed (1 where given, 0 where masked); nfe: (B,) evaluations so far.
    """

    number: int
    x: Tokens
    drafted: Tokens
    committed: NDArray[np.bool_]
    remasked: NDArray[np.bool_]
    confidence: Array
    nfe: Tokens


def propose(law: Array, temperature: float, remasking: str, rng: np.random.Generator) -> tuple[Tokens, Array]:
    """A token drawn from each of the laws (M, V) of masked positions, and its score by a rule: (M,) both."""
    drawn = draw(law, temperature, rng)
    return drawn, scores(law, drawn, remasking)


def decode(
    model: Model,
    x: Tokens,
    num_inference_steps: ArrayLike,
    remasking: str,
    temperature: float,
    rng: np.random.Generator,
    eta_cap: float = 0.0,
    proposal: Proposal = propose,
) -> Iterator[Pass]:
    """Fill the masks of x (B, n) in K passes: the start, then the state after each pass until all rows are done.

    num_inference_steps: K, one for all or (B,); eta_cap: for `remdm`, the largest probability that a pass masks a
    committed token again; proposal: draws and scores, as `propose` does. Equal rows are evaluated once; each still
    counts as one evaluation. A row without masks needs no evaluation. Raises ValueError at the call.
    """
    x = np.atleast_2d(x).copy()
    steps = np.broadcast_to(np.asarray(num_inference_steps, np.int64), len(x))
    require(steps.min() >= 1, "`num_inference_steps` must be at least 1", steps.min())
    require(remasking in RULES, f"`remasking` must be one of {', '.join(RULES)}", remasking)
    require(0 <= eta_cap <= 1, "`eta_cap` must be between 0 and 1", eta_cap)
    given = x != MASK

    def passes() -> Iterator[Pass]:
        nothing = np.zeros(x.shape, bool)
        now = Pass(0, x, np.full(x.shape, MASK), nothing, nothing, given.astype(np.float64), np.zeros(len(x), np.int64))
        yield now
        for number in range(1, int(steps.max()) + 1):
            rows = np.flatnonzero((now.x == MASK).any(axis=1) & (number <= steps))
            if not len(rows) and remasking != "remdm":  # remdm may mask tokens of a complete text
                return
            if len(rows) > 1:
                distinct, inverse = np.unique(now.x[rows], axis=0, return_inverse=True)
                law = model(distinct)[inverse]
            else:
                law = model(now.x[rows]) if len(rows) else np.zeros((0, x.shape[1], 1))
            now = _after(now, rows, law, steps, given, remasking, temperature, rng, eta_cap, proposal)
            yield now

    return passes()


def _after(
    now: Pass,
    rows: Tokens,
    law: Array,
    steps: Tokens,
    given: NDArray[np.bool_],
    remasking: str,
    temperature: float,
    rng: np.random.Generator,
    eta_cap: float,
    proposal: Proposal,
) -> Pass:
    """The pass after `now`: `rows` still have masks, with marginals `law`."""
    number = now.number + 1
    x, confidence, nfe = now.x.copy(), now.confidence.copy(), now.nfe.copy()
    nfe[rows] += 1
    masked = x[rows] == MASK
    drawn, score = np.full(masked.shape, MASK), np.full(masked.shape, -np.inf)
    drawn[masked], score[masked] = proposal(law[masked], temperature, remasking, rng)
    chosen, again = np.zeros(masked.shape, bool), np.zeros(x.shape, bool)
    if remasking == "remdm":
        commit, mask = remdm_probabilities(number, steps, eta_cap)
        chosen = masked & (rng.random(masked.shape) < commit[rows, None])
        running = number <= steps
        again = (x != MASK) & ~given & running[:, None] & (rng.random(x.shape) < mask[:, None])
    else:
        total = (~given[rows]).sum(axis=1)
        share, rest = np.divmod(total, steps[rows])
        count = share + (number <= rest)  # `transfer_counts` for each row
        order = np.lexsort((rng.random(masked.shape), -score), axis=1)
        rank = np.argsort(order, axis=1)
        chosen = masked & (rank < count[:, None])
    committed = np.zeros(x.shape, bool)
    committed[rows] = chosen
    drafted = np.full(x.shape, MASK)
    drafted[rows] = drawn
    at = np.nonzero(chosen)
    x[rows[at[0]], at[1]] = drawn[at]
    confidence[rows[at[0]], at[1]] = law[at[0], at[1], drawn[at]]
    x[again], confidence[again] = MASK, 0.0
    return Pass(number, x, drafted, committed, again, confidence, nfe)
