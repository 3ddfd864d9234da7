"""Packs, and what is up to date: the round trip of the format, and keys that change with what they stand for, only."""

import json
import struct
from pathlib import Path

import pytest

from diffusion_lab.app.build import python_packs
from diffusion_lab.app.build.python_packs import LEFT_OUT, write_pack

FILES = {
    "numpy/__init__.pyc": b"\x00\xffcode",
    "empty.txt": b"",
    "a/b/ä ö.json": b"{}",
    "big.bin": bytes(range(256)) * 300,
    "twice.bin": b"\x00\xffcode",
}


def read_pack(data: bytes) -> dict[str, bytes]:
    """The format by its own words: length of the index (uint32, little endian), index as JSON, contents."""
    (length,) = struct.unpack("<I", data[:4])
    index = json.loads(data[4 : 4 + length])
    contents = data[4 + length :]
    assert sum(size for _, _, size in index) == len(contents)
    return {path: contents[offset : offset + size] for path, offset, size in index}


def packed(tmp_path: Path, files: dict[str, bytes]) -> bytes:
    write_pack(tmp_path / "x.pack", list(files.items()))
    return (tmp_path / "x.pack").read_bytes()


def test_a_pack_holds_what_went_in(tmp_path):
    assert read_pack(packed(tmp_path, FILES)) == FILES


def test_an_empty_pack(tmp_path):
    assert packed(tmp_path, {}) == b"\x02\x00\x00\x00[]"


def test_a_pack_is_the_same_each_time(tmp_path):
    assert packed(tmp_path, FILES) == packed(tmp_path, FILES)


COMMON = "site/diffusion_lab/instruments/common"


@pytest.mark.parametrize(
    ("place", "needed_by", "packs"),
    [
        # What every start needs: three packs that do not depend on the instruments.
        ("stdlib/os.pyc", "base", "start"),
        ("site/numpy/used.so", "base", "core"),
        ("site/param/depends.pyc", "base cells instruments/ring", "core"),
        ("site/diffusion_lab/app/instrument/instrument.pyc", "base", "lab"),
        # What instruments need beside that: in the pack of each that does.
        (f"{COMMON}/mixtures.pyc", "instruments/ring instruments/flow", "instruments/flow instruments/ring cells"),
        ("site/diffusion_lab/instruments/ring/kernel.pyc", "instruments/ring", "instruments/ring"),
        ("site/diffusion_lab/instruments/ring/unused.pyc", "", "instruments/ring"),
        ("site/diffusion_lab/instruments/ring/kernel.pyc", "instruments/flow", "instruments/flow instruments/ring"),
        ("stdlib/fractions.pyc", "instruments/ring", "instruments/ring on_demand"),
        ("stdlib/fractions.pyc", "instruments/ring cells", "instruments/ring cells"),
        # What cells need, and all the rest of our own Python.
        ("site/bokeh/model.pyc", "cells", "cells"),
        (f"{COMMON}/unused.pyc", "", "cells"),
        ("site/diffusion_lab/instruments/__init__.pyc", "", "cells"),
        ("site/diffusion_lab/app/cells/hints/names.pyc", "", "cells"),
        ("site/panel/theme/css/unseen.css", "", "cells"),
        # The rest, except data that nothing has a use for.
        ("site/bokeh/unused.pyc", "", "on_demand"),
        ("site/panel/theme/unseen.json", "", "on_demand"),
        ("site/panel/template/unseen.css", "", "on_demand"),
        ("site/numpy/unseen.html", "", "on_demand"),
        ("site/numpy/unused.so", "", "on_demand"),
        ("stdlib/turtle.pyc", "", "on_demand"),
        ("stdlib/unseen.html", "", "on_demand"),
    ],
)  # fmt: skip
def test_which_packs_a_file_goes_to(place, needed_by, packs):
    assert python_packs._packs_of(place, set(needed_by.split())) == packs.split()


USED = """\
base stdlib/os.pyc
base site/numpy/core.so
base site/diffusion_lab/app/__init__.pyc
instruments/ring site/diffusion_lab/instruments/common/mixtures.pyc
instruments/flow site/diffusion_lab/instruments/common/mixtures.pyc
instruments/ring site/diffusion_lab/instruments/ring/kernel.pyc
instruments/ring stdlib/fractions.pyc
cells stdlib/fractions.pyc
cells site/bokeh/model.pyc
"""


@pytest.fixture
def compiled(tmp_path, monkeypatch) -> Path:
    """A tree in which each file holds its own place, and what was seen to be used of it."""
    monkeypatch.setattr(python_packs, "instrument_names", lambda: ["flow", "ring"])
    (tmp_path / "used.txt").write_text(USED)
    places = [line.split()[1] for line in USED.splitlines()]
    for place in [
        *places,
        "stdlib/turtle.pyc",
        "site/diffusion_lab/instruments/ring/weights.npz",
        "site/numpy/rare.so",
    ]:
        (tmp_path / "compiled" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "compiled" / place).write_bytes(place.encode())
    return tmp_path


def test_every_file_is_in_the_packs_of_those_who_need_it(compiled):
    python_packs._pack(compiled)
    packs = {
        path.relative_to(compiled).as_posix().removesuffix(".pack"): read_pack(path.read_bytes())
        for path in compiled.rglob("*.pack")
    }
    lab = "site-packages/diffusion_lab"
    mixtures = f"{lab}/instruments/common/mixtures.pyc"
    assert {name: sorted(pack) for name, pack in packs.items()} == {
        "start": ["on_demand_modules.txt", "os.pyc"],
        "core": ["site-packages/numpy/core.so"],
        "lab": [f"{lab}/app/__init__.pyc"],
        "instruments/ring": ["fractions.pyc", mixtures, f"{lab}/instruments/ring/kernel.pyc"],
        "instruments/flow": [mixtures],
        "cells": ["fractions.pyc", "site-packages/bokeh/model.pyc", mixtures],
        "on_demand": ["site-packages/numpy/rare.so", "turtle.pyc"],
    }  # fmt: skip
    assert packs["lab"][f"{lab}/app/__init__.pyc"] == b"site/diffusion_lab/app/__init__.pyc"
    assert packs["core"]["site-packages/numpy/core.so"] == b"", "the browser compiles it while it arrives"
    assert packs["on_demand"]["site-packages/numpy/rare.so"] != b""


def test_modules_that_come_later_are_named_with_their_packs(compiled):
    python_packs._pack(compiled)
    listed = read_pack((compiled / "start.pack").read_bytes())["on_demand_modules.txt"].decode().splitlines()
    assert listed == [
        "bokeh.model cells",
        "diffusion_lab.instruments.common.mixtures cells",
        "fractions cells",
        "numpy.rare on_demand",
        "turtle on_demand",
    ]


def test_names_of_the_modules_of_a_pack():
    paths = ["json/tool.pyc", "turtle.pyc", "site-packages/numpy/fft/__init__.pyc", "site-packages/numpy/fft/_p.cpy.so"]
    files = [(path, b"") for path in [*paths, "site-packages/panel/x.css"]]
    assert python_packs._modules(files) == ["json.tool", "numpy.fft", "numpy.fft._p", "turtle"]


# --- keys ------------------------------------------------------------------------------------------------------------

SOURCE = '''"""Words."""
import math
from a.b import c as d


def f():
    import json
    return math.pi
'''


def imports_key(tmp_path: Path, source: str, name: str = "app/x.py") -> str:
    path = tmp_path / "x.py"
    path.write_text(source)
    return python_packs._imports_key({f"diffusion_lab/{name}": path})


@pytest.mark.parametrize(
    "change",
    [
        ("math.pi", "math.e + 1"),
        ('"""Words."""', '"""Other words.\n\nAnd more of them."""'),
        ("\n\n\ndef f", "\nx = 1\n\n\ndef f"),
        ("return", "print(1)\n    return"),
    ],
)
def test_the_key_of_imports_stays_while_imports_do(tmp_path, change):
    assert imports_key(tmp_path, SOURCE.replace(*change)) == imports_key(tmp_path, SOURCE)


@pytest.mark.parametrize(
    "change",
    [
        ("import math", "import cmath"),
        ("import math", "import math as m"),
        ("import math", "import math, os"),
        ("a.b", "a.e"),
        ("c as d", "c"),
        ("import json", "pass"),
        ("from a.b", "from .a.b"),
    ],
)
def test_the_key_of_imports_changes_with_them(tmp_path, change):
    assert imports_key(tmp_path, SOURCE.replace(*change)) != imports_key(tmp_path, SOURCE)


def test_the_key_of_imports_changes_with_the_files(tmp_path):
    assert imports_key(tmp_path, SOURCE, "app/y.py") != imports_key(tmp_path, SOURCE)


def test_our_own_files_count_by_content_and_installed_ones_by_size_and_time(tmp_path, monkeypatch):
    import os

    def key(path: Path, text: str, when: int) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(when, when))
        return python_packs._key([path])

    monkeypatch.setattr(python_packs, "ROOT", tmp_path)
    own, installed = tmp_path / "app/x.py", tmp_path / "static/node_modules/x.js"
    assert key(own, "a", 10) == key(own, "a", 20)
    assert key(own, "a", 10) != key(own, "b", 10)
    assert key(installed, "a", 10) == key(installed, "b", 10)
    assert key(installed, "a", 10) != key(installed, "a", 20)
    assert key(installed, "a", 10) != key(installed, "ab", 10)


# --- the lab's own files, compiled one by one -------------------------------------------------------------------------


class Compiler:
    """Stands for Pyodide: "compiles" what lies in the tree."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.compiled: list[str] = []

    def run(self, name: str) -> None:
        assert name == "compile_tree.py"
        for path in sorted((self.out / "tree").rglob("*.py")):
            inside = path.relative_to(self.out / "tree").as_posix()
            self.compiled.append(inside.removeprefix("site/"))
            target = self.out / "compiled" / f"{inside}c"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"code of " + path.read_bytes())


@pytest.fixture
def own(tmp_path) -> dict[str, Path]:
    sources = {"lab/a.py": "a", "lab/b.py": "b", "lab/c.css": "c"}
    for inside, text in sources.items():
        (tmp_path / "checkout" / inside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / inside).write_text(text)
    return {inside: tmp_path / "checkout" / inside for inside in sources}


def compile_own(tmp_path: Path, own: dict[str, Path]) -> tuple[bool, list[str], dict[str, bytes]]:
    """A build's part: whether anything had changed, what was compiled, and what there is then."""
    out = tmp_path / "runtime"
    compiler, digests = Compiler(out), python_packs._digests(own)
    changed = python_packs._compile_own(out, own, digests, lambda _: None, compiler)
    (out / "own.json").write_text(json.dumps(digests))
    site = out / "compiled/site"
    there = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    return changed, compiler.compiled, there


def test_all_are_compiled_once(tmp_path, own):
    there = {"lab/a.pyc": b"code of a", "lab/b.pyc": b"code of b", "lab/c.css": b"c"}
    assert compile_own(tmp_path, own) == (True, ["lab/a.py", "lab/b.py"], there)
    assert compile_own(tmp_path, own) == (False, [], there)


def test_only_what_changed_is_compiled_again(tmp_path, own):
    compile_own(tmp_path, own)
    own["lab/b.py"].write_text("B")
    changed, compiled, there = compile_own(tmp_path, own)
    assert (changed, compiled) == (True, ["lab/b.py"])
    assert (there["lab/a.pyc"], there["lab/b.pyc"]) == (b"code of a", b"code of B")


def test_what_is_no_python_needs_no_compiler(tmp_path, own):
    compile_own(tmp_path, own)
    own["lab/c.css"].write_text("C")
    changed, compiled, there = compile_own(tmp_path, own)
    assert (changed, compiled, there["lab/c.css"]) == (True, [], b"C")


def test_what_is_gone_goes(tmp_path, own):
    compile_own(tmp_path, own)
    del own["lab/b.py"], own["lab/c.css"]
    changed, compiled, there = compile_own(tmp_path, own)
    assert (changed, compiled, set(there)) == (True, [], {"lab/a.pyc"})


def test_what_a_broken_build_left_is_not_compiled(tmp_path, own):
    (tmp_path / "runtime/tree/site/lab").mkdir(parents=True)
    (tmp_path / "runtime/tree/site/lab/left.py").write_text("left")
    assert "lab/left.pyc" not in compile_own(tmp_path, own)[2]


def test_a_pack_is_a_new_file(tmp_path):
    """The last site may have the old one by a link."""
    packed(tmp_path, FILES)
    (tmp_path / "linked.pack").hardlink_to(tmp_path / "x.pack")
    before = (tmp_path / "linked.pack").read_bytes()
    packed(tmp_path, {})
    assert (tmp_path / "linked.pack").read_bytes() == before


# --- what goes in ----------------------------------------------------------------------------------------------------


def test_what_readers_need_goes_in():
    own = set(python_packs._own_files())
    assert {
        "diffusion_lab/app/instrument/instrument.py",
        "diffusion_lab/app/browser/worker_api.py",
        "diffusion_lab/static/js/page/front_panel.js",
        "diffusion_lab/instruments/ring/kernel.py",
    } < own


def test_the_compiler_of_pages_stays_at_home():
    own = set(python_packs._own_files())
    rooms = {path.split("/")[2] for path in own if path.startswith("diffusion_lab/app/")}
    assert rooms == {"__init__.py", "browser", "cells", "instrument"}
    assert not [path for path in own if "/node/" in path or "/tests/" in path]


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("bokeh/server/static/js/bokeh.min.js", True),
        ("bokeh/server/contexts.py", False),
        ("panel/dist/panel.min.js", True),
        ("panel/dist/css/loading.css", False),
        ("panel/tests/conftest.py", True),
        ("panel/widgets/slider.py", False),
        ("numpy/linalg/tests/test_linalg.py", True),
        ("numpy/f2py/crackfortran.py", True),
        ("numpy/testing/__init__.py", False),
    ],
)
def test_parts_that_never_run_in_a_page_stay_out(path, out):
    assert bool(LEFT_OUT.match(path)) is out


def test_panel_and_bokeh_bring_their_python():
    files = python_packs._third_party_files(Path("numpy.whl"))
    assert {"panel/custom.py", "bokeh/plotting/__init__.py", "param/parameterized.py", "yaml/__init__.py"} < set(files)
    assert not [inside for inside in files if inside.endswith(python_packs.LEFT_OUT_ENDINGS) or inside.startswith("..")]
    assert all(path.is_file() for path in files.values())
