# Runs in Pyodide: moves every instrument through all options that it has, then imports what cells need, and writes
# which files that opened, those of the standard library too: one line a file, "instruments" or "cells" and the path.
# What only a reader's own code imports is not among them: a cell waits for all packs.
import os
import sys

ROOT = "/work/compiled/site/"
STDLIB = "/work/compiled/stdlib/"
ZIPPED = "/lib/python314.zip/"  # the same as it was published, which Pyodide has started from
opened = set()


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(ROOT):
        opened.add(arguments[0])


# What Pyodide under Node has imported to unpack packages; the browser's does not, see `PACKAGE_LOADER`.
for name in list(sys.modules):
    if name.partition(".")[0] in ("bz2", "compression", "lzma", "shutil", "tempfile", "zipfile"):
        del sys.modules[name]
sys.addaudithook(watch)
sys.path[:0] = [ROOT, STDLIB]


def used():
    """Paths below `compiled` of everything that has been opened or imported by now."""
    paths = set(opened)
    library = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        if module.__name__ == "pyodide.common":  # of the package loader, too
            continue
        if (
            getattr(module.__spec__, "origin", "") == "frozen" and module is not os
        ):  # Python finds its library by `os.py`
            continue
        if path.startswith(ROOT):
            paths.add(path)
        elif path.startswith((STDLIB, ZIPPED)):
            library.add(path.removeprefix(STDLIB).removeprefix(ZIPPED).removesuffix("c") + "c")
    found = {"site/" + path.removeprefix(ROOT) for path in paths if not path.endswith("/")}
    return found | {"stdlib/" + path for path in library}


import js  # noqa: E402
from pyodide.ffi import to_js  # noqa: E402

from diffusion_lab.app.browser import on_demand_imports, worker_api  # noqa: E402, F401
from diffusion_lab.app.instrument.discovery import instrument_names  # noqa: E402

js.labWeights = lambda *_: None  # the weights lie in the tree
api = worker_api.WorkerApi()
ways_out = [lambda *message: None] * 5
api.connect(*ways_out)
for name in instrument_names():
    api.open(name, name, to_js({}), None)
    instrument = api._instruments[name].instrument
    instrument.answer()
    instrument.run()
    instrument.step()
    switches = {s: True for s in instrument.settings() if isinstance(getattr(instrument, s), bool)}
    instrument.param.update(**switches)
    for setting in instrument.settings():
        for option in getattr(instrument.param[setting], "objects", ()):
            instrument.param.update(**{setting: option})
            api.answer(name, 1e9)
            instrument.csv()
    instrument.reset()
by_instruments = used()

_ = api.cells
by_cells = used() - by_instruments
with open("/work/used.txt", "w") as file:
    for by, paths in (("instruments", by_instruments), ("cells", by_cells)):
        file.writelines(f"{by} {path}\n" for path in sorted(paths))
