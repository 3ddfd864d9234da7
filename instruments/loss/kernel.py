"""Small pictures, a predictor of stated skill and the best possible one, and their losses at each noise level.

The predictor of skill a says eps_hat = a eps + sqrt(1 - a²) eta, eta fresh noise: a mix of the truth and an error, of
variance 1 for every a. Its mean squared gap is (1 - a)² + 1 - a² = 2 (1 - a) at every noise level, because it never
looks at the input. A network that sees only the input cannot do this: the gap of the best one is the posterior
variance of the noise, which depends on the level and on the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.irreducible_loss import posterior_variance
from diffusion_lab.instruments.common.levels import Level, Number
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.parameterisation import PredictionType, convert, noise
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.schedules import Schedule
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]

SIDE, NUM_PICTURES, GRAIN = 24, 60, 0.1
"""Pixels a side, pictures in the set, and the standard deviation of the grain that every picture has."""
SHAPES = ("circle", "square", "triangle", "ring", "cross")

TIMES: Array = np.arange(1, 50) / 50
"""Times at which losses are measured: neither of the ends, where some predictions do not exist."""
BATCH = 8
"""Pictures at each time behind a measured loss."""
FLOOR_DRAWS = 24
"""Noised pictures at each time behind the floor of the pictures."""


# --- data ------------------------------------------------------------------------------------------------------------


def signed_distance(shape: str, x: Array, y: Array, radius: float) -> Array:
    """Distance in pixels from places (x, y) to the outline of a shape about (0, 0), negative inside; y upwards."""
    if shape == "circle":
        return np.hypot(x, y) - radius
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.85 * radius
    if shape == "triangle":
        return np.maximum(-y, 0.5 * y + 0.866 * np.abs(x)) - 0.6 * radius
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.8 * radius) - 0.25 * radius
    require(shape == "cross", f"`shape` must be one of {', '.join(SHAPES)}", repr(shape))
    arm = 0.3 * radius
    across = np.maximum(np.abs(x) - radius, np.abs(y) - arm)
    return np.minimum(across, np.maximum(np.abs(y) - radius, np.abs(x) - arm))


def pictures(count: int = NUM_PICTURES, seed: int = 0) -> Array:
    """Pictures of one bright shape on dark ground, (count, SIDE²), row 0 at the top, values -1 to 1, soft edges."""
    rng = seeded(seed)
    middle = np.arange(SIDE) - (SIDE - 1) / 2
    drawn = np.empty((count, SIDE, SIDE))
    for k in range(count):
        radius, across, up = rng.uniform([5.0, -2.2, -2.2], [8.0, 2.2, 2.2]).tolist()
        x, y = middle[None, :] - across, -middle[:, None] - up
        distance = signed_distance(SHAPES[k % len(SHAPES)], x, y, radius)
        drawn[k] = 2.0 * np.clip(0.5 - distance, 0.0, 1.0) - 1.0
    return drawn.reshape(count, -1)


DATA: dict[str, GaussianMixture] = {
    "pictures": GaussianMixture(pictures(), np.full(NUM_PICTURES, 1 / NUM_PICTURES), GRAIN),
    "uneven_modes": GaussianMixture(np.array([[-2.0], [2.0]]), np.array([0.3, 0.7]), 0.3),
}
"""A set of pictures with grain, and the two modes on a line of chapters 1 and 2."""
EXAMPLES = {"pictures": 1, "uneven_modes": SIDE}
"""How many examples are shown at once: one picture, or as many points on a line as a picture is wide."""


@dataclass(frozen=True, eq=False)
class Example:
    """Clean points x0 (n, d), the noise in them, and the error of the predictor of given skill."""

    x0: Array
    eps: Array
    eta: Array

    @classmethod
    def draw(cls, mixture: GaussianMixture, n: int, rng: np.random.Generator) -> Example:
        """`n` examples."""
        x0 = mixture.sample(n, rng)[0]
        return cls(x0, rng.standard_normal(x0.shape), rng.standard_normal(x0.shape))


# --- predictions and their gaps --------------------------------------------------------------------------------------


def at_skill(eps: Array, eta: Array, skill: float) -> Array:
    """The prediction of the noise with a given skill, its correlation with the truth: skill eps + sqrt(1 - skill²) eta.

    eps, eta: the noise and an independent N(0, 1) error, one shape. Raises ValueError unless 0 <= skill <= 1.
    """
    require(0 <= skill <= 1, "`skill` must lie between 0 and 1", skill)
    return skill * eps + np.sqrt(1.0 - skill**2) * eta


def expected_gap(skill: float) -> float:
    """Mean squared gap of `at_skill`, whatever the noise level: 2 (1 - skill)."""
    return 2.0 * (1.0 - skill)


def weight(prediction: PredictionType, level: Level) -> Number:
    """How many times the loss of the noise the loss of another prediction is, for the same predictor.

    1 for "eps_hat", (1 - ab)/ab for "x0_hat", 1/ab for "v_pred", ab = alpha_bar.
    """
    return {"eps_hat": 0.0 * level.snr + 1.0, "x0_hat": 1.0 / level.snr, "v_pred": 1.0 / level.alpha_bar}[prediction]


@dataclass(frozen=True, eq=False)
class Row:
    """All that is in the row of the picture, (n, d) each: clean, noise, input, target, prediction; gap is squared."""

    x0: Array
    eps: Array
    xt: Array
    target: Array
    predicted: Array

    @classmethod
    def of(cls, example: Example, eps_hat: Array, xt: Array, level: Level, prediction: PredictionType) -> Row:
        """A prediction of the noise, expressed as a prediction of the given type."""
        alpha_bar = level.alpha_bar
        target = convert(example.eps, xt, alpha_bar, "eps_hat", prediction)
        return cls(example.x0, example.eps, xt, target, convert(eps_hat, xt, alpha_bar, "eps_hat", prediction))

    @property
    def gap(self) -> Array:
        """Squared difference of prediction and target."""
        return (self.predicted - self.target) ** 2


def best_prediction(mixture: GaussianMixture, xt: Array, level: Level) -> Array:
    """E[eps | x_t], (n, d): the noise that the best possible network predicts, -sigma_t times the exact score."""
    return -level.sigma_t * mixture.score(xt, level.signal, level.sigma_t)


def batches(rng: np.random.Generator) -> tuple[Array, Array]:
    """Noise and error of BATCH pictures at each of TIMES, (T, BATCH, SIDE²) each."""
    shape = (len(TIMES), BATCH, SIDE * SIDE)
    return rng.standard_normal(shape), rng.standard_normal(shape)


def measured_losses(eps: Array, eta: Array, skill: float) -> tuple[Array, Array]:
    """Mean squared gap at each time, (T,), and its standard error over the pictures of a batch, (T,)."""
    each = np.mean((at_skill(eps, eta, skill) - eps) ** 2, axis=2)
    return each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(each.shape[1])


# --- the floor -------------------------------------------------------------------------------------------------------


def floor_on_a_line(mixture: GaussianMixture, level: Level, nodes: int = 801) -> float:
    """E[Var(eps | x_t)] for data on a line, by a trapezoidal sum over x_t; absolute error below 1e-9."""
    sd = float(np.sqrt(mixture.var(level.signal, level.sigma_t)))
    low, high = (float(level.signal * mean) for mean in (mixture.means.min(), mixture.means.max()))
    x = np.linspace(low - 8.0 * sd, high + 8.0 * sd, nodes)[:, None]
    density = np.exp(mixture.log_density(x, level.signal, level.sigma_t))
    spread = posterior_variance(mixture, x, level.signal, level.sigma_t)
    return float(level.snr * (density @ spread) * (x[1, 0] - x[0, 0]))


def floor_of_pictures(mixture: GaussianMixture, level: Level, rng: np.random.Generator) -> tuple[float, float]:
    """E[Var(eps | x_t)] per pixel, and its standard error: exact posterior variances at FLOOR_DRAWS drawn inputs."""
    x0 = mixture.sample(FLOOR_DRAWS, rng)[0]
    xt = noise(x0, rng.standard_normal(x0.shape), level.alpha_bar)
    found = level.snr * posterior_variance(mixture, xt, level.signal, level.sigma_t)
    error = float(found.std(ddof=1) / np.sqrt(FLOOR_DRAWS))
    return float(found.mean()), error if error > 1e-12 else 0.0  # below that it is rounding


@dataclass(frozen=True, eq=False)
class Floor:
    """The least loss of the noise that any network can have at each of TIMES, (T,), and its standard error, (T,)."""

    mean: Array
    error: Array


@sliced
def floor(mixture: GaussianMixture, schedule: Schedule) -> Work[Floor]:
    """The floor under a schedule: exact on a line, a mean over drawn inputs for pictures."""
    rng, found = seeded(2), []
    for done, level in enumerate(schedule.level(TIMES).split()):
        line = mixture.means.shape[1] == 1
        found.append((floor_on_a_line(mixture, level), 0.0) if line else floor_of_pictures(mixture, level, rng))
        yield done, len(TIMES)
    return Floor(*np.transpose(found))
