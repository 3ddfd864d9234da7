# Runs in Pyodide: traces the files that a start, each instrument and the cells open. It imports the modules of a start,
# sets every instrument to each of its options, then imports the modules of cells. It writes one line a file: "base",
# "instruments/NAME" or "cells", then the path. Modules that only a reader's own code imports are not listed.
import builtins
import importlib
import importlib.util
import os
import sys

ROOT = "/work/compiled/site/"
STDLIB = "/work/compiled/stdlib/"
ZIPPED = "/lib/python314.zip/"  # the published standard library, from which Pyodide has started

# Pyodide under Node has imported these to unpack packages; the browser's does not (see `PACKAGE_LOADER`).
UNPACKING = {"bz2", "compression", "lzma", "shutil", "tempfile", "zipfile"}
# It has imported these for its event loop; the browser's imports a part of them (see `lazy_asyncio.py`).
LOOP = {"asyncio", "base64", "locale", "selectors", "signal", "socket", "ssl", "_ssl", "subprocess"}
# `zipfile` imports this codec for the names inside a file of weights, once: the trace sees it at the first such file.
NAMES_IN_ZIP = "encodings.cp437"
for name in list(sys.modules):
    if name.partition(".")[0] in UNPACKING | LOOP:
        del sys.modules[name]
sys.path[:0] = [ROOT, STDLIB]

opened = set()  # files that are no modules
imports = {}  # module → modules that it has imported, during its own import or later
asked = set()  # modules that have been imported, for the first time or again, since this set was cleared


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(ROOT):
        opened.add(arguments[0])


def note(importer, name):
    if name in sys.modules:
        imports.setdefault(importer, set()).add(name)
        asked.add(name)


def record_import(name, globals=None, locals=None, fromlist=(), level=0, original=builtins.__import__):
    module = original(name, globals, locals, fromlist, level)
    place = globals or {}
    package = place.get("__package__") or place.get("__name__", "").rpartition(".")[0]
    full = importlib.util.resolve_name("." * level + name, package) if level else name
    for imported in [full, *(f"{full}.{part}" for part in fromlist or ())]:
        note(place.get("__name__", ""), imported)
    return module


def record_import_module(name, package=None, original=importlib.import_module):
    module = original(name, package)
    note(sys._getframe(1).f_globals.get("__name__", ""), module.__name__)
    return module


class Watched(type(sys)):
    """A module that records each attribute read from it as used, even if another instrument has loaded it before."""

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        asked.add(value.__name__ if isinstance(value, type(sys)) else getattr(value, "__module__", None) or "")
        return value


def files_of(modules):
    """Returns the paths of modules below `compiled`."""
    found = set()
    for name in modules:
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None) or ""
        if module is None or name == "pyodide.common":  # only the package loader uses it
            continue
        # Frozen modules need no file, except `os`: Python finds its library by the place of `os.py`.
        if getattr(module.__spec__, "origin", "") == "frozen" and module is not os:
            continue
        if path.startswith(ROOT):
            found.add("site/" + path.removeprefix(ROOT))
        elif path.startswith((STDLIB, ZIPPED)):
            found.add("stdlib/" + path.removeprefix(STDLIB).removeprefix(ZIPPED).removesuffix("c") + "c")
    return found


def data_files():
    """Returns the paths of opened files that are no modules."""
    return {"site/" + path.removeprefix(ROOT) for path in opened if not path.endswith(("/", ".pyc", ".so", ".npz"))}


def needed(modules, base):
    """Returns these modules, their packages and everything that they import, without the modules in `base`."""
    found, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        while name:
            if name not in found and name not in base and name in sys.modules:
                found.add(name)
                waiting.extend(imports.get(name, ()))
            name = name.rpartition(".")[0]
    return found


sys.addaudithook(watch)
builtins.__import__ = record_import
importlib.import_module = record_import_module

import js  # noqa: E402

importlib.import_module("asyncio")  # as Pyodide's loop does when it starts in the browser
# Every instrument draws random numbers, and the trace cannot see imports between NumPy's compiled modules.
importlib.import_module("numpy.random")
from pyodide.ffi import to_js  # noqa: E402

from diffusion_lab.app.browser import on_demand_imports, worker_api  # noqa: E402, F401
from diffusion_lab.app.instrument.discovery import instrument_names  # noqa: E402

js.labWeights = lambda *_: None  # nothing to download: the weights are in the tree
api = worker_api.WorkerApi()
ways_out = [lambda *message: None] * 5
api.connect(*ways_out)
base = set(sys.modules)
for name, module in list(sys.modules.items()):  # modules that import their parts lazily
    if name.partition(".")[0] == "numpy" and "__getattr__" in vars(module):
        module.__class__ = Watched
used = {"base": files_of(base) | data_files()}
for name in instrument_names():
    asked.clear()
    opened_before, before = set(opened), data_files()
    api.open(name, name, to_js({}), to_js({}), False, None)
    instrument = api._instruments[name].instrument
    instrument.answer()
    instrument.run()
    instrument.step()
    switches = {s: True for s in instrument.settings() if isinstance(getattr(instrument, s), bool)}
    instrument.param.update(**switches)
    for setting in {"num_runs", "num_samples"} & set(instrument.settings()):  # fewer import the same
        instrument.param.update(**{setting: instrument.param[setting].bounds[0]})
    for setting in instrument.settings():
        chosen = getattr(instrument, setting)  # restored: in another view, say, later settings may have no effect
        for option in getattr(instrument.param[setting], "objects", ()):
            if str(option).isdigit():  # a number, such as that of the points, chooses no module
                continue
            instrument.param.update(**{setting: option})
            api.answer(name, 1e9)
            instrument.csv()
        instrument.param.update(**{setting: chosen})
    instrument.reset()
    if any(path.endswith(".npz") for path in opened - opened_before):
        asked.add(NAMES_IN_ZIP)
    used[f"instruments/{name}"] = files_of(needed(asked, base)) | (data_files() - before)
before = data_files()
_ = api.cells
used["cells"] = (files_of(sys.modules) | (data_files() - before)) - used["base"]
with open("/work/used.txt", "w") as file:
    for by, paths in used.items():
        file.writelines(f"{by} {path}\n" for path in sorted(paths))
