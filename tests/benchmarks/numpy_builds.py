"""Is any operation slower in our NumPy for the browser than in another build of it?

Both wheels run in Pyodide under Node, in turns, and of each operation (`_numpy_operations.py`) the best time counts.
The other wheel is the official one where it can be had, or a build of ours with the official flags and without the
patch to matrix products: in a copy of the checkout, `OPTIMISATION = ["-O2"]` in `app/numpy_wheel/numpy/pins.py`,
`patches/01…` taken away, then
`DIFFUSION_LAB_NUMPY=build python -m diffusion_lab.app.numpy_wheel static/node_modules/pyodide`.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import zipfile
from pathlib import Path

from _shared import table

from diffusion_lab.app.build.node_python import NodePython
from diffusion_lab.app.build.setup_steps import NODE_MODULES
from diffusion_lab.app.numpy_wheel import provide_numpy

HERE = Path(__file__).parent

SCRIPT = """
import json, sys
sys.path.insert(0, "/work/site")
{operations}
with open("/work/times.json", "w") as file:
    json.dump(times({rounds}), file)
"""


def timed(folder: Path, rounds: int) -> dict[str, float]:
    """Microseconds of each operation with the NumPy that lies in `folder`."""
    script = folder / "time.py"
    script.write_text(SCRIPT.format(operations=(HERE / "_numpy_operations.py").read_text("utf-8"), rounds=rounds))
    with NodePython(folder) as python:
        python.run(str(script))
    return json.loads((folder / "times.json").read_text())


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("against", type=Path, help="the other wheel")
    parser.add_argument("--turns", type=int, default=3, help="times that each Python is started (default: 3)")
    parser.add_argument("--rounds", type=int, default=15, help="of each operation, in one turn (default: 15)")
    options = parser.parse_args()
    wheels = {"ours": provide_numpy(NODE_MODULES / "pyodide"), "other": options.against}
    best: dict[str, dict[str, float]] = {which: {} for which in wheels}
    with tempfile.TemporaryDirectory() as root:
        for which, wheel in wheels.items():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(Path(root, which, "site"))
        for _ in range(options.turns):
            for which in wheels:
                for name, time in timed(Path(root, which), options.rounds).items():
                    best[which][name] = min(best[which].get(name, math.inf), time)
    rows = [(name, best["other"][name], time, time / best["other"][name]) for name, time in best["ours"].items()]
    print(table(["operation", "other, µs", "ours, µs", "ours / other"], sorted(rows, key=lambda row: -row[3])))


if __name__ == "__main__":
    main()
