"""Decoding by unmasking: which positions a pass commits, what it draws there, and what exactly comes of it.

Rules under their published names. All but `remdm` commit the `transfer_counts` best masked positions of a pass and
never touch them again; they differ in what "best" means. A model is a function from partly masked tokens (B, n),
`MASK` where masked, to p(x_i | revealed) as (B, n, V): exact, as `Chain.posterior` gives it, or learned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.chains import MASK, Chain, Tokens, draw
from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Model = Callable[[Tokens], Array]

RULES = ("low_confidence", "confidence", "margin", "entropy", "random", "remdm")
"""low_confidence: probability of the token just drawn there, as in LLaDA's published code (Nie et al. 2025);
confidence: largest marginal probability, whatever is drawn; margin: largest minus second largest (Kim et al. 2025);
entropy: least entropy (Dream: Ye et al. 2025); random: any, the reverse process as derived (Austin et al. 2021,
Sahoo et al. 2024); remdm: what is committed may be masked again (Wang et al. 2025)."""

TIE = 1e-9
"""Scores closer than this are equal, and chance decides between them."""


@dataclass(frozen=True, eq=False)
class Pass:
    """A batch after a pass, arrays (B, n).

    number: from 0, the start; x: tokens; committed, remasked: what this pass did; confidence: the probability that
    each token had when it was committed (1 where given, 0 where masked); nfe: (B,) model evaluations so far.
    """

    number: int
    x: Tokens
    committed: NDArray[np.bool_]
    remasked: NDArray[np.bool_]
    confidence: Array
    nfe: Tokens


def transfer_counts(num_masked: int, num_inference_steps: int) -> Tokens:
    """Tokens that each of K passes commits, (K,): equal shares, the rest to the first passes (10 in 4: 3, 3, 2, 2)."""
    require(num_masked >= 0, "`num_masked` must be at least 0", num_masked)
    require(num_inference_steps >= 1, "`num_inference_steps` must be at least 1", num_inference_steps)
    share, rest = divmod(num_masked, num_inference_steps)
    return share + (np.arange(num_inference_steps) < rest).astype(np.int64)


def decode(
    model: Model,
    x: Tokens,
    num_inference_steps: ArrayLike,
    remasking: str,
    temperature: float,
    rng: np.random.Generator,
    eta_cap: float = 0.0,
) -> Iterator[Pass]:
    """Fill the masks of x (B, n) in K passes: the start, then the state after each pass until all rows are done.

    num_inference_steps: K, one for all or (B,); eta_cap: for `remdm`, the largest probability that a pass masks a
    committed token again. Equal rows are evaluated once; each counts as an evaluation of its own. A row without
    masks needs no evaluation. Raises ValueError at the call.
    """
    x = np.atleast_2d(x).copy()
    steps = np.broadcast_to(np.asarray(num_inference_steps, np.int64), len(x))
    require(steps.min() >= 1, "`num_inference_steps` must be at least 1", steps.min())
    require(remasking in RULES, f"`remasking` must be one of {', '.join(RULES)}", remasking)
    require(0 <= eta_cap <= 1, "`eta_cap` must be between 0 and 1", eta_cap)
    given = x != MASK

    def passes() -> Iterator[Pass]:
        nothing = np.zeros(x.shape, bool)
        now = Pass(0, x, nothing, nothing, given.astype(np.float64), np.zeros(len(x), np.int64))
        yield now
        for number in range(1, int(steps.max()) + 1):
            rows = np.flatnonzero((now.x == MASK).any(axis=1) & (number <= steps))
            if not len(rows) and remasking != "remdm":  # which may mask again what is complete
                return
            if len(rows) > 1:
                distinct, inverse = np.unique(now.x[rows], axis=0, return_inverse=True)
                law = model(distinct)[inverse]
            else:
                law = model(now.x[rows]) if len(rows) else np.zeros((0, x.shape[1], 1))
            now = _after(now, rows, law, steps, given, remasking, temperature, rng, eta_cap)
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
) -> Pass:
    """The pass after `now`: `rows` still have masks, with marginals `law`."""
    number = now.number + 1
    x, confidence, nfe = now.x.copy(), now.confidence.copy(), now.nfe.copy()
    nfe[rows] += 1
    masked = x[rows] == MASK
    drawn = np.zeros(masked.shape, np.int64)
    drawn[masked] = draw(law[masked], temperature, rng)
    chosen, again = np.zeros(masked.shape, bool), np.zeros(x.shape, bool)
    if remasking == "remdm":
        commit, mask = remdm_probabilities(number, steps, eta_cap)
        chosen = masked & (rng.random(masked.shape) < commit[rows, None])
        running = number <= steps
        again = (x != MASK) & ~given & running[:, None] & (rng.random(x.shape) < mask[:, None])
    else:
        total = (~given[rows]).sum(axis=1)
        share, rest = np.divmod(total, steps[rows])
        count = share + (number <= rest)  # row by row what `transfer_counts` says
        score = np.full(masked.shape, -np.inf)
        score[masked] = scores(law[masked], drawn[masked], remasking)
        order = np.lexsort((rng.random(masked.shape), -score), axis=1)
        rank = np.argsort(order, axis=1)
        chosen = masked & (rank < count[:, None])
    committed = np.zeros(x.shape, bool)
    committed[rows] = chosen
    at = np.nonzero(chosen)
    x[rows[at[0]], at[1]] = drawn[at]
    confidence[rows[at[0]], at[1]] = law[at[0], at[1], drawn[at]]
    x[again], confidence[again] = MASK, 0.0
    return Pass(number, x, committed, again, confidence, nfe)


def scores(law: Array, drawn: Tokens, remasking: str) -> Array:
    """What a rule likes masked positions for, (M,), larger first: law (M, V), drawn (M,) the tokens just drawn."""
    if remasking == "low_confidence":
        score = law[np.arange(len(law)), drawn]
    elif remasking == "confidence":
        score = law.max(axis=1)
    elif remasking == "margin":
        top = np.partition(law, -2, axis=1)
        score = top[:, -1] - top[:, -2]
    elif remasking == "entropy":
        score = np.sum(law * np.log(np.maximum(law, 1e-300)), axis=1)
    else:
        score = np.zeros(len(law))
    return np.round(score / TIE) * TIE


def remdm_probabilities(number: int, steps: Tokens, eta_cap: float) -> tuple[Array, Array]:
    """ReMDM with a cap on remasking (Wang et al. 2025): at pass `number` of K, for each row (B,).

    Probabilities that a masked token is committed and that a committed one is masked again, on the linear schedule
    alpha_t = (number - 1)/K before the pass and alpha_s = number/K after it: mask again with probability
    sigma = min(eta_cap, (1 - alpha_s)/alpha_t), commit with (alpha_s - (1 - sigma) alpha_t)/(1 - alpha_t).
    So a share alpha_s is committed on average, whatever sigma.
    """
    alpha_t = np.minimum(number - 1, steps) / steps
    alpha_s = np.minimum(number, steps) / steps
    sigma = np.minimum(eta_cap, np.divide(1 - alpha_s, alpha_t, out=np.ones(len(steps)), where=alpha_t > 0))
    left = 1 - alpha_t
    commit = np.divide(alpha_s - (1 - sigma) * alpha_t, left, out=np.ones(len(steps)), where=left > 0)
    return commit, np.where(alpha_t > 0, sigma, 0.0)


# --- drafts, for a model that writes left to right -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Round:
    """A text (n,) that is written left to right, after a round of drafting and verifying.

    x: tokens, `MASK` where nothing stands yet; reached: tokens that stand; drafted, kept: how many free ones the draft
    had, and how many of them were kept; replaced: the position where the first refused one was drawn anew, or -1;
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
    which it is replaced if not (p itself where there is nothing left). Whatever q is, the outcome has the law p.
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

    Yields the start, then the state after each round. The draft sees what stands, nothing further on, and draws its
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
            laws = chain.next_laws(np.maximum(proposal, 0)[None])[0]  # of no use beyond the draft and the token after
            keep, rest = acceptance(tempered(laws[reached:end], temperature), q)
            drafted = proposal[reached:end, None]
            refused = np.flatnonzero(free & (rng.random(len(free)) >= np.take_along_axis(keep, drafted, 1)[:, 0]))
            last = reached + int(refused[0]) if len(refused) else end  # where the verifier draws for itself
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


# --- what exactly comes of it, on small chains -----------------------------------------------------------------------


def decoding_law(
    model: Model, length: int, num_tokens: int, num_inference_steps: int, remasking: str, eta_cap: float = 0.0
) -> Array:
    """The exact law q of what `decode` gives from all masks at temperature 1: (V,) * n, by following every path.

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
    if remasking == "low_confidence":  # which positions depends on what is drawn, everywhere
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
    """KL(p || q) in nats of two laws of one shape, not below 0 by rounding; inf where q misses what p has."""
    seen = p > 0
    if np.any(q[seen] == 0):
        return float("inf")
    return max(0.0, float(np.sum(p[seen] * np.log(p[seen] / q[seen]))))


def total_correlation(p: Array) -> float:
    """KL in nats of a law p, (V,) * n, from independent tokens with the same marginals: what one pass loses."""
    axes = range(p.ndim)
    singles = [p.sum(axis=tuple(j for j in axes if j != i)) for i in axes]
    return kl_divergence(p, reduce(np.multiply.outer, singles))


def mean_weight(length: int, num_masked: ArrayLike) -> Array:
    """The factor 1/t of the objective averaged over t ~ U(0, 1), given that `num_masked` of `length` are masked.

    t is then Beta(m + 1, n - m + 1), whose mean 1/t is (n + 1)/m; 0 where nothing is masked. In the place of 1/t it
    leaves the objective's mean as it is and makes its variance finite.
    """
    count = np.asarray(num_masked, np.float64)
    return np.divide(length + 1, count, out=np.zeros(count.shape), where=count > 0)


def masked_objective(model: Model, x0: Tokens) -> float:
    """The masked diffusion objective at x0 (n,), in nats, without sampling: over every set of masked positions.

    E over t ~ U(0, 1) and masks of (1/t) sum over masked i of -log p(x0_i | revealed). With m of n masked, t
    integrates to (m - 1)! (n - m)! / n!, one over m C(n, m). The estimator that draws t has infinite variance: the
    mean of 1/t² times the chance t of a mask diverges at 0.
    """
    n = len(x0)
    masks = np.array(list(product([False, True], repeat=n)))[1:]
    law = model(np.where(masks, MASK, x0))
    nats = -np.log(law[:, np.arange(n), x0])
    count = masks.sum(axis=1)
    weight = 1.0 / (count * np.array([comb(n, m) for m in count]))
    return float(np.sum(weight * np.sum(nats * masks, axis=1)))
