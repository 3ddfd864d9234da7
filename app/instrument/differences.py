"""How two states of one instrument differ, in words: the name of a pinned copy."""

from __future__ import annotations

from typing import Any

import param

from diffusion_lab.app.instrument.instrument import Instrument


def differences(instrument: Instrument, here: Instrument) -> tuple[str, ...]:
    """Each setting of `instrument` that differs from that of `here`: "w = 3.0 (here 1.0)", "Data: moons (here ring)".

    Both are of one class. A setting without a control in either state (of a sampler that neither uses) is left out.
    """
    return tuple(
        _words(instrument, here, name)
        for name in instrument.settings()
        if getattr(instrument, name) != getattr(here, name)
        and any(instrument.param[name].control.when.met(state) for state in (instrument, here))
    )


def _words(instrument: Instrument, here: Instrument, name: str) -> str:
    p = instrument.param[name]
    if p.control.kind == "none":  # set on the picture, with no value that a reader knows
        return f"{p.label} differs"
    one, other = (_value(p, getattr(each, name)) for each in (instrument, here))
    if p.control.symbol:
        return f"{p.control.symbol} = {one} (here {other})"
    return f"{p.label}: {one} (here {other})"


def _value(p: param.Parameter, value: Any) -> str:
    """A value as the front panel shows it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.{len(str(p.step or '').partition('.')[2])}f}"
    return str(p.control.labels.get(value, value)) or "nothing"
