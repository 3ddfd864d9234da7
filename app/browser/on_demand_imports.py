"""Imports whatever the first packs have left out: the pack `on_demand` is fetched when one of its modules is imported.

The first packs hold what a start and the instruments were seen to open. A module that was overlooked, or that a
reader's cell asks for, must come all the same, from anywhere in a call: so this waits for the download.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import js

#: Names of the modules of the pack, one a line; the build writes it beside the standard library.
NAMES = Path("/lib/python3.14/on_demand_modules.txt")


class OnDemandFinder:
    """The last finder on `sys.meta_path`."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """The module, after the pack has been unpacked; None for one that is not in it."""
        if name not in self._names or not js.labAddOnDemand():
            return None
        sys.path_importer_cache.clear()
        return PathFinder.find_spec(name, path)


def install() -> None:
    """From now on every module of the pack can be imported."""
    sys.meta_path.append(OnDemandFinder(frozenset(NAMES.read_text().split())))
