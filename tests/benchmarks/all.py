"""Every benchmark in one run, as ratios beside the targets and beside what this machine has measured before.

Prints all figures, writes `.build/benchmarks/report.md` and `report.svg` (a full run also beside this file, as
`REPORT.md`), and adds a line to `history.jsonl`, which is
kept in git. A figure that is more than the median of the last lines of the same machine, beyond noise, is marked
REGRESSION. The single scripts say what each figure is.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import _report
from _shared import RESULTS, table

from diffusion_lab.app.build.setup_steps import ROOT

HERE = Path(__file__).parent
HISTORY = HERE / "history.jsonl"

#: Script → its arguments: of the whole run, which takes some ten minutes, and of a quick one.
SCRIPTS = {
    "startup": (["--runs", "3", "--lines", "25", "100"], ["--runs", "1", "--lines", "25"]),
    "memory": ([], []),
    "kernels": (["--runs", "5"], ["--runs", "1", "--group", "ring"]),
    "dragging": (["--moves", "60"], ["--moves", "30", "--plain-state", "--instrument", "ring"]),
    "building": (
        ["--runs", "3", "--not-from-scratch", "--edit", "prose of a chapter", "--edit", "component of an instrument"],
        ["--runs", "1", "--not-from-scratch", "--edit", "prose of a chapter"],
    ),
}


def measured(name: str, arguments: list[str]) -> dict[str, object]:
    """Runs one script; returns what it has written. Raises `SystemExit` if it fails."""
    print(f"\n=== {name} ===", flush=True)
    began = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / f"{name}.py"), *arguments], cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{name}.py has failed; its message is above.")
    print(f"{'took:':15}{time.perf_counter() - began:.0f} s", flush=True)
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def commit() -> str:
    """The checkout's, with "+" where something has changed since."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def main() -> None:
    """Measures all and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run, which leaves no line in the history")
    options = parser.parse_args()
    history = _report.read_history(HISTORY)
    values: dict[str, float] = {}
    machine: dict[str, str] = {}
    for name, (whole, quick) in SCRIPTS.items():
        found = measured(name, quick if options.quick else whole)
        values |= found["key"]
        machine = machine or found["facts"]  # with the load before anything was done here
    facts = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": commit(),
        "machine": machine["CPU"],
        "browser": machine["browser"],
        "load at start": machine["load at start"],
    }
    figures = _report.compared(values, facts["machine"], history)
    print("\n" + table(_report.HEAD, _report.rows(figures)))
    (RESULTS / "report.md").write_text(_report.markdown(figures, facts), "utf-8")
    (RESULTS / "report.svg").write_text(_report.plot(figures), "utf-8")
    print(f"\nwritten: {(RESULTS / 'report.md').relative_to(ROOT)} and report.svg")
    if not options.quick:
        shutil.copyfile(RESULTS / "report.md", HISTORY.with_name("REPORT.md"))
        shutil.copyfile(RESULTS / "report.svg", HISTORY.with_name("report.svg"))
        _report.add_to_history(HISTORY, facts, values)
        print(f"a line was added to {HISTORY.relative_to(ROOT)}")
    for word in ("missed", "REGRESSION"):
        names = [figure.name for figure in figures if word in figure.verdict().split(", ")]
        print(f"{word + ':':15}{'; '.join(names) or 'none'}")


if __name__ == "__main__":
    main()
