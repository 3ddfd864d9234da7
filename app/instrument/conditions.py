"""Conditions: when a control, a reading, a legend or a layer is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: How an author writes a condition: `"show_field"`, or settings with the values that they may have.
When = str | Mapping[str, Any] | None


@dataclass(frozen=True)
class Condition:
    """Settings that must each have one of the listed values; values are compared as texts ("true", "reverse", "3")."""

    allowed: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, when: When) -> Condition:
        """Parses `when`: a switch's name, or a mapping of setting → value or tuple of values; None always holds."""
        if isinstance(when, Condition):
            return when
        if when is None:
            return cls()
        if isinstance(when, str):
            when = {when: True}
        return cls(
            tuple(
                (name, tuple(as_text(v) for v in (values if isinstance(values, tuple | list) else (values,))))
                for name, values in when.items()
            )
        )

    def met(self, settings: Any) -> bool:
        """Whether the condition holds for the attributes of `settings`."""
        return all(as_text(getattr(settings, name)) in values for name, values in self.allowed)

    @property
    def markup(self) -> str:
        """The condition as the page reads it: `view:flow|pairs;show_paths:true`, "" for one that always holds."""
        return ";".join(f"{name}:{'|'.join(values)}" for name, values in self.allowed)

    def __bool__(self) -> bool:
        return bool(self.allowed)


def as_text(value: Any) -> str:
    """A setting's value as text, as addresses, presets and conditions write it: the same number when it is read."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isclose(float(short := f"{value:.6g}"), value, rel_tol=1e-12):
        return short  # 0.3 for 0.30000000000000004
    return str(value)
