"""The checks of exercises: what they can use, how they run, and what the reader is told of the result."""

from __future__ import annotations

import contextlib
import io
import traceback
import types
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

#: Messages for an exercise that passes its checks, and for one whose code raises an error during the checks.
PASSED = "Right: every check is passed."
BROKEN = "The code ran, but stopped with this error when it was tried with other values."

FILE = "<checks>"


class CheckFailed(Exception):
    """The reader's code fails a check; the message explains the mistake."""


def check(condition: Any, message: str) -> None:
    """For an exercise's checks: raises `CheckFailed` with the message if the condition is false."""
    if not condition:
        raise CheckFailed(message)


def close(a: Any, b: Any, tolerance: float = 1e-6) -> bool:
    """For an exercise's checks: whether `a` is numeric, has the shape of `b` and equals it within the tolerance."""
    try:
        a, b = np.asarray(a, float), np.asarray(b, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def run_checks(checks: str, names: Mapping[str, Any]) -> None:
    """Runs the checks of an exercise. They see `names`, `check` and `close`; names that they define are discarded.

    Raises `CheckFailed`, also for a name that the checks need and the reader's code has not defined, and any exception
    that the reader's code raises.
    """
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(checks, FILE, "exec"), {**names, "check": check, "close": close})
        except NameError as error:
            frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
            if frames[-1] != FILE:
                raise
            raise CheckFailed(f"Your code does not define `{error.name}`. Keep the name that the task gives.") from None


def names_to_check(
    namespace: Mapping[str, Any], started_with: Mapping[str, Any], defines: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the names that the checks of an exercise may see.

    A name that the exercise's starter defines (`started_with`) and this run does not (`defines`) is left out, unless it
    is a module: its value is from another cell or an earlier run.
    """
    missing = started_with.keys() - defines.keys()
    return {
        name: value for name, value in namespace.items() if name not in missing or isinstance(value, types.ModuleType)
    }
