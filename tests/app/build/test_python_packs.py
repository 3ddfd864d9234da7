"""Packs: the round trip of the format, what goes in, and what is compiled, traced and packed again after a change."""

import json
import struct
from pathlib import Path

import pytest

from diffusion_lab.app.build import python_packs
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.python_packs import LEFT_OUT, packed

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


def test_a_pack_holds_what_went_in(tmp_path):
    (tmp_path / "file").write_bytes(b"from a file")
    assert read_pack(packed([*FILES.items(), ("file", tmp_path / "file")])) == {**FILES, "file": b"from a file"}


def test_an_empty_pack():
    assert packed([]) == b"\x02\x00\x00\x00[]"


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
def packs(tmp_path, monkeypatch) -> dict[str, dict[str, bytes]]:
    """The packs of a tree in which each file holds its own place, with the trace above."""
    monkeypatch.setattr(python_packs, "instrument_names", lambda: ["flow", "ring"])
    places = [line.split()[1] for line in USED.splitlines()]
    rest = ["stdlib/turtle.pyc", "site/diffusion_lab/instruments/ring/weights.npz", "site/numpy/rare.so"]
    tree = {place: place.encode() for place in [*places, *rest]}
    made = python_packs._packs(tree, python_packs._used(USED), BuildCache(tmp_path))
    return {name: read_pack(path.read_bytes()) for name, path in made.items()}


def test_every_file_is_in_the_packs_of_those_who_need_it(packs):
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


def test_a_deleted_instrument_in_a_reused_trace_has_no_pack(tmp_path, monkeypatch):
    monkeypatch.setattr(python_packs, "instrument_names", lambda: ["ring"])
    tree = {line.split()[1]: b"" for line in USED.splitlines()}
    packs = python_packs._packs(tree, python_packs._used(USED), BuildCache(tmp_path))
    assert packs.keys() == {*python_packs.PACKS, "instruments/ring"}


def test_modules_that_come_later_are_named_with_their_packs(packs):
    listed = packs["start"]["on_demand_modules.txt"].decode().splitlines()
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


# --- what is made again ----------------------------------------------------------------------------------------------

SOURCE = '''"""Words."""
import math
from a.b import c as d


def f():
    import json
    return math.pi
'''


class Pyodide:
    """Stands for Pyodide: "compiles" what lies in the tree, and notes it."""

    compiled: list[str]
    traced = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, name: str) -> None:
        if name == "trace_used.py":
            Pyodide.traced += 1
            assert (self.folder / "compiled/site/own.pyc").read_bytes() == b"own"
            (self.folder / "used.txt").write_text("base site/diffusion_lab/app/a.pyc\n")
            return
        for path in sorted((self.folder / "tree").rglob("*.py")):
            place = path.relative_to(self.folder / "tree").as_posix()
            Pyodide.compiled.append(place.removeprefix("site/diffusion_lab/"))
            target = self.folder / "compiled" / f"{place}c"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"code of " + path.read_bytes())

    def __enter__(self) -> "Pyodide":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def own(tmp_path, monkeypatch) -> dict[str, Path]:
    """The files of a small lab, of which one is no Python."""
    sources = {"app/a.py": SOURCE, "app/b.py": "b", "app/c.css": "c"}
    for inside, text in sources.items():
        (tmp_path / "checkout" / inside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / inside).write_text(text)
    files = {f"diffusion_lab/{inside}": tmp_path / "checkout" / inside for inside in sources}
    monkeypatch.setattr(python_packs, "_own_files", lambda: files)
    monkeypatch.setattr(python_packs, "NodePython", lambda folder=tmp_path / "mounted": Pyodide(folder))
    Pyodide.compiled, Pyodide.traced = [], 0
    return files


def compile_own(tmp_path: Path, warm: Pyodide | None = None) -> tuple[list[str], dict[str, bytes]]:
    """A build's part: what was compiled, and what there is then."""
    Pyodide.compiled = []
    tree = python_packs._own(BuildCache(tmp_path / "cache"), lambda _: None, warm)
    return Pyodide.compiled, {place.removeprefix("site/diffusion_lab/app/"): data for place, data in tree.items()}


def test_all_are_compiled_once(tmp_path, own):
    there = {"a.pyc": b"code of " + SOURCE.encode(), "b.pyc": b"code of b", "c.css": b"c"}
    assert compile_own(tmp_path) == (["app/a.py", "app/b.py"], there)
    assert compile_own(tmp_path) == ([], there)


def test_only_what_changed_is_compiled_again(tmp_path, own):
    compile_own(tmp_path)
    own["diffusion_lab/app/b.py"].write_text("B")
    compiled, there = compile_own(tmp_path, Pyodide(tmp_path / "mounted"))
    assert (compiled, there["b.pyc"]) == (["app/b.py"], b"code of B")
    own["diffusion_lab/app/b.py"].write_text("b")
    compiled, there = compile_own(tmp_path)
    assert (compiled, there["b.pyc"]) == ([], b"code of b")


def test_the_same_source_at_another_place_is_compiled_again(tmp_path, own):
    """Byte code has the path of its source."""
    compile_own(tmp_path)
    own["diffusion_lab/app/d.py"] = own["diffusion_lab/app/b.py"]
    assert compile_own(tmp_path)[0] == ["app/d.py"]


def test_another_compiler_compiles_all_again(tmp_path, own, monkeypatch):
    compile_own(tmp_path)
    other = tmp_path / "other.py"
    other.write_text("another compiler")
    monkeypatch.setattr(python_packs, "COMPILER", (other,))
    assert compile_own(tmp_path)[0] == ["app/a.py", "app/b.py"]


def test_what_is_no_python_needs_no_compiler(tmp_path, own):
    compile_own(tmp_path)
    own["diffusion_lab/app/c.css"].write_text("C")
    compiled, there = compile_own(tmp_path)
    assert (compiled, there["c.css"]) == ([], b"C")


def test_what_is_gone_goes(tmp_path, own):
    compile_own(tmp_path)
    del own["diffusion_lab/app/b.py"], own["diffusion_lab/app/c.css"]
    compiled, there = compile_own(tmp_path)
    assert (compiled, set(there)) == ([], {"a.pyc"})


def test_what_a_broken_build_left_is_not_compiled(tmp_path, own):
    (tmp_path / "mounted/tree/site/diffusion_lab").mkdir(parents=True)
    (tmp_path / "mounted/tree/site/diffusion_lab/left.py").write_text("left")
    assert compile_own(tmp_path)[0] == ["app/a.py", "app/b.py"]


def trace(tmp_path: Path, third_party: str = "key", *, reuse: bool = False) -> int:
    """A build's part: how often the lab has been traced since the test began."""
    cache = BuildCache(tmp_path / "cache")
    folder = tmp_path / "cache/third-party" / third_party / "compiled"
    assert python_packs._trace(folder, {"site/own.pyc": b"own"}, cache, lambda _: None, reuse=reuse)
    return Pyodide.traced


@pytest.mark.parametrize(
    "change",
    [
        ("math.pi", "math.e + 1"),
        ('"""Words."""', '"""Other words.\n\nAnd more of them."""'),
        ("\n\n\ndef f", "\nx = 1\n\n\ndef f"),
        ("return", "print(1)\n    return"),
    ],
)
def test_a_change_of_no_import_is_not_traced(tmp_path, own, change):
    assert trace(tmp_path) == 1
    own["diffusion_lab/app/a.py"].write_text(SOURCE.replace(*change))
    assert trace(tmp_path) == 1


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
def test_a_changed_import_is_traced_but_not_for_a_draft(tmp_path, own, change):
    assert trace(tmp_path) == 1
    own["diffusion_lab/app/a.py"].write_text(SOURCE.replace(*change))
    assert trace(tmp_path, reuse=True) == 1
    assert trace(tmp_path) == 2


def test_another_file_or_other_packages_are_traced(tmp_path, own):
    assert trace(tmp_path, reuse=True) == 1, "a draft too needs a trace"
    own["diffusion_lab/app/d.css"] = own["diffusion_lab/app/c.css"]
    assert trace(tmp_path) == 2
    assert trace(tmp_path, "other", reuse=True) == 3


def test_only_packs_with_a_changed_file_are_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(python_packs, "instrument_names", lambda: ["flow", "ring"])
    tree, used = {line.split()[1]: b"one" for line in USED.splitlines()}, python_packs._used(USED)
    before = python_packs._packs(tree, used, BuildCache(tmp_path))
    after = python_packs._packs({**tree, "stdlib/fractions.pyc": b"two"}, used, BuildCache(tmp_path))
    assert {name for name in before if before[name] != after[name]} == {"cells", "instruments/ring"}


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
    files = python_packs._third_party_files()
    assert {"panel/custom.py", "bokeh/plotting/__init__.py", "param/parameterized.py", "yaml/__init__.py"} < set(files)
    assert not [inside for inside in files if inside.endswith(python_packs.LEFT_OUT_ENDINGS) or inside.startswith("..")]
    assert all(path.is_file() for path in files.values())
