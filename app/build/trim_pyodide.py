"""Removes unreachable code from Pyodide's core: its WebAssembly and the JavaScript around it.

Pyodide publishes a core that supports any package; this site knows all of its packages at build time. Trimming saves a
tenth of the WebAssembly and two thirds of the JavaScript, which browsers compile before Python can start. See
`node/trim_core.mjs`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, SetupError

SCRIPT = Path(__file__).parent / "node/trim_core.mjs"

FILES = ("pyodide.asm.mjs", "pyodide.asm.wasm")

#: The lab's scripts that call the core.
CALLERS = tuple(
    ROOT / "static/js/worker" / name for name in ("interpreter.js", "memory.js", "snapshot.js", "worker.js")
)

#: The inputs of trimming, apart from the compiled modules that will be linked to the core.
INPUTS = (
    SCRIPT,
    *CALLERS,
    *(NODE_MODULES / f"{name}/package.json" for name in ("pyodide", "acorn", "acorn-walk", "binaryen", "terser")),
)


def trim_core(out: Path, compiled_modules: Iterable[Path]) -> None:
    """Writes the trimmed `FILES` to the folder `out`, for a Python that may import the given compiled modules.

    Raises `SetupError` with the script's error output if it fails.
    """
    callers = [NODE_MODULES / "pyodide/pyodide.mjs", *CALLERS]
    command = ["node", SCRIPT, NODE_MODULES, out, *callers, "--", *sorted(compiled_modules)]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{SCRIPT.relative_to(ROOT)} failed:\n{done.stderr}")
