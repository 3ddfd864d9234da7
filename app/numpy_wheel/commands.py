"""Runs other programs: writes their output to one log and reports their progress every few seconds."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import WheelError

Say = Callable[[str], None]

NEWS_EVERY = 5.0  # seconds between two progress messages
LAST_LINES, LINE_LENGTH = 12, 200  # of the log, shown when a program fails


class Runner:
    """Runs programs one after the other, with one log file for all."""

    def __init__(self, log: Path, say: Say):
        self.log = log
        self.say = say
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    def run(
        self,
        what: str,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        limit: float = 3600,
        advice: str = "",
    ) -> str:
        """Runs `command` and returns its output; `what` names it to the user, `advice` is added to errors."""
        words = [str(word) for word in command]
        start = time.monotonic()
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(words)}\n".encode())
            log.flush()
            begin = log.tell()
            try:
                process = subprocess.Popen(
                    words,
                    cwd=cwd,
                    env=None if env is None else {**os.environ, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that its child processes can be killed with it
                )
            except OSError as error:
                raise WheelError(f"{what}: {words[0]} cannot be run ({error.strerror}). {advice}".rstrip()) from None
            try:
                code = self._wait(process, what, begin, start, limit)
            finally:
                _end(process)
        output = self.output_since(begin)
        with self.log.open("ab") as log:
            log.write(f"# {what}: {time.monotonic() - start:.1f} s, exit code {code}\n".encode())
        if code != 0:
            lines = "\n".join(f"    {line[:LINE_LENGTH]}" for line in output.splitlines()[-LAST_LINES:])
            raise WheelError(
                f"{what} failed (exit code {code}). {advice}".rstrip() + f"\n{lines}\n  The whole log: {self.log}"
            )
        return output

    def output_since(self, begin: int) -> str:
        """Returns the text of the log from the byte offset `begin`."""
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _wait(self, process: subprocess.Popen, what: str, begin: int, start: float, limit: float) -> int:
        while True:
            try:
                return process.wait(timeout=NEWS_EVERY)
            except subprocess.TimeoutExpired:
                elapsed = time.monotonic() - start
            if elapsed > limit:
                raise WheelError(f"{what} took more than {limit:.0f} s and was stopped. The log: {self.log}")
            self.say(f"  {what}: {progress(self.output_since(begin))}{elapsed:.0f} s")


def progress(output: str) -> str:
    """Returns the last progress mark of ninja or pytest, `[12/331]` or `[ 45%]`, and a comma; "" if there is none."""
    steps = re.findall(r"\[\s*\d+(?:/\d+|%)\]", output)
    return f"{steps[-1]}, " if steps else ""


def _end(process: subprocess.Popen) -> None:
    """Kills a program that is still running after an error or Ctrl-C, together with its child processes."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
