"""Hints for syntax errors: one for each common mistake of beginners."""

from __future__ import annotations

import re

#: Typographic characters, often from copied text → the Python characters to use instead.
SIGNS = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/"}
SIGNS |= {"≤": "<=", "≥": ">=", "≠": "!=", "²": "**2", "³": "**3"}

#: Pattern of Python's own message → hint; `{0}`, `{1}` are the pattern's groups.
MESSAGES: list[tuple[str, str]] = [
    (r"expected ':'", "A line that begins with `{word}` must end with a colon `:`."),
    (r"'(.)' was never closed", "The bracket `{0}` on line {line} is never closed."),
    (r"unmatched '(.)'", "This `{0}` closes a bracket that was never opened."),
    (
        r"closing parenthesis '(.)' does not match opening parenthesis '(.)'",
        "The bracket `{1}` is closed by `{0}`, which is another kind of bracket.",
    ),
    (r"unterminated triple-quoted string", "A text that begins with three quotes must end with three quotes."),
    (r"unterminated (f-)?string literal", "The text that begins here has no closing quote on the same line."),
    (r"f-string: expecting '}'|f-string: .*'\{' was never closed", "A `{{` inside an f-string needs a closing `}}`."),
    (
        r"Maybe you meant '==' or ':=' instead of '='|cannot assign to (?:comparison|True|False|None)",
        "`=` assigns a value. To test whether two values are equal, write `==`.",
    ),
    (
        r"cannot assign to (?:expression|literal|function call|attribute here|conditional expression)",
        "The left side of `=` must be a name, as in `x = 2`. To test whether two values are equal, write `==`.",
    ),
    (
        r"expected an indented block after (.+?) on line (\d+)",
        "The lines that belong to the {0} on line {1} must follow it, indented by four more spaces.",
    ),
    (r"unexpected indent", "This line is indented further than the line above. Remove the extra spaces."),
    (
        r"unindent does not match",
        "The indentation of this line matches no line above. Use the indentation of the block it belongs to.",
    ),
    (r"inconsistent use of tabs", "The indentation mixes tabs and spaces. Use four spaces for each level."),
    (
        r"invalid decimal literal|invalid (?:hexa)?decimal literal",
        "A name cannot begin with a digit. To multiply, write `*`, as in `2 * x`.",
    ),
    (r"leading zeros in decimal", "A whole number cannot begin with 0. Write `7` for `07`."),
    (r"Missing parentheses in call to '(\w+)'", "`{0}` is a function: write `{0}(...)` with parentheses."),
    (r"Perhaps you forgot a comma", "Values in brackets are separated by commas."),
    (
        r"'(return|yield)' outside function",
        "`{0}` can be used only inside a function. To show a value, write it as the last line.",
    ),
    (r"'(break|continue)' outside loop|'(continue)' not properly in loop", "This can be used only inside a loop."),
    (
        r"'await' outside (?:async )?function",
        "`await` can be used at top level or in a function that begins with `async def`.",
    ),
    (
        r"positional argument follows keyword argument",
        "Arguments with a name, such as `size=3`, come after those without.",
    ),
    (r"keyword argument repeated: (\w+)", "`{0}` is given twice in one call."),
    (
        r"invalid non-printable character",
        "The line contains an invisible character, perhaps from copied text. Type the line by hand.",
    ),
    (r"Did you mean print\(", "`print` is a function: write `print(...)` with parentheses."),
    (
        r"unexpected EOF|unexpected end of file",
        "The code ends before a bracket is closed or a block is complete.",
    ),
    (r"unexpected character after line continuation", "A backslash `\\` can only be the last character of a line."),
]

#: Pattern of the reader's line → hint, for errors whose message is only “invalid syntax”.
LINES: list[tuple[str, str]] = [
    (r"\belse\s+if\b", "Python writes `elif` for `else if`."),
    (r"\+\+|--\s*$", "Python has no `++`: write `x += 1`."),
    (r"&&|\|\|", "Python writes `and` and `or` in words."),
    (r"^\s*[!%]?\s*(pip|conda|apt|apt-get)\s+install", "Packages cannot be installed here. NumPy, Bokeh"
     " and Panel are here already: import them."),
    (r"^\s*!", "Lines that begin with `!` are commands for a shell, which a page does not have."),
    (r"!(?!=)\s*[\w(]", "Python writes `not` in words."),
    (r"^\s*%", "Lines that begin with `%` are for notebooks. Cells here are plain Python."),
    (r"=\s*=|=<|=>|<>", "Comparisons are written `==`, `<=`, `>=` and `!=`, without a space."),
    (r"=\s*$", "The value on the right of `=` is missing."),
    (r"[-+*/@%]\s*$", "The line ends with an operator; the value after it is missing."),
    (r"^\s*(class|def|if|for|while|with|elif|else|try)\b.*[^:]\s*$", "A line like this must end with a colon `:`."),
    (r"^\s*(lambda|class|from|import|pass|in|is|not|and|or)\s*=", "This word is a keyword of Python."
     " Choose another name."),
]  # fmt: skip


def syntax_hint(error: SyntaxError, code: str) -> str | None:
    """Returns a hint of one or two sentences for a syntax error; None if no pattern matches."""
    message, line = error.msg or "", error.lineno or 0
    lines = code.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if message.startswith("invalid character") and (sign := re.search(r"'(.)'", message)):
        right = SIGNS.get(sign[1])
        advice = f"write `{right}` instead" if right else "it is allowed only inside a text"
        return f"Python does not accept the character {sign[1]} here: {advice}."
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
