"""Applies unified diffs exactly: a context line that differs is an error."""

import re
from pathlib import Path

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


class PatchError(ValueError):
    """A patch does not fit the source that it is applied to."""


def apply_patch(patch: Path, root: Path) -> list[Path]:
    """Applies the diff in `patch` (with paths `a/…` and `b/…`) below `root`; returns the changed files."""
    lines = patch.read_text().splitlines(keepends=True)
    changed = []
    position = 0
    while position < len(lines):
        if not lines[position].startswith("--- a/"):  # the reason for the patch, before the first file
            position += 1
            continue
        target = root / lines[position + 1].removeprefix("+++ b/").split("\t")[0].strip()
        source = target.read_text().splitlines(keepends=True)
        result, position = _patched(source, lines, position + 2, patch.name)
        target.write_text("".join(result))
        changed.append(target)
    if not changed:
        raise PatchError(f"{patch.name} changes no file")
    return changed


def _patched(source: list[str], lines: list[str], position: int, name: str) -> tuple[list[str], int]:
    """Returns `source` with the hunks from `lines[position]` applied, and the position after them."""
    result: list[str] = []
    done = 0  # lines of `source` that are in `result`, or were left out
    while position < len(lines) and (hunk := HUNK.match(lines[position])):
        begin, count = int(hunk[1]) - 1, int(hunk[2] or 1)
        result += source[done:begin]
        done, end = begin, begin + count
        position += 1
        while position < len(lines) and lines[position][0] in " -+":
            sign, text = lines[position][0], lines[position][1:]
            if sign == "-" and done == end:  # the `--- a/` line of the next file
                break
            position += 1
            if sign == "+":
                result.append(text)
                continue
            if done >= len(source) or source[done] != text:
                raise PatchError(f"{name} does not fit line {done + 1}: {text.rstrip()!r} was expected")
            if sign == " ":
                result.append(text)
            done += 1
        if done != end:
            raise PatchError(f"{name} has a hunk of the wrong length before line {position + 1}")
    return result + source[done:], position
