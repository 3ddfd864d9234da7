"""Downloads packs on demand: a pack is downloaded when one of its modules is first imported.

The first packs contain only the modules that the build's trace found. Other modules, such as those that a reader's cell
imports, must still be importable from any code. The import therefore blocks until the download is complete.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import js

#: A file with one line per module: module, pack. The build writes it beside the standard library.
NAMES = Path("/lib/python3.14/on_demand_modules.txt")


#: A module of an instrument; they are all in the instrument's own pack.
INSTRUMENT = re.compile(r"diffusion_lab\.instruments\.(?!common\b)(\w+)")


class OnDemandFinder:
    """The last finder on `sys.meta_path`; `packs`: module → the pack that holds it."""

    def __init__(self, packs: Mapping[str, str]) -> None:
        self._packs = packs

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Downloads the module's pack and finds it there; None if no pack has it or its pack is already loaded."""
        of_instrument = INSTRUMENT.match(name)
        pack = f"instruments/{of_instrument[1]}" if of_instrument else self._packs.get(name)
        if pack is None or not js.labAddPack(pack):
            return None
        sys.path_importer_cache.clear()
        return PathFinder.find_spec(name, path)


def install() -> None:
    """Adds the finder, so that every module of these packs can be imported."""
    pairs = [line.split() for line in NAMES.read_text().splitlines()]
    sys.meta_path.append(OnDemandFinder(dict(pairs)))
