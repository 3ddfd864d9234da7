"""Distance of the learned conditionals from the exact ones, for one text and against the number of masks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.masked.chains import MASK, Tokens
from diffusion_lab.instruments.common.masked.decoding import Model
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.unmask.language import learned, posterior, word_model

Array = NDArray[np.float64]

TEXTS = 32
"""Texts behind each point of the curve."""

ROWS = 16
"""Texts that are evaluated at once: a few milliseconds."""


def divergence(p: Array, q: Array) -> Array:
    """KL(p || q) in nats of laws (..., V), every q above 0; not below 0 by rounding."""
    return np.maximum(np.sum(p * (np.log(np.maximum(p, 1e-300)) - np.log(q)), axis=-1), 0.0)


def distance(x: Tokens, model: Model | None = None) -> tuple[float, float] | None:
    """Mean error of the law of a masked word of x (n,), KL(exact || learned) in nats; model: None for the learned one.

    Also KL(exact || exact with all words masked), the loss of ignoring the context. None without masks.
    """
    masked = x == MASK
    if not masked.any():
        return None
    p, blank = posterior(np.stack([x, np.full(len(x), MASK)]))
    q = (model or learned)(x[None])[0]
    off, lost = divergence(p, q), divergence(p, blank)
    return max(0.0, float(off[masked].mean())), max(0.0, float(lost[masked].mean()))


@dataclass(frozen=True, eq=False)
class ModelErrorCurve:
    """KL(exact || learned) for a masked word when m of n are masked, arrays (n,) over m = 1 … n, in nats.

    mean, error: over texts, with the standard error; blind: KL(exact || exact with all masked), the same mean;
    excess: the mean over m, by which the objective of the learned model exceeds its least value, nats a word.
    """

    mean: Array
    error: Array
    blind: Array
    texts: int

    @property
    def excess(self) -> float:
        """The objective integrated over t is a sum over m with equal weights, so its excess is a mean over m."""
        return float(self.mean.mean())


@sliced
def model_error_curve(length: int, seed: int, texts: int = TEXTS, model: Model | None = None) -> Work[ModelErrorCurve]:
    """Measured on `texts` of the word model, each with every number of masks at random places.

    Pauses after each evaluation of `ROWS` texts.
    """
    rng = seeded([seed, 4])
    x0, _ = word_model().left_to_right(np.full((texts, length), MASK), 1.0, rng)
    rank = rng.random((length, texts, length)).argsort(axis=2).argsort(axis=2)
    masked = (rank < np.arange(1, length + 1)[:, None, None]).reshape(-1, length)
    x = np.where(masked, MASK, np.tile(x0, (length, 1)))
    blank = posterior(np.full((1, length), MASK))
    off, lost = np.empty(len(x)), np.empty(len(x))
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        yield start, len(x)
        p = posterior(x[rows])
        yield start, len(x)
        count = masked[rows].sum(axis=1)
        off[rows], lost[rows] = (
            (divergence(p, q) * masked[rows]).sum(axis=1) / count for q in ((model or learned)(x[rows]), blank)
        )
    of_text = off.reshape(length, texts)
    error = of_text.std(axis=1, ddof=1) / np.sqrt(texts)
    return ModelErrorCurve(of_text.mean(axis=1), error, lost.reshape(length, texts).mean(axis=1), texts)
