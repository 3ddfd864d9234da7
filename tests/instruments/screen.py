"""A test double of the page: it keeps what all answers of an instrument so far would show."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffusion_lab.app.instrument import Instrument
from diffusion_lab.app.instrument.answers import Answer


class Screen:
    """An instrument with everything that its answers have brought so far."""

    def __init__(self, cls: type[Instrument], **settings: Any) -> None:
        self.instrument: Any = cls(**settings)
        self.layers: dict[str, Any] = {}
        self.visible: dict[str, bool] = {}
        self.ranges: dict[str, Any] = {}
        self.texts: dict[str, str] = {}
        self.status = self.description = ""
        self.update()

    def update(self, seconds: float | None = None, **settings: Any) -> Answer:
        """Moves settings, and takes the next answer; without `seconds` that to all work."""
        self.instrument.param.update(**settings)
        return self.take(self.instrument.answer(seconds))

    def take(self, answer: Answer) -> Answer:
        """Shows what has changed."""
        self.layers |= answer.layers
        self.visible |= answer.visible
        self.ranges |= answer.ranges
        self.texts |= answer.texts
        self.status = answer.status or self.status
        self.description = answer.description or self.description
        return answer

    def points(self, layer: str = "plane.points") -> np.ndarray:
        """(N, 2): the places of a layer's points, or the starts of its segments."""
        return np.stack([self.layers[layer]["x"], self.layers[layer]["y"]], axis=1)

    def segments(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of a layer's segments, (M, 2) each."""
        return self.points(layer), np.stack([self.layers[layer]["x1"], self.layers[layer]["y1"]], axis=1)

    def everything(self) -> tuple[str, str, str]:
        """All that is on show, to compare."""
        columns = {f"{name} {key}": list(value) for name, c in self.layers.items() for key, value in c.items()}
        return repr(columns), repr(self.texts), self.description
