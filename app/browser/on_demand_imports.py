"""Imports modules that the first packs leave out: a pack is downloaded when one of its modules is first imported.

The first packs hold what the instruments were seen to open. A module that was overlooked, or that a reader's cell asks
for, must come all the same, from anywhere in a call: so this import waits for the download.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import js

#: Module and pack, one pair a line; the build writes it beside the standard library.
NAMES = Path("/lib/python3.14/on_demand_modules.txt")


#: A module of an instrument: all of these are in the instrument's own pack.
INSTRUMENT = re.compile(r"diffusion_lab\.instruments\.(?!common\b)(\w+)")


class OnDemandFinder:
    """The last finder on `sys.meta_path`; `packs`: module → the pack that holds it."""

    def __init__(self, packs: Mapping[str, str]) -> None:
        self._packs = packs

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """The module, after its pack has been unpacked; None for one that no pack holds or that is there already."""
        of_instrument = INSTRUMENT.match(name)
        pack = f"instruments/{of_instrument[1]}" if of_instrument else self._packs.get(name)
        if pack is None or not js.labAddPack(pack):
            return None
        sys.path_importer_cache.clear()
        return PathFinder.find_spec(name, path)


def install() -> None:
    """From now on every module of these packs can be imported."""
    pairs = [line.split() for line in NAMES.read_text().splitlines()]
    sys.meta_path.append(OnDemandFinder(dict(pairs)))
