"""Pyodide's own CPython, run under Node on this machine."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from diffusion_lab.app.environment import NODE_MODULES, SetupError

SCRIPTS = Path(__file__).parent / "node"


class NodePython:
    """A running Pyodide that has `folder` at `/work`. Starting takes two seconds, in which the caller can go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            ["node", str(SCRIPTS / "pyodide_run.mjs"), str(NODE_MODULES / "pyodide"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def run(self, name: str) -> None:
        """Runs a Python file of `app/node`; raises `SetupError` with what Python says if it fails."""
        process = self._process
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{SCRIPTS / name}\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: there is no answer
        answer = process.stdout.readline()
        if not answer:
            self._said.seek(0)
            raise SetupError(f"Pyodide ended under Node in {name}:\n{self._said.read().decode(errors='replace')}")
        if error := json.loads(answer).get("error"):
            raise SetupError(f"{name} failed in Pyodide under Node:\n{error.strip()}")

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._said.close()

    def __enter__(self) -> NodePython:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
