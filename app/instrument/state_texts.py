"""Values of settings from texts, as addresses, presets and directives write them, and the sentences for wrong ones."""

from __future__ import annotations

import re
from typing import Any

import param

from diffusion_lab.app.instrument.vocabulary import current_value

#: Numbers in ASCII digits. Python's `int` and `float` also read 1_000 and other scripts' digits; JavaScript does not.
WHOLE = re.compile(r"[-+]?\d{1,20}", re.ASCII)
NUMBER = re.compile(r"[-+]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})(e[-+]?\d{1,3})?", re.ASCII | re.IGNORECASE)

#: Characters of a wrong value or name that a sentence shows, and sentences that are shown at once.
SHOWN = 60
SENTENCES = 5


def value_of(name: str, p: param.Parameter, text: str) -> Any:
    """The value of the setting `name`, with the Param `p`, that a text means. Raises ValueError if it means none."""
    value: Any = text
    word = text.strip() if len(text) <= SHOWN else ""
    if isinstance(p, param.Boolean):
        value = {"true": True, "1": True, "false": False, "0": False}.get(word.lower())
    elif isinstance(p, param.Selector):
        value = current_value(name, word)
    elif isinstance(p, param.Number):
        whole = isinstance(p, param.Integer)
        if not (WHOLE if whole else NUMBER).fullmatch(word):
            raise ValueError(f"{shortened(text)} is no number")
        value = int(word) if whole else float(word)
    elif not re.fullmatch(p.regex, text):  # Param's own check lets a line break at the end pass
        raise ValueError(f"{shortened(text)} does not match")
    p._validate(value)
    return value


def allowed(p: param.Parameter) -> str:
    """The values that a setting accepts, in words."""
    if isinstance(p, param.Boolean):
        return "true or false"
    if isinstance(p, param.Selector):
        return "one of " + ", ".join(map(str, p.objects))
    if isinstance(p, param.Number):
        low, high = p.bounds
        return f"{'a whole number' if isinstance(p, param.Integer) else 'a number'} from {low} to {high}"
    return f"a text that matches {p.regex}"


def shortened(text: str) -> str:
    """A text of any length in at most `SHOWN` characters."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def few(sentences: list[str]) -> list[str]:
    """The first `SENTENCES` sentences, and how many more there are."""
    more = len(sentences) - SENTENCES
    return sentences if more <= 0 else [*sentences[:SENTENCES], f"There are {more} more such problems."]
