"""One directive of a chapter: its argument, options and body."""

from __future__ import annotations

import re
from dataclasses import dataclass

from diffusion_lab.app.build.chapter_tree import Document


@dataclass(frozen=True)
class Directive:
    """A parsed directive: argument, options, body, and the lines where it and its body begin.

    `mistakes`: text and line of each option `mistake`, the only one that may be given several times.
    """

    document: Document
    name: str
    argument: str
    options: dict[str, str]
    mistakes: list[tuple[str, int]]
    body: str
    line: int
    body_line: int

    @classmethod
    def read(cls, document: Document, name: str, argument: str, content: str, line: int) -> Directive:
        """Parses the content of a directive's fence, whose first line is `line`."""
        options: dict[str, str] = {}
        mistakes: list[tuple[str, int]] = []
        lines, place = content.split("\n"), line + 1
        while lines and (match := re.fullmatch(r":([a-z_]\w*):\s*(.*)", lines[0])):
            if match[1] == "mistake":
                mistakes.append((match[2].strip(), place))
            elif match[1] in options:
                raise document.error(place, f"Option `{match[1]}` is given twice.")
            options[match[1]] = match[2].strip()
            lines.pop(0)
            place += 1
        return cls(document, name, argument, options, mistakes, "\n".join(lines), line, place)

    def options_are(self, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """Raises an error unless all options `names` are given, and at most those in `optional` besides."""
        if unknown := set(self.options) - {*names, *optional}:
            allowed = f"it has {', '.join([*names, *optional])}" if names or optional else "it has no options"
            raise self.document.error(
                self.line, f"`{self.name}` has no option {', '.join(sorted(unknown))}; {allowed}."
            )
        if missing := [name for name in names if not self.options.get(name)]:
            raise self.document.error(self.line, f"`{self.name}` needs the option {', '.join(missing)}.")

    def parts(self) -> tuple[str, str, int]:
        """Returns the two parts of the body around a `---` line, and the line where the second begins."""
        first, rule, second = self.body.partition("\n---\n")
        if not rule or not second.strip():
            raise self.document.error(self.line, f"`{self.name}` has two parts with a line `---` between them.")
        return first, second, self.body_line + first.count("\n") + 2
