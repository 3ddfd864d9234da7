"""`python -m diffusion_lab.app.numpy_wheel PYODIDE_DIR`: provides NumPy's wheel and prints its path."""

import sys
from pathlib import Path

from . import WheelError, provide_numpy

USAGE = "usage: python -m diffusion_lab.app.numpy_wheel PYODIDE_DIR     (such as static/node_modules/pyodide)"


def main(arguments: list[str]) -> int:
    """Provides the wheel and prints its path to stdout; progress messages go to stderr. Returns the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        wheel = provide_numpy(Path(arguments[0]), say=lambda text: print(text, file=sys.stderr, flush=True))
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(wheel)
    return 0


sys.exit(main(sys.argv[1:]))
