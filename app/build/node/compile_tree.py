# Runs in Pyodide: compiles every .py below /work/tree to byte code in /work/compiled and copies the other files.
# Line numbers and the docstrings of third-party packages are removed, which saves 40 % of the bytes.
import importlib._bootstrap_external as bootstrap
import importlib.util
import os
import shutil
from types import CodeType

ROOTS = {"stdlib": "/lib/python3.14/", "site": "/lib/python3.14/site-packages/"}
OWN = "diffusion_lab"


def without_lines(code):
    """Returns the code, nested code included, without the table that maps instructions to lines."""
    constants = tuple(without_lines(value) if isinstance(value, CodeType) else value for value in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=b"")


def compiled(source, origin):
    own = OWN in origin  # a reader's cell may ask for `help` on the lab's own functions
    return without_lines(compile(source, origin, "exec", dont_inherit=True, optimize=0 if own else 2))


for root, dir_of_origin in ROOTS.items():
    for folder, _, names in os.walk(f"/work/tree/{root}"):
        inside = os.path.relpath(folder, f"/work/tree/{root}")
        target = os.path.normpath(f"/work/compiled/{root}/{inside}")
        os.makedirs(target, exist_ok=True)
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith(".py"):
                shutil.copyfile(path, os.path.join(target, name))
                continue
            with open(path, "rb") as file:
                source = file.read()
            code = compiled(source, dir_of_origin + os.path.normpath(os.path.join(inside, name)))
            # Unchecked hash-based byte code (PEP 552): the interpreter never looks for a source file beside it.
            data = bootstrap._code_to_hash_pyc(code, importlib.util.source_hash(source), False)
            with open(os.path.join(target, name + "c"), "wb") as file:
                file.write(data)
