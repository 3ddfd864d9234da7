"""Drafts for a model that writes left to right: a masked model proposes tokens, the first one verifies them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Chain, Tokens, draw
from diffusion_lab.instruments.common.masked.decoding import Model

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Round:
    """A text (n,) that is written left to right, after a round of drafting and verifying.

    x: tokens, `MASK` where not yet written; reached: number of tokens written; drafted, kept: numbers of free tokens
    in the draft and of accepted ones; replaced: the position of the first refused token, which was redrawn, or -1;
    verified: positions that were checked; certainty: (n,) the probability that each token has under the verifier, 1
    where given, 0 where masked.
    """

    x: Tokens
    reached: int
    drafted: int
    kept: int
    replaced: int
    verified: int
    certainty: Array


def acceptance(p: Array, q: Array) -> tuple[Array, Array]:
    """Speculative decoding's rule (Leviathan, Kalman & Matias 2023, algorithm 1): laws p wanted, q drafted (..., V).

    The probability min(1, p/q) with which each token is kept if it was drafted, and the law (p - q)+, normalised, from
    which it is replaced if not (p itself where nothing is left). Whatever q is, the outcome has the law p.
    """
    keep = np.minimum(1.0, np.divide(p, q, out=np.ones(p.shape), where=q > 0))
    rest = np.maximum(p - q, 0.0)
    total = rest.sum(axis=-1, keepdims=True)
    return keep, np.where(total > 0, np.divide(rest, total, out=np.zeros(p.shape), where=total > 0), p)


def tempered(law: Array, temperature: float) -> Array:
    """Laws (..., V) to the power 1/T, normalised, as `draw` draws them; T = 0 leaves the likeliest alone."""
    if temperature == 0:
        return np.eye(law.shape[-1])[law.argmax(axis=-1)]
    powers = (law / law.max(axis=-1, keepdims=True)) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def draft_and_verify(
    draft: Model, chain: Chain, x: Tokens, block: int, temperature: float, rng: np.random.Generator
) -> Iterator[Round]:
    """Fill the masks of x (n,) left to right: in a round `draft` proposes `block` tokens at once, `chain` verifies.

    Yields the start, then the state after each round. The draft sees only the tokens written so far, and draws its
    tokens independently in one pass. One pass of the chain gives p(x_i | all before) at each of them; `acceptance`
    decides from left to right and the first refused token is replaced. If none is, the same pass yields one token more.
    So the text has the chain's law, in fewer passes. A given token is put in its place when it is reached. Raises
    ValueError at the call.
    """
    require(block >= 1, "`block` must be at least 1", block)
    given, length = x != MASK, len(x)

    def rounds() -> Iterator[Round]:
        text, certainty, reached = x.copy(), given.astype(np.float64), 0
        yield Round(text, 0, 0, 0, -1, 0, certainty)
        while reached < length:
            end = min(reached + block, length)
            free = ~given[reached:end]
            q = tempered(draft(np.where(np.arange(length) < reached, text, MASK)[None])[0, reached:end], temperature)
            proposal = text.copy()
            proposal[reached:end][free] = draw(q[free], 1.0, rng)
            laws = chain.next_laws(np.maximum(proposal, 0)[None])[0]  # unused beyond the draft and the token after
            keep, rest = acceptance(tempered(laws[reached:end], temperature), q)
            drafted = proposal[reached:end, None]
            refused = np.flatnonzero(free & (rng.random(len(free)) >= np.take_along_axis(keep, drafted, 1)[:, 0]))
            last = reached + int(refused[0]) if len(refused) else end  # where the verifier draws the token
            if last < length and not given[last]:
                law = rest[last - reached] if len(refused) else tempered(laws[last], temperature)
                proposal[last] = draw(law[None], 1.0, rng)[0]
            new = slice(reached, last + 1)
            text, certainty = text.copy(), certainty.copy()
            text[new] = proposal[new]
            certainty[new] = np.where(given[new], 1.0, np.take_along_axis(laws[new], text[new, None], 1)[:, 0])
            kept = int(free[: last - reached].sum())
            verified = min(end + 1, length) - reached
            reached = min(last + 1, length)
            yield Round(text, reached, int(free.sum()), kept, last if len(refused) else -1, verified, certainty)

    return rounds()
