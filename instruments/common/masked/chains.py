"""Markov chains over tokens, of order one or two with back-off: sampling, likelihood, and exact posteriors.

A chain of order two is a chain of order one on pairs of tokens, V² states. With back-off only S frequent pairs
have separate states; after any other pair the next token depends on the last token alone. So the
chain is a deterministic automaton of N = V + S states, each of which determines the last token. Given the revealed
tokens, forward-backward over these states finds the exact law of every masked one, which a masked diffusion model
learns.

Messages are dense, (B, N) for B sequences, and a step is one product with the (N, N) matrix of the chain: 2 length N²
multiplications a sequence and pass. In a browser this limits live use to N of about 300.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

MASK = -1
"""The token id of a masked position (`mask_token_id`)."""

SMALLEST = -650.0
"""Least log-probability that a sequence may have: messages are not rescaled and must stay well above 1e-308."""


@dataclass(frozen=True, eq=False)
class Chain:
    """A Markov chain as an automaton whose states are sorted by their last token.

    start: (V,) law of the first token; first: (V,) the state after each first token; last: (N,) the token that a
    state ends in, ascending, every token at least once; prob: (N, V) law of the next token in each state;
    succ: (V, V) the state after token b and then c. Raises ValueError where laws do not sum to 1.
    """

    start: Array
    first: Tokens
    last: Tokens
    prob: Array
    succ: Tokens

    def __post_init__(self) -> None:
        require(np.allclose(self.start.sum(), 1), "`start` must sum to 1", self.start.sum())
        require(np.allclose(self.prob.sum(axis=1), 1), "rows of `prob` must sum to 1", self.prob.sum(axis=1))
        least = min(self.start.min(), self.prob.min())
        require(least >= 0, "probabilities must be at least 0", least)

    # --- makers ------------------------------------------------------------------------------------------------------

    @classmethod
    def first_order(cls, start: ArrayLike, transition: ArrayLike) -> "Chain":
        """Order one: start (V,), transition (V, V) with rows summing to 1; a state is a token."""
        start, transition = np.asarray(start, np.float64), np.asarray(transition, np.float64)
        tokens = np.arange(len(start))
        return cls(start, tokens, tokens, transition, np.tile(tokens, (len(tokens), 1)))

    @classmethod
    def second_order(cls, start: ArrayLike, second: ArrayLike, transition: ArrayLike) -> "Chain":
        """Order two in full: start (V,), second (V, V) for token two given one, transition (V, V, V) [a, b, c]."""
        table = np.asarray(transition, np.float64)
        v = len(table)
        pairs = np.stack(np.divmod(np.arange(v * v), v), axis=1)
        return cls._backing_off(np.asarray(start, np.float64), np.asarray(second), pairs, table.reshape(v * v, v), -1)

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[int]], num_tokens: int, stop: int, delta: float, least: int) -> "Chain":
        """Order two with back-off, from sentences in which `stop` is the last token and occurs nowhere else.

        At each order f(c | h) = (count(h c) + delta T(h) lower(c)) / (count(h) + delta T(h)), T(h) the number of
        different tokens seen after h: interpolation with the weights of Witten & Bell (1991) for delta = 1; below 1
        it trusts the counts more. The lowest order is each token's share with one added to every count, so that
        nothing is impossible. Pairs with at least `least` occurrences are kept. Sequences begin after a stop, and what
        follows a stop does not depend on what came before it.
        """
        require(delta > 0, "`delta` must be above 0", delta, "0 would make unseen words impossible")
        lines = [np.array([stop, *sentence], np.int64) for sentence in sentences]
        ended = all(line[-1] == stop and not np.any(line[1:-1] == stop) for line in lines)
        require(ended, "`stop` must end each sentence and occur nowhere else", stop)
        unigram = np.bincount(np.concatenate([line[1:] for line in lines]), minlength=num_tokens) + 1.0
        one = np.zeros((num_tokens,) * 2)
        two = np.zeros((num_tokens,) * 3)
        for line in lines:
            np.add.at(one, (line[:-1], line[1:]), 1.0)
            np.add.at(two, (line[:-2], line[1:-1], line[2:]), 1.0)
        base = _interpolated(one, unigram / unigram.sum(), delta)
        pairs = np.argwhere(two.sum(axis=2) >= least)
        after_pair = _interpolated(two[pairs[:, 0], pairs[:, 1]], base[pairs[:, 1]], delta)
        return cls._backing_off(base[stop], base, pairs, after_pair, stop)

    @classmethod
    def _backing_off(cls, start: Array, base: Array, pairs: Tokens, after_pair: Array, before: int) -> "Chain":
        """Laws `after_pair` (S, V) after kept pairs (S, 2), else rows of `base`; `before` (or -1) precedes all."""
        tokens = np.arange(len(start))
        last = np.concatenate([tokens, pairs[:, 1]])
        order = np.argsort(last, kind="stable")
        state = np.argsort(order)  # the new index of each token, then of each pair
        succ = np.tile(state[tokens], (len(tokens), 1))
        succ[pairs[:, 0], pairs[:, 1]] = state[len(tokens) :]
        prob = np.concatenate([base, after_pair])[order]
        return cls(start, succ[before] if before >= 0 else state[tokens], last[order], prob, succ)

    # --- likelihood and left-to-right decoding -----------------------------------------------------------------------

    @property
    def num_tokens(self) -> int:
        """V."""
        return len(self.start)

    @property
    def num_states(self) -> int:
        """N."""
        return len(self.last)

    def log_prob(self, x: Tokens) -> Array:
        """log p(x) in nats (B,) of sequences x (B, n) or (n,) without masks; -inf for impossible ones."""
        x = np.atleast_2d(x)
        require(x.min() >= 0, "`x` must hold no mask", x.min())
        state = self.first[x[:, 0]]
        with np.errstate(divide="ignore"):
            total = np.log(self.start[x[:, 0]])
            for i in range(1, x.shape[1]):
                total += np.log(self.prob[state, x[:, i]])
                state = self.succ[x[:, i - 1], x[:, i]]
        return total

    def next_laws(self, x: Tokens) -> Array:
        """p(x_i | all before) at each position of x (B, n) without masks: (B, n, V), one autoregressive pass."""
        laws = np.empty((*x.shape, self.num_tokens))
        laws[:, 0] = self.start
        state = self.first[x[:, 0]]
        for i in range(1, x.shape[1]):
            laws[:, i] = self.prob[state]
            state = self.succ[x[:, i - 1], x[:, i]]
        return laws

    def left_to_right(self, x: Tokens, temperature: float, rng: np.random.Generator) -> tuple[Tokens, Array]:
        """Autoregressive decoding: fill the masks of x (B, n) from p(x_i | all before), in n passes.

        A revealed token is put in its place when it is reached; the tokens before it do not depend on it. Returns
        the sequences (B, n) and the probability (B, n) that each token had under p, 1 where it was given.
        """
        x = np.atleast_2d(x).copy()
        confidence = np.ones(x.shape)
        law = np.tile(self.start, (len(x), 1))
        for i in range(x.shape[1]):
            masked = x[:, i] == MASK
            x[masked, i] = draw(law[masked], temperature, rng)
            confidence[masked, i] = law[masked, x[masked, i]]
            law = self.prob[self.succ[x[:, i - 1], x[:, i]] if i else self.first[x[:, i]]]
        return x, confidence

    # --- exact posteriors --------------------------------------------------------------------------------------------

    @cached_property
    def matrix(self) -> Array:
        """p(s -> s') as (N, N)."""
        matrix = np.zeros((self.num_states,) * 2)
        matrix[np.arange(self.num_states)[:, None], self.succ[self.last]] = self.prob
        return matrix

    @cached_property
    def _transposed(self) -> Array:
        return np.ascontiguousarray(self.matrix.T)

    @cached_property
    def _groups(self) -> Tokens:
        """(V,) the index of the first state of each token."""
        return np.searchsorted(self.last, np.arange(self.num_tokens))

    @cached_property
    def longest(self) -> int:
        """The longest sequence whose messages cannot underflow."""
        smallest = min(p[p > 0].min() for p in (self.start, self.prob))
        return int(SMALLEST / np.log(min(smallest, 0.5)))

    def posterior(self, x: Tokens) -> tuple[Array, Array]:
        """p(x_i | revealed) for each position, and log p(revealed), by forward-backward.

        x: (B, n) or (n,) tokens, `MASK` where masked. Returns (B, n, V), rows summing to 1 (a revealed token has
        all the mass), and (B,) in nats. Raises ValueError for sequences longer than `longest` and for evidence
        that the chain cannot produce.
        """
        alpha, keep, evidence = self._forward(x)
        beta = np.ones(alpha.shape[1:])
        for i in range(len(alpha) - 1, 0, -1):
            alpha[i] *= beta
            beta = (beta * keep[i]) @ self._transposed
        alpha[0] *= beta
        joint = np.add.reduceat(alpha, self._groups, axis=2)
        return (joint / evidence[:, None]).transpose(1, 0, 2), np.log(evidence)

    def log_evidence(self, x: Tokens) -> Array:
        """log p(revealed) in nats (B,) of x (B, n), the masked tokens summed out: half the work of `posterior`."""
        return np.log(self._forward(x)[2])

    def expected_log_prob(self, x: Tokens) -> float:
        """E[log p(X) | revealed] in nats, exactly: x (n,), `MASK` where masked; all masked: minus the entropy.

        The mean over samples of p(X | revealed), summed transition by transition.
        """
        alpha, keep, evidence = self._forward(x)
        nats = self.prob * np.log(np.maximum(self.prob, 1e-300))
        beta, total = np.ones(self.num_states), 0.0
        for i in range(len(alpha) - 1, 0, -1):
            beta = beta * keep[i, 0]
            total += float(alpha[i - 1, 0] @ np.sum(nats * beta[self.succ[self.last]], axis=1))
            beta = beta @ self._transposed
        total += float(alpha[0, 0, self.first] * beta[self.first] @ np.log(np.maximum(self.start, 1e-300)))
        return total / float(evidence[0])

    def _forward(self, x: Tokens) -> tuple[Array, NDArray[np.bool_], Array]:
        """Messages (n, B, N) from the left, states (n, B, N) that the revealed tokens allow, and p(revealed) (B,)."""
        x = np.atleast_2d(x)
        length = x.shape[1]
        require(1 <= length <= self.longest, f"sequences must have 1 to {self.longest} tokens", length)
        seen = x.T[:, :, None]
        keep = (seen == MASK) | (seen == self.last)
        alpha = np.zeros(keep.shape)
        alpha[0][:, self.first] = self.start
        alpha[0] *= keep[0]
        for i in range(1, length):
            np.matmul(alpha[i - 1], self.matrix, out=alpha[i])
            alpha[i] *= keep[i]
        evidence = alpha[-1].sum(axis=1)
        require(evidence.min() > 0, "the revealed tokens must be possible under the chain", x[evidence.argmin()])
        return alpha, keep, evidence


def draw(law: Array, temperature: float, rng: np.random.Generator) -> Tokens:
    """One token a row from laws (M, V) at a temperature: p^(1/T) normalised; T = 0 takes the likeliest.

    The Gumbel trick, argmax(log p + T g), without its logarithms: g = -log E with E exponential makes it
    argmax p / E^T. In float64: in float32 the extremes of g are cut off, which lowers the effective temperature
    (Zheng et al. 2024).
    """
    require(temperature >= 0, "`temperature` must be at least 0", temperature)
    if temperature == 0 or not len(law):
        return law.argmax(axis=1)
    spread = np.maximum(rng.standard_exponential(law.shape), 1e-100)
    return (law / (spread if temperature == 1 else spread**temperature)).argmax(axis=1)


def _interpolated(counts: Array, lower: Array, delta: float) -> Array:
    """Rows (counts + delta T lower) / (total + delta T); a row without counts is `lower` itself."""
    types = delta * np.maximum((counts > 0).sum(axis=1, keepdims=True), 1)
    return (counts + types * lower) / (counts.sum(axis=1, keepdims=True) + types)
