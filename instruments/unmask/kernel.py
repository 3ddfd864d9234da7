"""The masked diffusion instrument in numbers: one decoding to look at, and what decoding costs and loses in general.

The model is exact: a word chain of order two with back-off, fitted to the corpus, whose posteriors given any revealed
words come from forward-backward. So all that a decoding loses, it loses by drawing several words in one pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.chains import MASK, Chain, Tokens
from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked import RULES, Pass, decode, decoding_law, kl_divergence, total_correlation
from diffusion_lab.instruments.unmask.corpus import SENTENCES

__all__ = [
    "MASK",
    "RULES",
    "SAMPLES",
    "SMALL_LENGTH",
    "VOCABULARY",
    "Decoding",
    "Quality",
    "Shown",
    "Side",
    "correlation",
    "decoding",
    "distinct_pairs",
    "evidence",
    "expected_log_likelihood",
    "guesses",
    "joint_law",
    "kl_curve",
    "known_pairs",
    "ladder",
    "log_likelihood",
    "posterior",
    "quality",
    "sequence",
    "small_chain",
    "text",
    "unknown_neighbours",
    "word_model",
]

Array = NDArray[np.float64]

DELTA = 0.1
"""Smoothing: a tenth of Witten & Bell's; the chance of leaving what the corpus has seen is about 4 % a word."""

LEAST = 3
"""Pairs seen this often have a state of their own: 110 pairs and 68 words, 178 states."""

SMALL_LENGTH = 5
"""Tokens of the small chain: few enough for every decoding path to be followed."""

SAMPLES = 16
"""Sequences behind each point of the quality chart."""

STOP = "."

LINES: tuple[tuple[str, ...], ...] = tuple(tuple(line.split()) for line in SENTENCES.strip().splitlines())
VOCABULARY: tuple[str, ...] = tuple(sorted({word for line in LINES for word in line}))
TOKEN: dict[str, int] = {word: token for token, word in enumerate(VOCABULARY)}


@lru_cache(maxsize=1)
def word_model() -> Chain:
    """The exact model over `VOCABULARY`, each sequence beginning a sentence."""
    sentences = [[TOKEN[word] for word in line] for line in LINES]
    return Chain.fit(sentences, len(VOCABULARY), TOKEN[STOP], DELTA, LEAST)


@lru_cache(maxsize=1)
def known_pairs() -> NDArray[np.bool_]:
    """(V, V): which word follows which somewhere in the corpus, a full stop before each sentence."""
    known = np.zeros((len(VOCABULARY),) * 2, bool)
    for line in LINES:
        tokens = [TOKEN[word] for word in (STOP, *line)]
        known[tokens[:-1], tokens[1:]] = True
    return known


def posterior(x: Tokens) -> Array:
    """p(x_i | revealed) of the word model, (B, n, V) from (B, n): one full pass for each row."""
    return word_model().posterior(x)[0]


def sequence(length: int, pins: Mapping[int, str]) -> Tokens:
    """`length` masks (n,) but for words given by position from 1; raises ValueError for one that cannot stand there."""
    x = np.full(length, MASK, np.int64)
    for position, word in pins.items():
        require(1 <= position <= length, f"a pinned position must be from 1 to {length}", position)
        require(word in TOKEN, "a pinned word must be of the vocabulary", repr(word))
        x[position - 1] = TOKEN[word]
    return x


def text(x: Tokens) -> str:
    """Tokens (n,) as words, a mask as an underscore."""
    return " ".join("_" if token == MASK else VOCABULARY[token] for token in x.tolist())


@dataclass(frozen=True, eq=False)
class Decoding:
    """One sequence decoded twice: pass by pass, and left to right, each pass of which reveals one token.

    passes: states after 0, 1, … passes, arrays (1, n); written, certainty: (n,) the autoregressive tokens and the
    probability each was drawn with; nfe: passes that unmasking took, counted.
    """

    given: Tokens
    passes: tuple[Pass, ...]
    written: Tokens
    certainty: Array

    @property
    def nfe(self) -> int:
        """Passes of the model that unmasking took."""
        return int(self.passes[-1].nfe[0])

    def after(self, spent: int) -> "Shown":
        """Both texts when that many passes have been spent on each."""
        length = len(self.given)
        mine = min(spent, len(self.passes) - 1)
        state = self.passes[mine]
        idle = spent > mine
        theirs = min(spent, length)
        given = self.given != MASK
        x = np.where(given | (np.arange(length) < theirs), self.written, MASK)
        last = ~given & (np.arange(length) == theirs - 1)
        nothing = np.zeros(length, bool)
        return Shown(
            given=given,
            total=max(length, len(self.passes) - 1),
            history=self.passes[1 : mine + 1],
            nfe=int(state.nfe[0]),
            sides={
                "unmasked": Side(
                    mine,
                    len(self.passes) - 1,
                    state.x[0],
                    state.confidence[0],
                    nothing if idle else state.committed[0],
                    nothing if idle else state.remasked[0],
                ),
                "written": Side(theirs, length, x, self.certainty, nothing if spent > length else last, nothing),
            },
        )


@dataclass(frozen=True, eq=False)
class Side:
    """One of two texts while it is made, arrays (n,): passes spent on it and in all, and what the last one did."""

    spent: int
    passes: int
    x: Tokens
    confidence: Array
    committed: NDArray[np.bool_]
    remasked: NDArray[np.bool_]

    @property
    def odd(self) -> NDArray[np.bool_]:
        """(n - 1,) neighbours, both revealed, that never stand together in the corpus."""
        revealed = (self.x[:-1] != MASK) & (self.x[1:] != MASK)
        return revealed & unknown_neighbours(self.x[None])[0]


@dataclass(frozen=True, eq=False)
class Shown:
    """Both texts at one number of passes; total: passes until the slower is done; history: unmasking so far."""

    given: NDArray[np.bool_]
    total: int
    history: tuple[Pass, ...]
    nfe: int
    sides: dict[str, Side]

    @property
    def length(self) -> int:
        """n."""
        return len(self.given)


def decoding(
    given: Tokens, num_inference_steps: int, remasking: str, temperature: float, eta_cap: float, seed: int
) -> Decoding:
    """Decode `given` (n,) in both ways; arguments as in `common.masked.decode`."""
    rng = np.random.default_rng([seed, 0])
    passes = decode(posterior, given, num_inference_steps, remasking, temperature, rng, eta_cap)
    return Decoding(given, tuple(passes), *_written(tuple(given.tolist()), temperature, seed))


@lru_cache(maxsize=64)
def _written(given: tuple[int, ...], temperature: float, seed: int) -> tuple[Tokens, Array]:
    """Left to right, (n,) each; kept, since it depends neither on K nor on the rule."""
    rng = np.random.default_rng([seed, 1])
    written, certainty = word_model().left_to_right(np.array(given), temperature, rng)
    return written[0], certainty[0]


def guesses(x: Tokens) -> tuple[Tokens, Array]:
    """The likeliest token at each position of x (n,), and its probability, given what is revealed: both (n,)."""
    law = posterior(x)[0]
    return law.argmax(axis=1), law.max(axis=1)


def evidence(x: Tokens, given: Tokens) -> float:
    """log p(what x (n,) reveals | given (n,)) in nats, the masked words summed out."""
    model = word_model()
    return float(np.subtract(*model.log_evidence(np.stack([x, given]))))


def log_likelihood(x: Tokens, given: Tokens) -> Array:
    """log p(x | given) in nats for each free token: (B,) from x (B, n) and given (n,)."""
    model = word_model()
    free = int((given == MASK).sum())
    return (model.log_prob(x) - model.log_evidence(given)) / free


def expected_log_likelihood(given: Tokens) -> float:
    """What `log_likelihood` is on average over p(x | given), exactly: the line that a perfect sampler meets."""
    model = word_model()
    return (model.expected_log_prob(given) - float(model.log_evidence(given)[0])) / int((given == MASK).sum())


def unknown_neighbours(x: Tokens) -> NDArray[np.bool_]:
    """(B, n - 1): neighbours in x (B, n) that never stand together in the corpus."""
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
    """What decodings in K passes are worth, arrays (J,) over `steps`; the last three belong to left to right.

    likelihood: mean log-likelihood a free token, nats; distinct: `distinct_pairs`; each with its standard error.
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


def quality(given: Tokens, remasking: str, temperature: float, eta_cap: float, seed: int, samples: int) -> Quality:
    """Decode `samples` sequences for each K of the `ladder` in one batch, as many left to right, and measure both."""
    rng = np.random.default_rng([seed, 2])
    steps = np.array(ladder(len(given)))
    each = np.repeat(steps, samples)
    *_, last = decode(posterior, np.tile(given, (len(each), 1)), each, remasking, temperature, rng, eta_cap)
    written, _ = word_model().left_to_right(np.tile(given, (samples, 1)), temperature, np.random.default_rng([seed, 3]))
    likelihood = log_likelihood(last.x, given).reshape(-1, samples)
    of_written = log_likelihood(written, given)
    distinct = np.array([distinct_pairs(x) for x in last.x.reshape(len(steps), samples, -1)])
    return Quality(
        steps=steps,
        likelihood=likelihood.mean(axis=1),
        likelihood_error=likelihood.std(axis=1, ddof=1) / np.sqrt(samples),
        distinct=distinct[:, 0],
        distinct_error=distinct[:, 1],
        written=(float(of_written.mean()), float(of_written.std(ddof=1) / np.sqrt(samples))),
        written_distinct=distinct_pairs(written),
        expected=expected_log_likelihood(given),
        passes=int(last.nfe.sum()),
    )


# --- the small chain, where everything can be counted ----------------------------------------------------------------


def small_chain(stay: float) -> Chain:
    """Two states, both as likely at the start, that are kept with probability `stay`."""
    return Chain.first_order([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]])


def joint_law(chain: Chain, length: int) -> Array:
    """p as a table (V,) * n of every sequence's probability."""
    shape = (chain.num_tokens,) * length
    return np.exp(chain.log_prob(np.array(list(np.ndindex(shape))))).reshape(shape)


def correlation(stay: float, length: int = SMALL_LENGTH) -> tuple[float, float]:
    """Total correlation of the small chain in nats: from its table, and (n - 1)(log 2 - H(stay)) in closed form."""
    p = np.array([stay, 1 - stay])
    return total_correlation(joint_law(small_chain(stay), length)), (length - 1) * float(np.log(2) + p @ np.log(p))


@lru_cache(maxsize=256)
def kl_curve(remasking: str, stay: float, eta_cap: float, length: int = SMALL_LENGTH) -> tuple[Array, Array]:
    """KL(p || q_K) and KL(q_K || p) in nats, (n,) each for K = 1 … n, exactly; temperature 1, ties split evenly.

    At K = 1 all tokens are drawn independently and the first is the chain's total correlation.
    """
    chain = small_chain(stay)
    p = joint_law(chain, length)
    laws = [
        decoding_law(lambda x: chain.posterior(x)[0], length, 2, k, remasking, eta_cap) for k in range(1, length + 1)
    ]
    return np.array([kl_divergence(p, q) for q in laws]), np.array([kl_divergence(q, p) for q in laws])
