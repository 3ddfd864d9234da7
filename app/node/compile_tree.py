# Runs in Pyodide: compiles every .py below /work/tree to byte code in /work/compiled and copies the other files.
import importlib._bootstrap_external as bootstrap
import importlib.util
import os
import shutil

ROOTS = {"stdlib": "/lib/python314.zip/", "site": "/lib/python3.14/site-packages/"}

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
            origin = dir_of_origin + os.path.normpath(os.path.join(inside, name))
            code = compile(source, origin, "exec", dont_inherit=True, optimize=0)
            # Unchecked hash-based byte code (PEP 552): the interpreter never looks for a source file beside it.
            data = bootstrap._code_to_hash_pyc(code, importlib.util.source_hash(source), False)
            with open(os.path.join(target, name + "c"), "wb") as file:
                file.write(data)
