"""The vocabulary of this instrument, the words given by the reader, and its two models of a text.

The exact model is a word chain of order two with back-off, fitted to the corpus, whose posteriors given any revealed
words come from forward-backward. The learned one is a small transformer, trained only on texts of that chain
(`fit.py`), so that its error is known exactly.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.masked.chains import MASK, Chain, Tokens
from diffusion_lab.instruments.common.masked.decoding import Model
from diffusion_lab.instruments.common.networks import Transformer, softmax
from diffusion_lab.instruments.unmask.corpus import SENTENCES

Array = NDArray[np.float64]

DELTA = 0.1
"""Smoothing: a tenth of Witten & Bell's; about 4 % of all words follow one that they never follow in the corpus."""

LEAST = 3
"""Pairs with at least this many occurrences have a separate state: 110 pairs and 68 words, 178 states."""

STOP = "."

SHOWN_PROBLEMS = 3
"""Invalid entries of the given words that are explained at once."""

LINES: tuple[tuple[str, ...], ...] = tuple(tuple(line.split()) for line in SENTENCES.strip().splitlines())
VOCABULARY: tuple[str, ...] = tuple(sorted({word for line in LINES for word in line}))
TOKEN: dict[str, int] = {word: token for token, word in enumerate(VOCABULARY)}

WEIGHTS = Path(__file__).with_name("weights.npz")


# --- the two models --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def word_model() -> Chain:
    """The exact model over `VOCABULARY`, each sequence beginning a sentence."""
    sentences = [[TOKEN[word] for word in line] for line in LINES]
    return Chain.fit(sentences, len(VOCABULARY), TOKEN[STOP], DELTA, LEAST)


@lru_cache(maxsize=1)
def network() -> Transformer:
    """The learned model's network, with the weights from `fit.py`."""
    with np.load(WEIGHTS) as weights:
        return Transformer.of(weights)


def posterior(x: Tokens) -> Array:
    """p(x_i | revealed) of the word model, (B, n, V) from (B, n): one full pass for each row."""
    return word_model().posterior(x)[0]


def learned(x: Tokens) -> Array:
    """The network's estimate of p(x_i | revealed), (B, n, V) from (B, n); meaningless where x is revealed."""
    return softmax(network().logits(x).astype(np.float64))


MODELS: Mapping[str, Model] = {"exact": lambda x: posterior(x), "learned": learned}


# --- words and tokens ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def known_pairs() -> NDArray[np.bool_]:
    """(V, V): which word follows which somewhere in the corpus, a full stop before each sentence."""
    known = np.zeros((len(VOCABULARY),) * 2, bool)
    for line in LINES:
        tokens = [TOKEN[word] for word in (STOP, *line)]
        known[tokens[:-1], tokens[1:]] = True
    return known


def sequence(length: int, pins: Mapping[int, str]) -> Tokens:
    """`length` masks (n,), except words given by position from 1; raises ValueError for a word that is not allowed."""
    x = np.full(length, MASK, np.int64)
    for position, word in pins.items():
        require(1 <= position <= length, f"a pinned position must be from 1 to {length}", position)
        require(word in TOKEN, "a pinned word must be of the vocabulary", repr(word))
        x[position - 1] = TOKEN[word]
    return x


def text(x: Tokens) -> str:
    """Tokens (n,) as words, a mask as an underscore."""
    return " ".join("_" if token == MASK else VOCABULARY[token] for token in x.tolist())


Pins = tuple[tuple[int, str], ...]
"""Words that are given, each with its position from 1, in order."""


def read_pins(typed: str, length: int) -> tuple[Pins, str]:
    """Parse the text of a reader, "6:captain 14:letter", into words with positions and sentences about invalid entries.

    Commas and spaces separate entries. Of two words at one position the later counts. The problems are "", or one
    sentence for each of the first SHOWN_PROBLEMS invalid entries, and the number of the others; valid entries are used.
    """
    pins: dict[int, str] = {}
    problems = []
    for entry in _entries(typed.lower()):
        place, colon, word = entry.partition(":")
        if not (colon and place.isdecimal() and word):
            problems.append(f"“{entry}” must be a place and a word, like 6:captain.")
        elif not 1 <= int(place) <= length:
            problems.append(f"“{word}” has no place {place} in {length} words.")
        elif word not in TOKEN:
            near = get_close_matches(word, VOCABULARY, n=3, cutoff=0.5)
            problems.append(f"“{word}” is not a word of the corpus{'; near it: ' + ', '.join(near) if near else ''}.")
        else:
            pins[int(place)] = word
    more = len(problems) - SHOWN_PROBLEMS
    shown = [*problems[:SHOWN_PROBLEMS], f"{more} more cannot be used."] if more > 0 else problems
    return tuple(sorted(pins.items())), " ".join(shown)


def with_pin(typed: str, position: int, word: str) -> str:
    """The typed text with `word` at a position, "" for none; all other entries stay, also invalid ones."""
    entries = [entry for entry in _entries(typed) if _place(entry) != position]
    return " ".join(sorted([*entries, *([f"{position}:{word}"] if word else [])], key=_place))


def _entries(typed: str) -> list[str]:
    return typed.replace(",", " ").split()


def _place(entry: str) -> int:
    """The position that an entry names, 99 where it names none."""
    place = entry.partition(":")[0]
    return int(place) if place.isdecimal() else 99
