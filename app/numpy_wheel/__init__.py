"""Provides a NumPy wheel for Pyodide, because no package registry has one.

`provide_numpy` finds such a wheel or builds it; README.md in this folder explains how and why. Only the standard
library is imported, because this runs before anything else is installed.
"""

from .errors import WheelError
from .provide import provide_numpy

__all__ = ["WheelError", "provide_numpy"]
