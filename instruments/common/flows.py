"""Flows from noise to data along a Gaussian path: exact marginal velocities, and how straight a flow is.

Time runs as in the flow-matching literature, noise at t = 0 and data at t = 1:

    x_t = signal(t) data + sigma(t) noise,      noise ~ N(0, I),  data ~ a Gaussian mixture

`noise`, `data`, points `x` are (..., d) float64 in units of the data; t has no unit; velocities are units per
unit of t. The time of a diffusion model is 1 - t, and its x0 is `data` here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import Exponential

Array = NDArray[np.float64]

SCHEDULE = Exponential()
"""The schedule of the diffusion path."""


@dataclass(frozen=True)
class Coefficients:
    """A path at one t: signal and sigma, with d(signal)/dt and d(sigma²/2)/dt = sigma d(sigma)/dt.

    The last one stays finite where sigma = 0; d(sigma)/dt may not.
    """

    signal: float
    sigma: float
    signal_rate: float
    half_square_rate: float


@dataclass(frozen=True)
class Path:
    """A conditional path from noise to data, for given ends."""

    name: str
    at: Callable[[float], Coefficients]


def _rectified(t: float) -> Coefficients:
    return Coefficients(t, 1.0 - t, 1.0, t - 1.0)


def _diffusion(t: float) -> Coefficients:
    alpha_bar = math.exp(-SCHEDULE.rate * (1.0 - t))
    signal, half_beta = math.sqrt(alpha_bar), SCHEDULE.rate / 2.0
    return Coefficients(signal, math.sqrt(1.0 - alpha_bar), half_beta * signal, -half_beta * alpha_bar)


RECTIFIED = Path("rectified", _rectified)
"""Straight lines, x_t = (1 - t) noise + t data (Liu et al. 2023; Lipman et al. 2023, eq. 22, sigma_min = 0)."""

DIFFUSION = Path("diffusion", _diffusion)
"""The VP path of the exponential schedule, alpha_bar = exp(-6 (1 - t)): quarter ellipses, not lines.

It begins at alpha_bar = exp(-6), where 4.98 % of the signal is left, so x there is only nearly N(0, I).
"""


def conditional_point(noise: ArrayLike, data: ArrayLike, t: float, path: Path = RECTIFIED) -> Array:
    """x_t (..., d) on the path from `noise` to `data`, both (..., d)."""
    c = _coefficients(path, t)
    return c.signal * np.asarray(data, dtype=np.float64) + c.sigma * np.asarray(noise, dtype=np.float64)


def conditional_velocity(noise: ArrayLike, data: ArrayLike, t: float, path: Path = RECTIFIED) -> Array:
    """d(x_t)/dt (..., d) on that path; on the rectified one data - noise, whatever t.

    ValueError where sigma(t) = 0 on a path that reaches its end at infinite speed.
    """
    c = _coefficients(path, t)
    if c.half_square_rate == 0:  # the end of the rectified path: sigma = 0, its rate is -1
        sigma_rate = -1.0
    else:
        require(c.sigma > 0, "`t` must be below 1 on this path", t, "its noise ends at infinite speed")
        sigma_rate = c.half_square_rate / c.sigma
    return c.signal_rate * np.asarray(data, dtype=np.float64) + sigma_rate * np.asarray(noise, dtype=np.float64)


def marginal_velocity(mixture: GaussianMixture, x: ArrayLike, t: float, path: Path = RECTIFIED) -> Array:
    """E[d(x_t)/dt | x_t = x], shape (..., d): the mean of all conditional velocities that meet at x. Exact.

        signal' m + (signal signal' s² + sigma sigma') / var (x - signal m),    m = sum_k r_k(x) mu_k

    var = signal² s² + sigma². On the rectified path this is sum_k r_k (E[data|x,k] - E[noise|x,k]) (Lipman et
    al. 2023, eq. 8, for a Gaussian mixture); on the diffusion path it is beta/2 (x + score), the probability-flow
    ODE (Song et al. 2021, eq. 13) run towards the data. Finite at both ends.
    """
    x = np.asarray(x, dtype=np.float64)
    c = _coefficients(path, t)
    d = mixture.means.shape[1]
    require(x.shape[-1:] == (d,), "`x` must have the mixture's dimension as its last axis", x.shape)
    var = c.signal**2 * mixture.s**2 + c.sigma**2
    rate = (c.signal * c.signal_rate * mixture.s**2 + c.half_square_rate) / var
    # Responsibilities without the |x|² that all components share: a product of matrices and little else, since
    # solvers call this hundreds of times per picture.
    log_weights, half_squares = _constants(mixture)
    terms = (c.signal / var * mixture.means) @ x.reshape(-1, d).T
    terms += log_weights - c.signal**2 / var * half_squares
    terms -= terms.max(axis=0)
    np.exp(terms, out=terms)
    pull = ((c.signal_rate - rate * c.signal) * mixture.means.T) @ terms
    pull /= terms.sum(axis=0)
    return pull.T.reshape(x.shape) + rate * x


def score_of_velocity(velocity: ArrayLike, x: ArrayLike, t: float, path: Path = RECTIFIED) -> Array:
    """The score of p_t at x (..., d), in 1/unit, from the marginal velocity (..., d) there.

        (signal v - signal' x) / (signal' sigma² - signal sigma sigma')

    since v and x are both mixtures of E[data | x] and E[noise | x] = -sigma score. On the rectified path it is
    (t v - x) / (1 - t), on the diffusion path 2 v / beta - x. It holds only where noise is N(0, I) and independent of
    the data, so not for coupled pairs. Raises ValueError at t = 1 on the rectified path, where v says nothing of noise.
    """
    c = _coefficients(path, t)
    scale = c.signal_rate * c.sigma**2 - c.signal * c.half_square_rate
    require(scale > 0, "`t` must be below 1 on this path", t, "there the velocity no longer depends on the noise")
    return (c.signal * np.asarray(velocity) - c.signal_rate * np.asarray(x, dtype=np.float64)) / scale


@lru_cache(maxsize=8)
def _constants(mixture: GaussianMixture) -> tuple[Array, Array]:
    """log w_k and |mu_k|²/2, each (K, 1)."""
    return np.log(mixture.weights)[:, None], 0.5 * np.sum(mixture.means**2, axis=1, keepdims=True)


def velocity_variance(mixture: GaussianMixture, x: ArrayLike, t: float) -> Array:
    """E‖(data - noise) - velocity(x, t)‖² given x_t = x on the rectified path, shape (...), in unit².

    The spread of the velocities that meet at x: d s²/var within a component, and
    ((1-t)/var)² sum_k r_k |mu_k - m|² between them. Its mean over x_t is the smallest possible flow-matching loss.
    """
    x = np.asarray(x, dtype=np.float64)
    c = _coefficients(RECTIFIED, t)
    var = float(mixture.var(c.signal, c.sigma))
    r = mixture.responsibilities(x, c.signal, c.sigma)
    offset = mixture.means - (r @ mixture.means)[..., None, :]
    between = np.sum(r * np.sum(offset**2, axis=-1), axis=-1)
    return mixture.means.shape[1] * mixture.s**2 / var + (c.sigma / var) ** 2 * between


def draw_pairs_through(
    mixture: GaussianMixture, x: ArrayLike, t: float, n: int, rng: np.random.Generator, path: Path = RECTIFIED
) -> tuple[Array, Array, NDArray[np.intp]]:
    """`n` independent pairs (noise, data) whose paths pass through the one point x (d,) at t < 1.

    Exact draws from the posterior: component k by its responsibility, then data given x and k. Returns noise
    (n, d), data (n, d) and the component (n,). Raises ValueError unless n >= 1 and sigma(t) > 0.
    """
    x = np.asarray(x, dtype=np.float64)
    c = _coefficients(path, t)
    require(n >= 1, "`n` must be at least 1", n)
    require(c.sigma > 0, "`t` must be below 1", t, "at the end a path has one data point and any noise")
    var = float(mixture.var(c.signal, c.sigma))
    component = rng.choice(len(mixture.weights), size=n, p=mixture.responsibilities(x, c.signal, c.sigma))
    mean = mixture.means[component]
    data = mean + (c.signal * mixture.s**2 / var) * (x - c.signal * mean)
    data += mixture.s * c.sigma / np.sqrt(var) * rng.standard_normal(data.shape)
    return (x - c.signal * data) / c.sigma, data, component


# --- how straight, how far -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A mean over points and its Monte-Carlo standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, per_point: Array) -> "Estimate":
        """From one value per point, (N,), N >= 2."""
        return cls(float(per_point.mean()), float(per_point.std(ddof=1) / np.sqrt(len(per_point))))


def straightness(states: Array, velocities: Array) -> Estimate:
    """S = ∫ E‖(Z_1 - Z_0) - dZ/dt‖² dt of a flow Z from its nodes, (F + 1, N, d) each, equally spaced in t.

    Liu et al. 2023: 0 exactly where every point moves on a straight line at constant speed. Measured on the
    flow, not on the lines between pairs, where it is 0 by construction. Integrated by Simpson's rule: F even.
    """
    steps = len(states) - 1
    require(steps >= 2 and steps % 2 == 0, "`states` must hold an even number of steps", steps)
    deviation = np.sum((velocities - (states[-1] - states[0])) ** 2, axis=2)
    weights = np.full(steps + 1, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return Estimate.of(weights @ deviation / (3.0 * steps))


def transport_cost(noise: Array, data: Array) -> Estimate:
    """E‖data - noise‖² of a coupling from its pairs (N, d), in unit²."""
    return Estimate.of(np.sum((data - noise) ** 2, axis=1))


def detour(states: Array) -> Estimate:
    """Path length over the straight distance between its ends, the mean over points; states (F + 1, N, d).

    1 for a straight path at any speed: unlike S it depends only on the shape of the path.
    """
    length = np.sqrt(np.sum(np.diff(states, axis=0) ** 2, axis=2)).sum(axis=0)
    return Estimate.of(length / np.sqrt(np.sum((states[-1] - states[0]) ** 2, axis=1)))


def _coefficients(path: Path, t: float) -> Coefficients:
    require(0 <= t <= 1, "`t` must lie between 0 and 1", t)
    return path.at(float(t))
