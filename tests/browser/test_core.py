"""Pyodide's core as it was cut down for this site: Python has all that it has with the whole one."""

from __future__ import annotations

import zipfile
from typing import Any

from diffusion_lab.app.build.setup_steps import NODE_MODULES

IMPORT_ALL = """
import contextlib, importlib, io, sys, warnings

warnings.simplefilter("ignore")
failed = []
for name in sorted(sys.stdlib_module_names - {"antigravity", "idlelib", "this", "turtledemo"}):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name)
    except ModuleNotFoundError:
        failed.append(name)
print(*failed)
"""

COMPUTE = """
import ctypes, decimal, sqlite3, zlib
import numpy as np
from numpy.linalg import lapack_lite

a = np.array([[2.0, 1.0], [1.0, 3.0]])
print(np.linalg.det(a).round(12), np.linalg.eigvalsh(a).sum().round(12), np.linalg.solve(a, [1, 0]))
print(np.abs(np.fft.fft(np.ones(8)))[0], round(np.random.RandomState(0).rand(), 6))
print(np.polynomial.Polynomial([1, 2])(3))
print(zlib.decompress(zlib.compress(b"abc")), decimal.Decimal(2).sqrt(), ctypes.sizeof(ctypes.c_double))
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone(), np.exp.__doc__.strip()[:22])
"""


def test_every_module_of_the_standard_library_is_there(lab: Any) -> None:
    """But for those that Pyodide is published without."""
    with zipfile.ZipFile(NODE_MODULES / "pyodide/python_stdlib.zip") as archive:
        published = {name.partition("/")[0].removesuffix(".py") for name in archive.namelist()}
    lab.open()
    (printed,) = lab.run(lab.edit("dissolve", IMPORT_ALL))
    assert not set(printed.split()) & published
    assert {"msvcrt", "tkinter"} < set(printed.split()), "the check tells what is missing"


def test_what_is_compiled_computes(lab: Any) -> None:
    lab.open()
    assert "".join(lab.run(lab.edit("dissolve", COMPUTE))) == (
        "5.0 5.0 [ 0.6 -0.2]\n8.0 0.548814\n7.0\nb'abc' 1.414213562373095048801688724 8\n(42,) exp(x, /, out=None, *,\n"
    )
