"""Runs Pyodide's CPython under Node at build time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from pathlib import Path

from diffusion_lab.app.build.setup_steps import NODE_MODULES, WORK, SetupError

SCRIPTS = Path(__file__).parent / "node"

#: A folder in which a build exchanges files with a Pyodide. No build reads what an earlier one has left there.
MOUNTED = WORK / "mounted"


class NodePython:
    """A Pyodide process with `folder` mounted at `/work`. It starts on first use, which takes two seconds."""

    def __init__(self, folder: Path = MOUNTED) -> None:
        self.folder = folder
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """Starts the process without waiting until it is ready, and returns it."""
        if self._process is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._process = subprocess.Popen(
                ["node", str(SCRIPTS / "pyodide_run.mjs"), str(NODE_MODULES / "pyodide"), str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
            )
        return self._process

    def run(self, name: str) -> None:
        """Runs a Python file of `app/build/node`; raises `SetupError` with Python's message if it fails."""
        process = self.start()
        assert process.stdin and process.stdout
        with contextlib.suppress(BrokenPipeError):  # the process has ended; the empty answer below reports it
            process.stdin.write(f"{SCRIPTS / name}\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            process.wait()
            self._process = None  # the next run starts a new process
            self._said.seek(0)
            raise SetupError(f"Pyodide ended under Node in {name}:\n{self._said.read().decode(errors='replace')}")
        if error := json.loads(answer).get("error"):
            raise SetupError(f"{name} failed in Pyodide under Node:\n{error.strip()}")

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._said.close()

    def __enter__(self) -> NodePython:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
