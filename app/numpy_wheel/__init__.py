"""The wheels that the browser's Python needs and that no package registry carries: NumPy for Pyodide.

`provide_numpy` finds such a wheel or builds it. README.md in this folder tells how and why. Only the standard
library is imported, for this runs before anything else is installed.
"""

from .errors import WheelError
from .provide import provide_numpy

__all__ = ["WheelError", "provide_numpy"]
