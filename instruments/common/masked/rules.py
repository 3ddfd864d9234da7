"""Decoding rules under their published names: how many positions a pass commits, and which.

All but `remdm` commit the `transfer_counts` best masked positions of a pass and never touch them again; they differ in
the meaning of "best".
"""

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import Tokens

Array = NDArray[np.float64]

RULES = ("low_confidence", "confidence", "margin", "entropy", "random", "remdm")
"""low_confidence: probability of the token just drawn there, as in LLaDA's published code (Nie et al. 2025);
confidence: largest marginal probability, whatever is drawn; margin: largest minus second largest (Kim et al. 2025);
entropy: least entropy (Dream: Ye et al. 2025); random: any, the exact reverse process (Austin et al. 2021,
Sahoo et al. 2024); remdm: what is committed may be masked again (Wang et al. 2025)."""

TIE = 1e-9
"""Scores closer than this are ties, which are broken at random."""


def transfer_counts(num_masked: int, num_inference_steps: int) -> Tokens:
    """Tokens that each of K passes commits, (K,): equal shares, the rest to the first passes (10 in 4: 3, 3, 2, 2)."""
    require(num_masked >= 0, "`num_masked` must be at least 0", num_masked)
    require(num_inference_steps >= 1, "`num_inference_steps` must be at least 1", num_inference_steps)
    share, rest = divmod(num_masked, num_inference_steps)
    return share + (np.arange(num_inference_steps) < rest).astype(np.int64)


def scores(law: Array, drawn: Tokens, remasking: str) -> Array:
    """Scores by which a rule ranks masked positions, (M,), larger first: law (M, V), drawn (M,), the new tokens."""
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
