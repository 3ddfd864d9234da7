"""Texts that end: the exact model with an end-of-text token, and the share of it in decoded texts, by rule.

Models that fill a fixed number of positions are trained on texts padded with end-of-text, so most of the tokens at the
end are that one token, and it is a likely guess everywhere. Nie et al. (2025) report that low-confidence
remasking then yields too many of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Chain, Tokens
from diffusion_lab.instruments.common.masked.decoding import Proposal, decode, propose
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.unmask.language import STOP, TOKEN, VOCABULARY, word_model

Array = NDArray[np.float64]

ENDS = 0.5
"""Probability that a text ends after a full stop: two sentences on average."""

LEAK = 1e-3
"""Probability that it ends within a sentence, or goes on after its end: nothing is impossible."""

END = len(VOCABULARY)
"""The token of end-of-text: the first after the words."""

TEXTS = 32
"""Texts behind each point."""


def with_end(chain: Chain, stop: int, ends: float = ENDS, leak: float = LEAK) -> Chain:
    """The chain with one more token, end-of-text, which follows `stop` with probability `ends`, and then itself.

    In every other place it comes with probability `leak`, and after it a new text begins with the same probability.
    """
    require(0 < ends < 1, "`ends` must lie between 0 and 1", ends)
    require(0 < leak < 1, "`leak` must lie between 0 and 1", leak)
    v, n = chain.num_tokens, chain.num_states

    def mixed(laws: Array, share: Array) -> Array:
        return np.concatenate([(1.0 - share) * laws, share], axis=1)

    share = np.where(chain.last == stop, ends, leak)[:, None]
    start = mixed(chain.start[None], np.array([[leak]]))
    after_end = mixed(chain.start[None], np.array([[1.0 - leak]]))
    succ = np.full((v + 1, v + 1), n)
    succ[:v, :v], succ[v, :v] = chain.succ, chain.first
    prob = np.concatenate([mixed(chain.prob, share), after_end])
    return Chain(start[0], np.append(chain.first, n), np.append(chain.last, v), prob, succ)


@lru_cache(maxsize=1)
def ending_model() -> Chain:
    """The word model with end-of-text."""
    return with_end(word_model(), TOKEN[STOP])


def end_last(law: Array, temperature: float, remasking: str, rng: np.random.Generator) -> tuple[Tokens, Array]:
    """LLaDA's remedy, its option `confidence_eos_eot_inf`: end-of-text is drawn as ever, but committed last."""
    drawn, score = propose(law, temperature, remasking, rng)
    return drawn, np.where(drawn == END, -np.inf, score)


WAYS: Mapping[str, tuple[str, Proposal]] = {
    "low_confidence": ("low_confidence", propose),
    "confidence": ("confidence", propose),
    "random": ("random", propose),
    "end_last": ("low_confidence", end_last),
}
"""Ways of decoding: a rule, and how tokens are drawn and scored."""


def exact_share(length: int) -> float:
    """The mean share of end-of-text in texts of the exact model."""
    return float(ending_model().posterior(np.full((1, length), MASK))[0][0, :, END].mean())


def ladder(length: int) -> list[int]:
    """Numbers of passes to measure at."""
    return [k for k in (1, 2, 4, 8) if k < length] + [length]


@dataclass(frozen=True, eq=False)
class EndShares:
    """Share of end-of-text in texts decoded in K passes, arrays (J,) over `steps`, with standard error, by way.

    exact: the share under the model; example: the words of a text by the published rule with K = n, then its ends.
    """

    steps: Tokens
    share: Mapping[str, Array]
    error: Mapping[str, Array]
    exact: float
    example: str


@sliced
def end_shares(length: int, temperature: float, seed: int, texts: int = TEXTS) -> Work[EndShares]:
    """Decode `texts` texts in each way for each K of the `ladder`. Pauses after each pass."""
    require(texts >= 2, "`texts` must be at least 2", texts)
    steps, start = ladder(length), np.full((texts, length), MASK)
    share: dict[str, list[float]] = {way: [] for way in WAYS}
    error: dict[str, list[float]] = {way: [] for way in WAYS}
    done, example = 0, ""
    for way, (rule, proposal) in WAYS.items():
        for k in steps:
            rng = seeded([seed, 5])
            for state in decode(ending_laws, start, k, rule, temperature, rng, proposal=proposal):
                yield done + state.number, len(WAYS) * sum(steps)
            done += k
            of_text = (state.x == END).mean(axis=1)
            share[way].append(float(of_text.mean()))
            error[way].append(float(of_text.std(ddof=1) / np.sqrt(texts)))
        if way == "low_confidence":
            example = written(state.x[0])
    shares, errors = ({way: np.array(values) for way, values in found.items()} for found in (share, error))
    return EndShares(np.array(steps), shares, errors, exact_share(length), example)


def ending_laws(x: Tokens) -> Array:
    """The exact laws (B, n, V + 1) of the positions of x (B, n)."""
    return ending_model().posterior(x)[0]


def written(x: Tokens) -> str:
    """Tokens (n,) as words, end-of-text as ⏹."""
    return " ".join("⏹" if token == END else VOCABULARY[token] for token in x.tolist())
