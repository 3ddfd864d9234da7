# Runs in Pyodide: builds, links and moves every instrument through all options that it has, and writes which files
# that opened, those of the standard library too. What only a cell imports is not among them: cells wait for all packs.
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

from pyodide.ffi import to_js  # noqa: E402

from diffusion_lab.app.browser.lean_bokeh_panel import import_bokeh_and_panel  # noqa: E402

import_bokeh_and_panel()

from diffusion_lab.app.browser import worker_api  # noqa: E402
from diffusion_lab.app.instrument.discovery import instrument_names  # noqa: E402

api = worker_api.WorkerApi()
api.connect(lambda *patch: None, lambda *output: None, lambda *left: None, lambda *edits: None)
for name in instrument_names():
    api.open(name, name, to_js({}), "light")
    api.link(name)
    live = api._instruments[name]
    component = live.component
    with live._turn():
        component.run()
        component.step()
        switches = {s: True for s in component.settings() if isinstance(getattr(component, s), bool)}
        component.param.update(theme="dark", **switches)
        for setting in component.settings():
            for option in getattr(component.param[setting], "objects", ()):
                component.param.update(**{setting: option})
                component.rest()
                component.csv()
        component.reset()

library = set()
for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if module.__name__ == "pyodide.common":  # of the package loader, too
        continue
    if getattr(module.__spec__, "origin", "") == "frozen" and module is not os:  # by `os.py` Python knows its library
        continue
    if path.startswith(ROOT):
        opened.add(path)
    elif path.startswith((STDLIB, ZIPPED)):
        library.add(path.removeprefix(STDLIB).removeprefix(ZIPPED).removesuffix("c") + "c")
used = {"site/" + path.removeprefix(ROOT) for path in opened if not path.endswith("/")}
used |= {"stdlib/" + path for path in library}
with open("/work/used.txt", "w") as file:
    file.write("\n".join(sorted(used)))
