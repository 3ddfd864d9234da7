"""What can stand on an instrument's front panel: controls, read-outs, measures, legends, and pads over the picture.

`when="mode:reverse"` shows an item only while that Param has that value, `when="mode:clean|forward"` while it has one
of those, `when="show_field"` while it is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Slider:
    """A numeric Param: a thin slider and an editable read-out."""

    param: str
    symbol: str = ""
    unit: str = ""
    when: str = ""
    kind: str = "slider"


@dataclass(frozen=True)
class Choice:
    """A Selector Param as a row of options, of which one is on."""

    param: str
    when: str = ""
    kind: str = "choice"


@dataclass(frozen=True)
class Menu:
    """A Selector Param as a menu, where a row of options would be too long."""

    param: str
    when: str = ""
    kind: str = "menu"


@dataclass(frozen=True)
class Text:
    """A String Param as a text entry; the Param's `regex`, from ^ to $, is checked while typing.

    `example` stands in the empty entry. Where the text can be wrong in other ways, `Instrument.readings` gives what is
    wrong under "<param>_problem".
    """

    param: str
    example: str = ""
    when: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Toggles:
    """Boolean Params side by side."""

    params: tuple[str, ...]
    when: str = ""
    kind: str = "toggles"


@dataclass(frozen=True)
class Transport:
    """Run, play or pause, step, seed and reset; playing moves the Param `plays` from its low to its high bound."""

    run: str
    plays: str
    seconds: float
    seed: str = "seed"
    when: str = ""
    kind: str = "transport"


@dataclass(frozen=True)
class Readout:
    """One number or word in the row at the top, computed by `Instrument.readings`."""

    key: str
    label: str


@dataclass(frozen=True)
class Measure:
    """A measured value beside its true one: `readings` gives `key` and `key_true`.

    `beside` is the word before the second, for one that is not its truth: "±" before a standard error.
    """

    key: str
    label: str
    doc: str = ""
    kind: str = "measure"
    beside: str = "true"
    when: str = ""


@dataclass(frozen=True)
class Bars:
    """A row of bars, one a category, with a line at the true value `target`.

    `readings` gives the list `key` and, in words, the text `key_true`.
    """

    key: str
    label: str
    target: float
    full_scale: float
    doc: str = ""
    kind: str = "bars"
    when: str = ""


@dataclass(frozen=True)
class Legend:
    """A line sample and its meaning below the picture; shown while the Boolean Param `when` is true."""

    label: str
    colour: str
    when: str = ""


@dataclass(frozen=True)
class Handle:
    """A point of the picture that the reader moves by hand or arrow keys: two numeric Params, in data units."""

    x: str
    y: str
    label: str
    when: str = ""
    kind: str = "handle"


@dataclass(frozen=True)
class Brush:
    """Points that the reader draws on the picture, into one String Param.

    Each point is four base-36 digits, two for x and two for y, counted from the picture's lower left corner in
    1295ths of its width and height; later points stand behind earlier ones. "" is an empty picture.
    """

    param: str
    label: str
    max_points: int = 150
    when: str = ""
    kind: str = "brush"


@dataclass(frozen=True)
class FrontPanel:
    """The whole front panel of an instrument, in reading order."""

    readouts: Sequence[Readout] = ()
    controls: Sequence[Slider | Choice | Menu | Text | Toggles | Transport] = ()
    measures: Sequence[Measure | Bars] = ()
    legends: Sequence[Legend] = ()
    #: What is moved or drawn on the picture itself; needs `Instrument.figure_extent`.
    pads: Sequence[Handle | Brush] = ()
    #: The Param whose slider moves the picture before Python is there, through frames made at build time; "" for none.
    frames: str = ""
    #: What the chart below the measures shows; "" where there is none.
    chart: str = ""
