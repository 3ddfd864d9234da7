"""Small chains, their laws, and a test of sequences against a law."""

import numpy as np
from scipy import stats

from diffusion_lab.instruments.common.masked.chains import MASK, Chain
from diffusion_lab.instruments.common.masked.decoding import decode

ALPHA = 1e-4


def two_states(stay):
    return Chain.first_order([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]])


def lopsided(rng):
    return Chain.first_order(rng.dirichlet([1, 1, 1]), rng.dirichlet([0.6, 0.6, 0.6], 3))


def model_of(chain):
    return lambda x: chain.posterior(x)[0]


def joint(chain, length):
    shape = (chain.num_tokens,) * length
    return np.exp(chain.log_prob(np.array(list(np.ndindex(shape))))).reshape(shape)


def decoded(chain, size, length, steps, rule, rng, eta_cap=0.0, temperature=1.0):
    *_, last = decode(model_of(chain), np.full((size, length), MASK), steps, rule, temperature, rng, eta_cap)
    return last.x


def p_value(x, law):
    """Pearson's chi-square of sequences x (B, n) against a law (V,) * n; cells below 5 expected are pooled."""
    counts = np.bincount(np.ravel_multi_index(tuple(x.T), law.shape), minlength=law.size)
    expected = law.ravel() * len(x)
    if counts[expected == 0].any():
        return 0.0
    small = expected < 5
    counts = np.append(counts[~small], counts[small].sum())
    expected = np.append(expected[~small], expected[small].sum())
    keep = expected > 0
    return stats.chisquare(counts[keep], expected[keep]).pvalue if keep.sum() > 1 else 1.0
