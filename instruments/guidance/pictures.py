"""The pictures of the guidance dial: the tilted density, the circles of the classes, and the point to probe."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.guidance import guided
from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.tilted import Tilted, centres, log_density_on_grid
from diffusion_lab.instruments.guidance.kernel import (
    CENTRES,
    CONDITIONS,
    GUIDE_BY,
    SCHEDULE,
    Array,
    Array32,
    combined_by,
)

EXTENT = (3.3, 3.63)
"""Half the width and half the height of the picture."""

CELLS = (150, 165)
"""Columns and rows of its shading."""


# --- the tilted density ----------------------------------------------------------------------------------------------


def _at_level(mixture: GaussianMixture, t: float) -> GaussianMixture:
    """The mixture noised to t, in VP coordinates, as a new mixture."""
    level = SCHEDULE.level(t)
    var = mixture.var(level.signal, level.sigma_t)
    return GaussianMixture(level.signal * mixture.means, mixture.weights, np.sqrt(var))


def noised(condition: str, t: float) -> ConditionalMixture:
    """Data and condition noised to t, in VP coordinates: the reference for points at that level."""
    model = CONDITIONS[condition]
    return ConditionalMixture(_at_level(model.uncond, t), _at_level(model.cond, t), model.prior)


@dataclass(frozen=True, eq=False)
class Group:
    """A class, or one of the two Gaussians of the known case, as it is drawn.

    chosen: whether it is the condition; circles: (73, K, 2) places on the circle of one standard deviation about
    each of its K clusters, the last place being the first; label_at: (2,) place of its name.
    """

    name: str
    chosen: bool
    circles: Array
    label_at: Array


def groups(condition: str, t: float) -> list[Group]:
    """The groups drawn at t: the three classes, or p(x|c) and p(x) of the Gaussian case."""
    if condition == "gaussian":  # both about one centre, so each name is outside its circle
        model = noised(condition, t)
        return [_group("p(x|c)", True, model.cond, -0.17), _group("p(x)", False, model.uncond, 0.17)]
    return [_group(name.upper(), name == condition, _at_level(CONDITIONS[name].cond, t)) for name in CENTRES]


def _group(name: str, chosen: bool, mixture: GaussianMixture, away: float = 0.0) -> Group:
    """away: distance of its name above the first circle, below it where negative; 0: at the circle's centre."""
    angle = np.linspace(0.0, 2.0 * np.pi, 73)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    circles = mixture.means + mixture.s * unit[:, None]
    up = np.copysign(mixture.s, away) + away if away else 0.0
    return Group(name, chosen, circles, mixture.means[0] + (0.0, up))


class AtNoise:
    """A condition at the noise level t: the data of pictures and measures, each computed lazily."""

    def __init__(self, condition: str, t: float) -> None:
        self.model = noised(condition, t)

    @cached_property
    def tilted(self) -> Tilted:
        """The tilted density."""
        return Tilted(self.model)

    @cached_property
    def log_densities(self) -> tuple[Array32, Array32]:
        """`log_densities` over the picture; w only mixes them."""
        return log_densities(self.model, EXTENT, CELLS)


def log_densities(
    model: ConditionalMixture, extent: tuple[float, float], cells: tuple[int, int]
) -> tuple[Array32, Array32]:
    """log p(x|c) and log p(x) of clean data on a picture's cells, (rows, columns) each, row 0 at the bottom.

    extent: half width and half height of the picture, in units of the data; cells: (columns, rows).
    """
    axes = [centres(*side) for side in zip(extent, cells, strict=True)]
    cond, uncond = (log_density_on_grid(mixture, *axes) for mixture in (model.cond, model.uncond))
    return cond.astype(np.float32), uncond.astype(np.float32)


def tilted_image(log_cond: Array32, log_uncond: Array32, guidance_scale: float) -> NDArray[np.uint8]:
    """p(x|c)^w p(x)^(1-w) over its largest, as shades 0 to 255, from the `log_densities` of a condition."""
    log = np.float32(guidance_scale) * log_cond + np.float32(1.0 - guidance_scale) * log_uncond
    log -= log.max()
    return (255.0 * np.exp(log)).astype(np.uint8)


# --- the probe -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Probe:
    """The predictions at one noised point. Vectors are (2,), in VP coordinates, eps without a unit.

    eps_uncond, eps_cond, eps_guided: predicted noise; tips (3, 2): position - sqrt(1 - alpha_bar) eps of each, which is
    sqrt(alpha_bar) x0_hat;
    classifier: gradient of log p(c|x) by central differences, p_t of noised points or p_0 of clean ones, whichever
    guides; from_eps: that of p_t from the two predictions.
    """

    position: Array
    eps_uncond: Array
    eps_cond: Array
    eps_guided: Array
    tips: Array
    classifier: Array
    from_eps: Array


def probe(
    model: ConditionalMixture,
    position: tuple[float, float],
    t: float,
    guidance_scale: float,
    guide_by: str = GUIDE_BY[0],
    rescale: float = 0.0,
) -> Probe:
    """The two predictions at `position`, noised to t (above 0), and the guided one."""
    require(t > 0, "`t` must be above 0", t)
    level, at = SCHEDULE.level(t), np.array(position)
    sigma_t = level.sigma_t
    uncond, cond = (eps[0] for eps in model.both(at[None], level, True))
    eps_tilde = guided(model, guidance_scale, by=combined_by(guide_by), rescale=rescale)(at[None], level)[0]
    h = 1e-4
    around = at + h * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    right, left, up, down = model.log_classifier(around, CLEAN if guide_by == "clean_classifier" else level)
    return Probe(
        position=at,
        eps_uncond=uncond,
        eps_cond=cond,
        eps_guided=eps_tilde,
        tips=at - sigma_t * np.stack([uncond, cond, eps_tilde]),
        classifier=np.array([right - left, up - down]) / (2 * h),
        from_eps=(uncond - cond) / sigma_t,
    )
