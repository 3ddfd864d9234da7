"""The front panel of an instrument: transport, readings and pads around the pictures.

Settings declare their own controls (`settings.Control`), layers their own legends (`scenes.Layer`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffusion_lab.app.instrument.conditions import Condition, When


@dataclass(frozen=True)
class Transport:
    """Run, play or pause, step, seed and reset.

    run: the word on the run button; plays: the setting that playing moves, from its low to its high bound in `seconds`,
    or view → setting: a view that is left out offers neither play nor step.
    """

    run: str
    plays: str | Mapping[str, str]
    seconds: float
    step: str = "One step forward"

    @property
    def films(self) -> dict[str, str]:
        """View → the setting that is played there; under "" where it is the same in all views."""
        return {"": self.plays} if isinstance(self.plays, str) else dict(self.plays)

    @property
    def condition(self) -> Condition:
        """Where something is played."""
        return Condition() if isinstance(self.plays, str) else Condition.of({"view": tuple(self.plays)})

    def played(self, view: str) -> str | None:
        """The setting that is played in a view; None where nothing is."""
        return self.plays if isinstance(self.plays, str) else self.plays.get(view)


@dataclass(frozen=True)
class Readout:
    """One reading in the row at the top; `format` is a format specification for its number.

    when: the states in which it has a value; it is hidden in others.
    """

    key: str
    label: str
    format: str = ""
    when: When = None


@dataclass(frozen=True)
class Measure:
    """A reading beside its truth, error or comparison.

    The instrument's reading is (value, value beside it), or one value. beside: the word before the second.
    """

    key: str
    label: str
    format: str = ""
    beside: str = "true"
    beside_format: str = ""
    doc: str = ""
    when: When = None
    kind: str = "measure"


@dataclass(frozen=True)
class CategoryBars:
    """A reading of several numbers, one bar each, with a line at the true value `target`; (numbers, words beside)."""

    key: str
    label: str
    target: float
    full_scale: float
    doc: str = ""
    when: When = None
    format: str = ".3f"
    kind: str = "bars"


#: As a format: the reading is a time in seconds, which differs from run to run.
DURATION = "duration"


@dataclass(frozen=True)
class Row:
    """A row of a `Table`: one measure, its format, its explanation, and when it is shown."""

    key: str
    label: str
    format: str = ""
    doc: str = ""
    when: When = None


@dataclass(frozen=True)
class Table:
    """Readings side by side: a row for each measure, a column for each thing that is compared.

    columns: key → heading. The reading of a cell is named after both, `near_gan` for the row `near`, column `gan`.
    """

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Row]

    @property
    def cells(self) -> list[Readout]:
        """The cells as read-outs, row by row."""
        return [
            Readout(f"{row.key}_{column}", f"{row.label}, {heading}", row.format, row.when)
            for row in self.rows
            for column, heading in self.columns.items()
        ]


@dataclass(frozen=True)
class Handle:
    """A point of the picture that the reader drags or moves with the arrow keys; sets two number settings."""

    x: str
    y: str
    label: str
    when: When = None
    kind: str = "handle"


@dataclass(frozen=True)
class Brush:
    """Points that the reader draws on the picture; written into one text setting.

    Each point is four base-36 digits, two for x and two for y, counted from the picture's lower left corner in
    1295ths of its width and height; later points are drawn over earlier ones. "" is an empty picture. own_points:
    whether points can be brought from a file or pasted, as for data.
    """

    setting: str
    label: str
    max_points: int = 150
    own_points: bool = True
    when: When = None
    kind: str = "brush"


@dataclass(frozen=True)
class Ellipses:
    """Gaussians that the reader makes on the picture: adds, moves, stretches, turns, weighs, deletes; a text setting.

    Each is twelve base-36 digits, two for each of x, y, standard deviation along and across, angle, weight: x and y as
    for `Brush`, the deviations from `sds[0]` to `sds[1]` data units, the angle from 0 to just below pi, the weight
    relative to the others. "" stands for `start`, which is shown until something is changed.
    """

    setting: str
    start: str
    label: str
    sds: tuple[float, float] = (0.05, 1.55)
    most: int = 8
    when: When = None
    kind: str = "ellipses"


@dataclass(frozen=True)
class Tap:
    """Lets the reader tap the picture; calls the instrument's `tap(x, y)` in data units."""

    label: str
    when: When = None
    kind: str = "tap"


@dataclass(frozen=True)
class Panel:
    """The front panel.

    frames: the setting whose slider moves the picture before Python is live; main: further settings whose controls are
    beside the picture on small screens, where the others are folded.
    """

    transport: Transport
    readouts: Sequence[Readout] = ()
    measures: Sequence[Measure | CategoryBars] = ()
    tables: Sequence[Table] = ()
    pads: Sequence[Handle | Brush | Ellipses | Tap] = ()
    frames: str = ""
    main: Sequence[str] = ("view",)

    @property
    def items(self) -> list[Readout | Measure | CategoryBars]:
        """All that shows a reading: read-outs, measures, and the cells of tables."""
        return [*self.readouts, *self.measures, *(cell for table in self.tables for cell in table.cells)]

    @property
    def durations(self) -> frozenset[str]:
        """Keys of the readings that are times: no two runs have the same."""
        return frozenset(item.key for item in self.items if isinstance(item, Readout) and item.format == DURATION)

    @property
    def main_settings(self) -> frozenset[str]:
        """Names of the settings whose controls stay beside the picture."""
        return frozenset({*self.main, self.frames, *self.transport.films.values()})
