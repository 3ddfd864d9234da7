"""The other baseline of `startup.py`: Pyodide as npm has it, in a worker, that imports NumPy and prints one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from _convert import PYODIDE, PYODIDE_CORE, compress, lock_entry

from diffusion_lab.app.numpy_wheel import provide_numpy

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Pyodide and NumPy</title>
<link rel="icon" href="data:,">
<p id="line">Starting</p>
<script type="module">
const worker = new Worker("plain.js", { type: "module" });
worker.onmessage = ({ data }) => {
  document.getElementById("line").textContent = data;
  window.printed = performance.now();
};
</script>
"""

WORKER = """import { loadPyodide } from "./pyodide/pyodide.mjs";
const python = await loadPyodide({ stdout: (line) => postMessage(line) });
await python.loadPackage("numpy", { messageCallback() {} });
python.runPython("import numpy; print(numpy.arange(10).sum())");
"""


def plain_site(work: Path) -> Path:
    """A folder with the page, below `work`; made anew. Its page is `plain.html`."""
    site = work / "plain"
    shutil.rmtree(site, ignore_errors=True)
    (site / "pyodide").mkdir(parents=True)
    for name in PYODIDE_CORE:
        shutil.copyfile(PYODIDE / name, site / "pyodide" / name)
    wheel = Path(shutil.copy(provide_numpy(PYODIDE), site / "pyodide"))
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text())
    lock["packages"] = {"numpy": lock_entry("numpy", wheel, [])}
    (site / "pyodide/pyodide-lock.json").write_text(json.dumps(lock))
    (site / "plain.html").write_text(PAGE)
    (site / "plain.js").write_text(WORKER)
    compress(site, work / "compressed")
    return site
