"""The computations of the masked diffusion instrument: one decoding in detail, and the cost and loss of decodings.

With the exact model the only loss of a decoding comes from drawing several words in one pass. With the learned one
its conditionals have errors too (`model_error.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Chain, Tokens
from diffusion_lab.instruments.common.masked.decoding import Model, Pass, Proposal, decode, propose
from diffusion_lab.instruments.common.masked.drafts import Round, draft_and_verify
from diffusion_lab.instruments.common.masked.laws import decoding_law, kl_divergence, total_correlation
from diffusion_lab.instruments.common.masked.rules import RULES
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.unmask.language import (
    MODELS,
    VOCABULARY,
    Pins,
    known_pairs,
    read_pins,
    sequence,
    text,
    with_pin,
    word_model,
)

__all__ = [
    "MASK", "MODELS", "RULES", "SAMPLES", "SMALL_LENGTH", "VOCABULARY", "Decoding", "Pins", "Quality", "Shown",
    "Side", "Tokens", "correlation", "decoding", "distinct_pairs", "evidence", "expected_log_likelihood", "guesses",
    "joint_law", "kl_curve", "ladder", "log_likelihood", "quality", "read_pins", "sequence", "small_chain", "text",
    "unknown_neighbours", "unmasking", "with_pin", "word_model", "writing",
]  # fmt: skip

Array = NDArray[np.float64]

SMALL_LENGTH = 5
"""Tokens of the small chain: few enough for every decoding path to be followed."""

SAMPLES = 16
"""Sequences behind each point of the quality chart."""


@dataclass(frozen=True, eq=False)
class Decoding:
    """One sequence decoded twice: by unmasking, and left to right, each with its state after every pass.

    passes, rounds: unmasking, arrays (1, n), and left to right, arrays (n,), after 0, 1, … passes; a pass to the right
    gives one token or, with drafts of `block` tokens, all that pass the verification; block: 0 without drafts.
    """

    given: Tokens
    passes: tuple[Pass, ...]
    rounds: tuple[Round, ...]
    block: int

    @property
    def nfe(self) -> int:
        """Passes of the model that unmasking took."""
        return int(self.passes[-1].nfe[0])

    @property
    def total(self) -> int:
        """Passes until the slower of both is done."""
        return max(len(self.rounds), len(self.passes)) - 1

    def after(self, spent: int) -> "Shown":
        """Both texts when that many passes have been spent on each."""
        mine, theirs = min(spent, len(self.passes) - 1), min(spent, len(self.rounds) - 1)
        drafts = len(self.given) * theirs if self.block else 0
        return Shown(
            given=self.given != MASK,
            total=self.total,
            history=self.passes[1 : mine + 1],
            rounds=self.rounds[: theirs + 1],
            nfe=int(self.passes[mine].nfe[0]),
            positions=sum(r.verified for r in self.rounds[: theirs + 1]) + drafts,
            sides={"unmasked": self._unmasked(mine, spent > mine), "written": self._written(theirs, spent > theirs)},
        )

    def _unmasked(self, spent: int, idle: bool) -> "Side":
        state = self.passes[spent]
        nothing = np.zeros(len(self.given), bool)
        committed, remasked = (nothing, nothing) if idle else (state.committed[0], state.remasked[0])
        drafted = np.where(state.x[0] == MASK, state.drafted[0], MASK)
        return Side(spent, len(self.passes) - 1, state.x[0], state.confidence[0], committed, remasked, drafted)

    def _written(self, spent: int, idle: bool) -> "Side":
        before, now = self.rounds[max(0, spent - 1)], self.rounds[spent]
        at = np.arange(len(self.given))
        new = (self.given == MASK) & (at >= before.reached) & (at < now.reached) & (not idle)
        none = np.full(len(self.given), MASK)
        return Side(spent, len(self.rounds) - 1, now.x, now.certainty, new, new & (at == now.replaced), none)


@dataclass(frozen=True, eq=False)
class Side:
    """One of two texts while it is made, arrays (n,): passes spent on it and in total, and the changes of the last one.

    remasked: the words that unmasking masked again, or the refused draft that left to right redrew; drafted: the words
    that the last pass of unmasking drew but did not commit, `MASK` elsewhere.
    """

    spent: int
    passes: int
    x: Tokens
    confidence: Array
    committed: NDArray[np.bool_]
    remasked: NDArray[np.bool_]
    drafted: Tokens

    @property
    def odd(self) -> NDArray[np.bool_]:
        """(n - 1,) neighbours, both revealed, that never occur together in the corpus."""
        revealed = (self.x[:-1] != MASK) & (self.x[1:] != MASK)
        return revealed & unknown_neighbours(self.x[None])[0]


@dataclass(frozen=True, eq=False)
class Shown:
    """Both texts at one number of passes; total: passes until the slower is done.

    history: unmasking so far, rounds: left to right so far, from the start; nfe: passes of unmasking; positions: number
    computed by left to right, n for each draft and those that are verified.
    """

    given: NDArray[np.bool_]
    total: int
    history: tuple[Pass, ...]
    rounds: tuple[Round, ...]
    nfe: int
    positions: int
    sides: dict[str, Side]

    @property
    def length(self) -> int:
        """n."""
        return len(self.given)

    @property
    def free(self) -> int:
        """Words that are not given."""
        return int((~self.given).sum())

    def revealed(self, name: str) -> int:
        """Words of a text that are revealed and not given."""
        return self.free - int((self.sides[name].x == MASK).sum())

    def counter(self, name: str) -> str:
        """How far a text is, in plain words: "pass 3 of 5" of unmasking, "word 3 of 15" of left to right.

        With drafts a pass gives several words, and both are counted.
        """
        side = self.sides[name]
        passes, words = f"pass {side.spent} of {side.passes}", f"word {self.revealed(name)} of {self.free}"
        if name == "unmasked":
            return passes
        return f"{passes}, {words}" if sum(r.drafted for r in self.rounds) else words

    @property
    def drafted(self) -> tuple[int, int, int]:
        """Of drafts so far: words kept, words drafted, and passes of left to right saved by them."""
        kept, drafted = sum(r.kept for r in self.rounds), sum(r.drafted for r in self.rounds)
        return kept, drafted, self.rounds[-1].reached - (len(self.rounds) - 1)

    def table(self) -> dict[str, NDArray[Any]]:
        """Both texts in columns: the word at each place, "" for a mask, and the probability it was revealed at."""
        sides = self.sides.values()
        return {
            "text": np.repeat(["unmasking", "left to right"], self.length),
            "place": np.tile(np.arange(1, self.length + 1), 2),
            "word": np.array(["" if token == MASK else VOCABULARY[token] for side in sides for token in side.x]),
            "given": np.tile(self.given, 2),
            "probability": np.concatenate([side.confidence for side in sides]),
        }


def decoding(
    given: Tokens,
    num_inference_steps: int,
    remasking: str,
    temperature: float,
    eta_cap: float,
    seed: int,
    model: str | Model = "exact",
    block: int = 0,
) -> Decoding:
    """Decode `given` (n,) in both ways: `model` unmasks and, with `block` >= 1, drafts; the chain writes and verifies.

    model: one of MODELS by its name, or any other. The other arguments as in `common.masked.decoding.decode`.
    """
    passes = unmasking(given, num_inference_steps, remasking, temperature, eta_cap, seed, model)
    rounds = writing(given, temperature, seed, model, block)
    return Decoding(given, tuple(passes), tuple(rounds), block)


def unmasking(
    given: Tokens,
    num_inference_steps: int,
    remasking: str,
    temperature: float,
    eta_cap: float,
    seed: int,
    model: str | Model = "exact",
    proposal: Proposal = propose,
) -> Iterator[Pass]:
    """The first half of `decoding`, pass by pass: each state comes after one evaluation of `model`."""
    rng = seeded([seed, 0])
    return decode(_model(model), given, num_inference_steps, remasking, temperature, rng, eta_cap, proposal)


def _model(model: str | Model) -> Model:
    return MODELS[model] if isinstance(model, str) else model


def writing(
    given: Tokens, temperature: float, seed: int, model: str | Model = "exact", block: int = 0
) -> Iterator[Round]:
    """The second half of `decoding`, from the start; it depends on `model` only where that drafts (`block` >= 1)."""
    rng = seeded([seed, 1])
    if block:
        yield from draft_and_verify(_model(model), word_model(), given, block, temperature, rng)
        return
    written, certainty = word_model().left_to_right(given, temperature, rng)
    at = np.arange(len(given))
    for k in range(len(given) + 1):
        seen = (at < k) | (given != MASK)
        text, sure = np.where(seen, written[0], MASK), np.where(seen, certainty[0], 0.0)
        yield Round(text, k, 0, 0, -1, min(k, 1), sure)


def guesses(x: Tokens, model: str | Model = "exact") -> tuple[Tokens, Array]:
    """The likeliest token at each position of x (n,), and its probability, given the revealed words: both (n,)."""
    law = _model(model)(x[None])[0]
    return law.argmax(axis=1), law.max(axis=1)


def evidence(x: Tokens, given: Tokens) -> float:
    """log p(revealed words of x (n,) | given (n,)) in nats, the masked words summed out."""
    model = word_model()
    return float(np.subtract(*model.log_evidence(np.stack([x, given]))))


def log_likelihood(x: Tokens, given: Tokens) -> Array:
    """log p(x | given) in nats for each free token: (B,) from x (B, n) and given (n,)."""
    model = word_model()
    return (model.log_prob(x) - model.log_evidence(given)) / _free(given)


def _free(given: Tokens) -> int:
    """Number of words that are not given; 1 where all are, as a divisor of their likelihood of 0."""
    return max(1, int((given == MASK).sum()))


def expected_log_likelihood(given: Tokens) -> float:
    """The exact mean of `log_likelihood` over p(x | given), which a perfect sampler reaches."""
    model = word_model()
    return (model.expected_log_prob(given) - float(model.log_evidence(given)[0])) / _free(given)


def unknown_neighbours(x: Tokens) -> NDArray[np.bool_]:
    """(B, n - 1): neighbours in x (B, n) that never occur together in the corpus."""
    return ~known_pairs()[x[:, :-1], x[:, 1:]]


def distinct_pairs(x: Tokens) -> tuple[float, float]:
    """Distinct-2 (Li et al. 2016), the share of different pairs of neighbours among all in x (B, n), B >= 2.

    With its standard error by the jackknife over sequences. It falls with B: compare equal numbers of sequences.
    """
    size = len(x)
    require(size >= 2, "`x` must hold at least 2 sequences", size)
    pair = x[:, :-1] * len(VOCABULARY) + x[:, 1:]
    present = np.array([np.isin(np.unique(pair), row) for row in pair])
    alone = (present & (present.sum(axis=0) == 1)).sum(axis=1)  # pairs that only this sequence has
    without = (present.shape[1] - alone) / (pair.size - pair.shape[1])
    error = np.sqrt((size - 1) / size * np.sum((without - without.mean()) ** 2))
    return present.shape[1] / pair.size, float(error)


def ladder(length: int) -> list[int]:
    """Numbers of passes to measure at: 1, 2, 3, 4, 6, 8, 12, … up to n."""
    steps = [k for k in (1, 2, 3, 4, 6, 8, 12, 16, 20) if k < length]
    return [*steps, length] if length - steps[-1] > 1 else [*steps[:-1], length]


@dataclass(frozen=True, eq=False)
class Quality:
    """The quality of decodings in K passes, arrays (J,) over `steps`; the last three belong to left to right.

    likelihood: mean log-likelihood per free token, nats; distinct: `distinct_pairs`; each with its standard error.
    passes: the number of evaluations of all that was measured.
    """

    steps: Tokens
    likelihood: Array
    likelihood_error: Array
    distinct: Array
    distinct_error: Array
    written: tuple[float, float]
    written_distinct: tuple[float, float]
    expected: float
    passes: int


@sliced
def quality(
    given: Tokens,
    remasking: str,
    temperature: float,
    eta_cap: float,
    seed: int,
    samples: int,
    model: str | Model = "exact",
    proposal: Proposal = propose,
) -> Work[Quality]:
    """Decode `samples` sequences for each K of the `ladder`, as many left to right, and measure both.

    `model` unmasks; likelihoods are always those under the word chain. Pauses after each pass over the sequences of
    one K.
    """
    rng = seeded([seed, 2])
    steps = np.array(ladder(len(given)))
    start = np.tile(given, (samples, 1))
    likelihood, distinct, done, evaluations = [], [], 0, 0
    for k in steps.tolist():
        for state in decode(_model(model), start, k, remasking, temperature, rng, eta_cap, proposal):
            yield done + state.number, int(steps.sum())
        done += k
        evaluations += int(state.nfe.sum())
        likelihood.append(mean_and_error(log_likelihood(state.x, given)))
        distinct.append(distinct_pairs(state.x))
    written, _ = word_model().left_to_right(start, temperature, seeded([seed, 3]))
    (mean, error), (share, share_error) = np.array(likelihood).T, np.array(distinct).T
    return Quality(
        steps=steps,
        likelihood=mean,
        likelihood_error=error,
        distinct=share,
        distinct_error=share_error,
        written=mean_and_error(log_likelihood(written, given)),
        written_distinct=distinct_pairs(written),
        expected=expected_log_likelihood(given),
        passes=evaluations,
    )


def mean_and_error(values: Array) -> tuple[float, float]:
    """The mean of values (B,) and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


# --- the small chain, where everything can be counted ----------------------------------------------------------------


def small_chain(stay: float) -> Chain:
    """Two states, equally probable at the start; each next token has the same state with probability `stay`."""
    return Chain.first_order([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]])


def joint_law(chain: Chain, length: int) -> Array:
    """p as a table (V,) * n of every sequence's probability."""
    shape = (chain.num_tokens,) * length
    return np.exp(chain.log_prob(np.array(list(np.ndindex(shape))))).reshape(shape)


def correlation(stay: float, length: int = SMALL_LENGTH) -> tuple[float, float]:
    """Total correlation of the small chain in nats: from its table, and (n - 1)(log 2 - H(stay)) in closed form."""
    p = np.array([stay, 1 - stay])
    return total_correlation(joint_law(small_chain(stay), length)), (length - 1) * float(np.log(2) + p @ np.log(p))


@sliced
def kl_curve(remasking: str, stay: float, eta_cap: float, length: int = SMALL_LENGTH) -> Work[tuple[Array, Array]]:
    """KL(p || q_K) and KL(q_K || p) in nats, (n,) each for K = 1 … n, exactly; temperature 1, ties split evenly.

    At K = 1 all tokens are drawn independently and the first is the chain's total correlation. Pauses after each K.
    """
    chain = small_chain(stay)
    p = joint_law(chain, length)
    laws: list[Array] = []
    for k in range(1, length + 1):
        yield len(laws), length
        laws.append(decoding_law(lambda x: chain.posterior(x)[0], length, 2, k, remasking, eta_cap))
    return np.array([kl_divergence(p, q) for q in laws]), np.array([kl_divergence(q, p) for q in laws])
