"""Noise schedules: the share of signal left at time t, by their published names.

Time t runs from 0 (clean) to 1 (noise) and has no unit. Arguments are floats or arrays of any shape, results have the
same shape. A schedule's two descriptions are equivalent: alpha_bar(t) of the VP form, sigma(t) of the VE form.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.levels import CLEAN, Level, Number

Array = NDArray[np.float64]

MAX_BETA = 0.999
"""No single step may remove more than this share of the signal (Nichol & Dhariwal 2021, section 3.2)."""


class Schedule(ABC):
    """A falling alpha_bar(t), its inverse, and the levels that samplers step through."""

    @abstractmethod
    def alpha_bar(self, t: Number) -> Number:
        """Share of signal left at t."""

    @abstractmethod
    def t(self, alpha_bar: Number) -> Number:
        """The time at which `alpha_bar` is left: the inverse of the method of that name."""

    @abstractmethod
    def beta(self, t: Number) -> Number:
        """Noise added per unit of t, -d log(alpha_bar)/dt: dx = -(beta/2) x dt + sqrt(beta) dW (Song et al. 2021)."""

    def level(self, t: Number) -> Level:
        """The noise level at t."""
        return Level.from_alpha_bar(self.alpha_bar(t))

    def levels(self, n: int, *, t_max: float = 1.0, t_min: float = 0.0, clean: bool = False) -> list[Level]:
        """`n` levels at equal distances in t from `t_max` down to `t_min`; `clean` appends the level without noise.

        A sampler that steps *between* levels takes n - 1 steps then, or n with the last jump to the clean level; one
        that works *at* each level, like Langevin's, must not be given the clean one.
        Raises ValueError unless n >= 2 and 1 >= t_max > t_min >= 0.
        """
        require(n >= 2, "`n` must be at least 2", n)
        require(0 <= t_min < t_max <= 1, "`t_min` and `t_max` must satisfy 0 <= t_min < t_max <= 1", (t_min, t_max))
        return [*self._grid(np.linspace(t_max, t_min, n)).split(), *([CLEAN] if clean else [])]

    def _grid(self, t: Array) -> Level:
        return self.level(t)

    def betas(self, num_steps: int = 1000) -> Array:
        """The share of signal that each of `num_steps` equal steps removes, (T,), the first at the clean end.

        beta_i = 1 - alpha_bar(i/T) / alpha_bar((i-1)/T), at most MAX_BETA (Nichol & Dhariwal 2021, eq. 17).
        """
        require(num_steps >= 1, "`num_steps` must be at least 1", num_steps)
        alpha_bar = np.asarray(self.alpha_bar(np.arange(num_steps + 1) / num_steps), dtype=np.float64)
        return np.minimum(1.0 - alpha_bar[1:] / alpha_bar[:-1], MAX_BETA)

    def alpha_bars(self, num_steps: int = 1000) -> Array:
        """Share of signal after each of the steps of `betas`, (T,): their running product."""
        return np.asarray(np.cumprod(1.0 - self.betas(num_steps)), dtype=np.float64)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Constant rate: alpha_bar(t) = exp(-rate t), the VP SDE with constant beta (Song et al. 2021, eq. 11).

    At the lab's rate of 6, alpha_bar(1) leaves sqrt(alpha_bar) = 0.0498 of the signal: nearly, not exactly, noise.
    """

    rate: float = 6.0

    def alpha_bar(self, t: Number) -> Number:
        """alpha_bar(t) = exp(-rate t), floats or arrays. Raises ValueError unless t >= 0."""
        require(np.all(np.greater_equal(t, 0)), "`t` must be at least 0", t)
        return np.exp(-self.rate * np.asarray(t, dtype=np.float64))[()]

    def t(self, alpha_bar: Number) -> Number:
        """t = -log(alpha_bar) / rate, to 3e-16 (absolute). Raises ValueError outside (0, 1]."""
        return (-np.log(_signal(alpha_bar)) / self.rate + 0.0)[()]

    def beta(self, t: Number) -> Number:
        """The rate, whatever t."""
        return np.full(np.shape(t), self.rate)[()]


@dataclass(frozen=True)
class Linear(Schedule):
    """beta rises linearly with time: DDPM's schedule (Ho et al. 2020, section 4) and its continuous limit.

    beta_min and beta_max are per step of a chain of 1000; for another number of steps they are scaled by 1000/T, else
    a short chain would end far from noise. The continuous form is Song et al. 2021, eq. 33.
    """

    beta_min: float = 1e-4
    beta_max: float = 0.02

    def alpha_bar(self, t: Number) -> Number:
        """exp(-1000 (beta_min t + (beta_max - beta_min) t²/2))."""
        t = _time(t)
        return np.exp(-1000.0 * (self.beta_min * t + (self.beta_max - self.beta_min) / 2.0 * t * t))[()]

    def t(self, alpha_bar: Number) -> Number:
        """The root of a quadratic, in the form that does not cancel near 0."""
        removed = -np.log(_signal(alpha_bar)) / 1000.0
        root = np.sqrt(self.beta_min**2 + 2.0 * (self.beta_max - self.beta_min) * removed)
        return (2.0 * removed / (self.beta_min + root))[()]

    def beta(self, t: Number) -> Number:
        """1000 (beta_min + (beta_max - beta_min) t)."""
        return (1000.0 * (self.beta_min + (self.beta_max - self.beta_min) * _time(t)))[()]

    def betas(self, num_steps: int = 1000) -> Array:
        """DDPM's chain: `num_steps` values from beta_min to beta_max times 1000/num_steps, at most MAX_BETA."""
        require(num_steps >= 1, "`num_steps` must be at least 1", num_steps)
        return np.minimum(np.linspace(self.beta_min, self.beta_max, num_steps) * (1000.0 / num_steps), MAX_BETA)


class _Vanishing(Schedule):
    """A schedule that leaves no signal at t = 1, where x0_hat and the log-SNR are infinite.

    Grids hold the first level to the most that one step may remove, MAX_BETA, as the published chains do.
    """

    def _grid(self, t: Array) -> Level:
        alpha_bar = np.array(self.alpha_bar(t))
        alpha_bar[0] = max(alpha_bar[0], (1.0 - MAX_BETA) * alpha_bar[1])
        return Level.from_alpha_bar(alpha_bar)


@dataclass(frozen=True)
class Cosine(_Vanishing):
    """alpha_bar = f(t)/f(0), f = cos²((t + s)/(1 + s) pi/2) (Nichol & Dhariwal 2021, eq. 17).

    alpha_bar(1) is 0 in exact arithmetic (1e-33 in float64), and beta(1) infinite.
    """

    s: float = 0.008

    def alpha_bar(self, t: Number) -> Number:
        """f(t)/f(0)."""
        return (np.square(np.cos(self._angle(_time(t)))) / np.square(np.cos(self._angle(0.0))))[()]

    def t(self, alpha_bar: Number) -> Number:
        """By the inverse cosine."""
        angle = np.arccos(np.minimum(1.0, np.sqrt(_signal(alpha_bar)) * np.cos(self._angle(0.0))))
        return np.clip(angle * (2.0 / pi) * (1.0 + self.s) - self.s, 0.0, 1.0)[()]

    def beta(self, t: Number) -> Number:
        """pi/(1 + s) tan((t + s)/(1 + s) pi/2)."""
        return (pi / (1.0 + self.s) * np.tan(self._angle(_time(t))))[()]

    def _angle(self, t: Number) -> Number:
        return (t + self.s) / (1.0 + self.s) * (pi / 2.0)


@dataclass(frozen=True)
class Sigmoid(_Vanishing):
    """A falling piece of the logistic function, from `start` to `end`, stretched to run from 1 to 0.

    Jabri, Fleet & Chen 2022, algorithm 1: alpha_bar = (g(end) - g(start + t (end - start))) / (g(end) - g(start)),
    g(u) = 1/(1 + exp(-u/tau)); at least 1e-9, as there.
    """

    start: float = -3.0
    end: float = 3.0
    tau: float = 1.0

    def alpha_bar(self, t: Number) -> Number:
        """The stretched logistic function."""
        return np.maximum((self._g(self.end) - self._g(self._place(_time(t)))) / self._fall(), 1e-9)[()]

    def t(self, alpha_bar: Number) -> Number:
        """By the inverse logistic function."""
        g = self._g(self.end) - _signal(alpha_bar) * self._fall()
        return np.clip((self.tau * np.log(g / (1.0 - g)) - self.start) / (self.end - self.start), 0.0, 1.0)[()]

    def beta(self, t: Number) -> Number:
        """g' (end - start) over what is left, infinite at t = 1."""
        g = self._g(self._place(_time(t)))
        with np.errstate(divide="ignore"):
            return (g * (1.0 - g) / self.tau * (self.end - self.start) / (self._g(self.end) - g))[()]

    def _place(self, t: Number) -> Number:
        return self.start + t * (self.end - self.start)

    def _g(self, u: Number) -> Number:
        return 1.0 / (1.0 + np.exp(-u / self.tau))

    def _fall(self) -> float:
        return float(self._g(self.end) - self._g(self.start))


class _OfSigma(Schedule):
    """A schedule given by its VE noise sigma(t)."""

    @abstractmethod
    def sigma(self, t: Number) -> Number:
        """VE noise level at t."""

    @abstractmethod
    def t_of_sigma(self, sigma: Number) -> Number:
        """The inverse of `sigma`."""

    @abstractmethod
    def _sigma_rate(self, t: Number) -> Number:
        """d sigma / dt."""

    def level(self, t: Number) -> Level:
        """The noise level at t."""
        return Level.from_sigma(self.sigma(t))

    def alpha_bar(self, t: Number) -> Number:
        """1 / (1 + sigma²)."""
        return self.level(t).alpha_bar

    def t(self, alpha_bar: Number) -> Number:
        """By the inverse of sigma."""
        return self.t_of_sigma(Level.from_alpha_bar(_signal(alpha_bar)).sigma)

    def beta(self, t: Number) -> Number:
        """2 sigma sigma' / (1 + sigma²)."""
        sigma = self.sigma(t)
        return 2.0 * sigma * self._sigma_rate(t) / (1.0 + sigma * sigma)


@dataclass(frozen=True)
class Karras(_OfSigma):
    """sigma(t) = (sigma_min^(1/rho) + t (sigma_max^(1/rho) - sigma_min^(1/rho)))^rho (Karras et al. 2022, eq. 5).

    `levels(n, clean=True)` are that paper's n levels and last 0. t = 0 is sigma_min, not clean.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        _require_ends(self.sigma_min, self.sigma_max)
        require(self.rho > 0, "`rho` must be above 0", self.rho)

    def sigma(self, t: Number) -> Number:
        """VE noise level at t: linear in sigma^(1/rho), so that a high rho puts most levels near sigma_min."""
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return ((low + _time(t) * (high - low)) ** self.rho)[()]

    def t_of_sigma(self, sigma: Number) -> Number:
        """The inverse of `sigma`."""
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return ((np.asarray(sigma, dtype=np.float64) ** (1 / self.rho) - low) / (high - low))[()]

    def _sigma_rate(self, t: Number) -> Number:
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return (self.rho * (high - low) * (low + _time(t) * (high - low)) ** (self.rho - 1))[()]


@dataclass(frozen=True)
class Geometric(_OfSigma):
    """sigma(t) = sigma_min (sigma_max/sigma_min)^t: each of equally spaced levels the same factor below the last.

    Song & Ermon 2019, section 4.3; in continuous time the VE SDE of Song et al. 2021, eq. 30. t = 0 is sigma_min.
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def __post_init__(self) -> None:
        _require_ends(self.sigma_min, self.sigma_max)

    def sigma(self, t: Number) -> Number:
        """VE noise level at t."""
        return (self.sigma_min ** (1.0 - _time(t)) * self.sigma_max ** _time(t))[()]

    def t_of_sigma(self, sigma: Number) -> Number:
        """log(sigma/sigma_min) / log(sigma_max/sigma_min)."""
        return (np.log(np.asarray(sigma, dtype=np.float64) / self.sigma_min) / self._log_ratio)[()]

    @property
    def _log_ratio(self) -> float:
        return float(np.log(self.sigma_max / self.sigma_min))

    def _sigma_rate(self, t: Number) -> Number:
        return self._log_ratio * self.sigma(t)


@dataclass(frozen=True, eq=False)
class Learned(Schedule):
    """A table of log-SNR over time, interpolated linearly: the form of a learned schedule (Kingma et al. 2021).

    times: (K,) rising from 0 to 1; log_snr: (K,) falling, finite. Raises ValueError otherwise.
    """

    times: Array
    log_snr: Array

    def __post_init__(self) -> None:
        times, log_snr = (np.array(part, dtype=np.float64) for part in (self.times, self.log_snr))
        require(times.ndim == 1 and len(times) >= 2, "`times` must have shape (K,), K >= 2", f"shape {times.shape}")
        require(log_snr.shape == times.shape, "`log_snr` must have the shape of `times`", f"shape {log_snr.shape}")
        ok = np.all(np.diff(times) > 0) and times[0] == 0 and times[-1] == 1
        require(ok, "`times` must rise from 0 to 1", self.times)
        require(np.all(np.diff(log_snr) < 0), "`log_snr` must fall", self.log_snr)
        times.flags.writeable = log_snr.flags.writeable = False
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "log_snr", log_snr)

    def level(self, t: Number) -> Level:
        """The noise level at t."""
        return Level.from_log_snr(np.interp(_time(t), self.times, self.log_snr))

    def alpha_bar(self, t: Number) -> Number:
        """The logistic function of the interpolated log-SNR."""
        return self.level(t).alpha_bar

    def t(self, alpha_bar: Number) -> Number:
        """By interpolation the other way; at the ends of the table beyond them."""
        return np.interp(Level.from_alpha_bar(_signal(alpha_bar)).log_snr, self.log_snr[::-1], self.times[::-1])[()]

    def beta(self, t: Number) -> Number:
        """-(1 - alpha_bar) d(log-SNR)/dt, discontinuous at the entries of the table."""
        slopes = np.diff(self.log_snr) / np.diff(self.times)
        piece = np.clip(np.searchsorted(self.times, _time(t), side="right") - 1, 0, len(slopes) - 1)
        return (-self.level(t).var * slopes[piece])[()]


def _time(t: ArrayLike) -> Array:
    t = np.asarray(t, dtype=np.float64)
    require(np.all((t >= 0) & (t <= 1)), "`t` must lie between 0 and 1", t)
    return t


def _signal(alpha_bar: ArrayLike) -> Array:
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    ok = np.all((alpha_bar > 0) & (alpha_bar <= 1))
    require(ok, "`alpha_bar` must be above 0 and at most 1", alpha_bar)
    return alpha_bar


def _require_ends(sigma_min: float, sigma_max: float) -> None:
    require(sigma_min > 0, "`sigma_min` must be above 0", sigma_min)
    require(sigma_max > sigma_min, f"`sigma_max` must be above `sigma_min` = {sigma_min}", sigma_max)


SCHEDULES: dict[str, Schedule] = {
    "exponential": Exponential(),
    "linear": Linear(),
    "cosine": Cosine(),
    "sigmoid": Sigmoid(),
    "karras": Karras(),
}
"""The published schedules, with their usual parameters, by the names that settings and addresses use."""
