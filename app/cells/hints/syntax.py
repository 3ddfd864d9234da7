"""Hints for syntax errors: one for each common mistake of beginners."""

from __future__ import annotations

import re

#: Typographic characters, often from copied text → the Python characters to use instead.
SIGNS = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/"}
SIGNS |= {"≤": "<=", "≥": ">=", "≠": "!=", "²": "**2", "³": "**3"}

#: Pattern of Python's own message → hint; `{0}`, `{1}` are the pattern's groups.
MESSAGES: list[tuple[str, str]] = [
    (r"expected ':'", "A line that begins with `{word}` ends with a colon `:`."),
    (r"'(.)' was never closed", "The bracket `{0}` on line {line} has no partner that closes it."),
    (r"unmatched '(.)'", "This `{0}` closes a bracket that was never opened."),
    (
        r"closing parenthesis '(.)' does not match opening parenthesis '(.)'",
        "The bracket `{1}` is closed by `{0}`: each kind of bracket is closed by its own.",
    ),
    (r"unterminated triple-quoted string", "A text that begins with three quotes also ends with three."),
    (r"unterminated (f-)?string literal", "The text that begins here has no closing quote on the same line."),
    (r"f-string: expecting '}'|f-string: .*'\{' was never closed", "A `{{` inside an f-string needs its `}}`."),
    (
        r"Maybe you meant '==' or ':=' instead of '='|cannot assign to (?:comparison|True|False|None)",
        "`=` gives a name a value. To ask whether two things are equal, write `==`.",
    ),
    (
        r"cannot assign to (?:expression|literal|function call|attribute here|conditional expression)",
        "On the left of `=` stands a name, as in `x = 2`. To ask whether two things are equal, write `==`.",
    ),
    (
        r"expected an indented block after (.+?) on line (\d+)",
        "What belongs to the {0} of line {1} stands below it, four spaces further in.",
    ),
    (r"unexpected indent", "This line begins further to the right than the one above. Take the extra spaces away."),
    (
        r"unindent does not match",
        "This line begins between two levels. Give it as many spaces as the line that it belongs with.",
    ),
    (r"inconsistent use of tabs", "Tabs and spaces are mixed at the beginnings of lines. Use four spaces for a step."),
    (
        r"invalid decimal literal|invalid (?:hexa)?decimal literal",
        "A name cannot begin with a digit. If you multiply, write the sign, as in `2 * x`.",
    ),
    (r"leading zeros in decimal", "A whole number cannot begin with 0. Write `7` for `07`."),
    (r"Missing parentheses in call to '(\w+)'", "`{0}` is a function: write `{0}(...)` with parentheses."),
    (r"Perhaps you forgot a comma", "Between two values in brackets stands a comma."),
    (r"'(return|yield)' outside function", "`{0}` belongs inside a function. To show a value, make it the last line."),
    (r"'(break|continue)' outside loop|'(continue)' not properly in loop", "This belongs inside a loop."),
    (r"'await' outside function", "Cells run from top to bottom and need no `await`."),
    (
        r"positional argument follows keyword argument",
        "Arguments with a name, such as `size=3`, come after those without.",
    ),
    (r"keyword argument repeated: (\w+)", "`{0}` is given twice in one call."),
    (r"invalid non-printable character", "An invisible character has come in, perhaps by copying. Retype the line."),
    (r"Did you mean print\(", "`print` is a function: write `print(...)` with parentheses."),
    (
        r"unexpected EOF|unexpected end of file",
        "The code ends in the middle of something: a bracket or a block is open.",
    ),
    (r"unexpected character after line continuation", "A backslash `\\` can only be the very last sign of a line."),
]

#: Pattern of the reader's line → hint, for errors whose message is only “invalid syntax”.
LINES: list[tuple[str, str]] = [
    (r"\belse\s+if\b", "Python writes `elif` for `else if`."),
    (r"\+\+|--\s*$", "Python has no `++`: write `x += 1`."),
    (r"&&|\|\|", "Python writes `and` and `or` in words."),
    (r"!(?!=)\s*[\w(]", "Python writes `not` in words. Commands such as `!pip` cannot run in a page."),
    (r"^\s*%", "Lines that begin with `%` are for notebooks. Cells here are plain Python."),
    (r"^\s*(pip|conda)\s+install", "Nothing can be installed here. NumPy, Bokeh and Panel are there to be imported."),
    (r"=\s*=|=<|=>|<>", "Comparisons are written `==`, `<=`, `>=` and `!=`, without a space."),
    (r"=\s*$", "Something must stand on the right of `=`."),
    (r"[-+*/@%]\s*$", "The line ends with an operator: what follows it is missing."),
    (r"^\s*(class|def|if|for|while|with|elif|else|try)\b.*[^:]\s*$", "A line like this ends with a colon `:`."),
    (r"^\s*(lambda|class|from|import|pass|in|is|not|and|or)\s*=", "This word has a meaning of its own in Python."
     " Choose another name."),
]  # fmt: skip


def syntax_hint(error: SyntaxError, code: str) -> str | None:
    """Returns a hint of one or two sentences for a syntax error; None if no pattern matches."""
    message, line = error.msg or "", error.lineno or 0
    lines = code.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if message.startswith("invalid character") and (sign := re.search(r"'(.)'", message)):
        right = SIGNS.get(sign[1])
        advice = f"write `{right}` instead" if right else "Python has no use for it outside a text"
        return f"The sign {sign[1]} is not one of Python's: {advice}."
    if message == "expected ':'" and re.search(r"\belse\s+if\b", text):
        return "Python writes `elif` for `else if`."
    for pattern, hint in MESSAGES:
        if match := re.search(pattern, message):
            word = text.split()[0].rstrip(":(") if text.split() else ""
            return hint.format(*match.groups(), line=line, word=word)
    for pattern, hint in LINES:
        if re.search(pattern, text):
            return hint
    return None
