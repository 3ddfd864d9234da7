"""The forward jump, and the four equivalent quantities that a network may predict at a noised point.

    x_t    = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps                      (1.2)
    score  = -eps_hat / sqrt(1 - alpha_bar)                                    uphill in density
    v_pred = sqrt(alpha_bar) eps_hat - sqrt(1 - alpha_bar) x0_hat              Salimans & Ho 2022, appendix D

Arrays may have any one shape; `alpha_bar` is a float, or an array that broadcasts against them: (N, 1)
with points (N, d). Everything is in units of the data, the score in 1/unit.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.levels import Level, Number

Array = NDArray[np.float64]
PredictionType = Literal["eps_hat", "x0_hat", "score", "v_pred"]

PREDICTION_TYPES: tuple[PredictionType, ...] = ("eps_hat", "x0_hat", "score", "v_pred")


def noise(x0: Array, eps: Array, alpha_bar: Number) -> Array:
    """Clean points to noised ones in one jump, equation (1.2): x_t has the shape of `x0` and `eps`.

    Ho et al. 2020, eq. 4. Raises ValueError unless 0 <= alpha_bar <= 1.
    """
    level = Level.from_alpha_bar(alpha_bar)
    return level.signal * x0 + level.sigma_t * eps


def x0_and_eps(prediction: Array, xt: Array, alpha_bar: Number, prediction_type: PredictionType) -> tuple[Array, Array]:
    """(x0_hat, eps_hat), each of the shape of `xt`, whichever of the four was predicted.

    Together they reproduce the point: noise(x0_hat, eps_hat, alpha_bar) == xt, to rounding.
    "eps_hat" and "score" divide by sqrt(alpha_bar), "x0_hat" by sqrt(1 - alpha_bar), "v_pred" by nothing.
    Raises ValueError for an unknown type, or at an end of the schedule where the type does not determine them.
    """
    level = Level.from_alpha_bar(alpha_bar)
    signal, sigma_t = level.signal, level.sigma_t
    _require_type("prediction_type", prediction_type)
    if prediction_type == "v_pred":
        return signal * xt - sigma_t * prediction, sigma_t * xt + signal * prediction
    if prediction_type == "x0_hat":
        _require_noise(alpha_bar, "x0_hat")
        return prediction, (xt - signal * prediction) / sigma_t
    require(
        np.all(np.greater(alpha_bar, 0)),
        f"`alpha_bar` must be above 0 to read x0_hat from {prediction_type}",
        alpha_bar,
        'predict "v_pred" or "x0_hat" there',
    )
    eps_hat = prediction if prediction_type == "eps_hat" else -sigma_t * prediction
    return (xt - sigma_t * eps_hat) / signal, eps_hat


def convert(prediction: Array, xt: Array, alpha_bar: Number, source: PredictionType, target: PredictionType) -> Array:
    """A prediction of type `source` about `xt`, as one of type `target`; same shape.

    Round trips hold to 1e-12 for 0.01 <= alpha_bar <= 0.99 and lose 1/sqrt(alpha_bar) or
    1/sqrt(1 - alpha_bar) towards the ends; raises ValueError at an end where a type is undefined.
    """
    _require_type("target", target)
    x0_hat, eps_hat = x0_and_eps(prediction, xt, alpha_bar, source)
    level = Level.from_alpha_bar(alpha_bar)
    signal, sigma_t = level.signal, level.sigma_t
    if target == "x0_hat":
        return x0_hat
    if target == "eps_hat":
        return eps_hat
    if target == "v_pred":
        return signal * eps_hat - sigma_t * x0_hat
    _require_noise(alpha_bar, "score")
    return -eps_hat / sigma_t


def _require_type(name: str, value: str) -> None:
    require(value in PREDICTION_TYPES, f"`{name}` must be one of {', '.join(PREDICTION_TYPES)}", repr(value))


def _require_noise(alpha_bar: Number, name: str) -> None:
    require(
        np.all(np.less(alpha_bar, 1)),
        f"`alpha_bar` must be below 1 to use {name}",
        alpha_bar,
        "a clean point carries no noise to speak of, so start a little later",
    )
