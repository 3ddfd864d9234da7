"""Trimming Pyodide's core: what fails is said. That the trimmed core works is seen in a browser (`test_core.py`)."""

import pytest

from diffusion_lab.app.build.setup_steps import SetupError
from diffusion_lab.app.build.trim_pyodide import FILES, trim_core


def test_a_module_that_is_none_is_named(tmp_path):
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no WebAssembly")
    with pytest.raises(SetupError, match=r"app/build/node/trim_core\.mjs failed:\n(.|\n)*CompileError"):
        trim_core(tmp_path / "core", [broken])
    assert not [name for name in FILES if (tmp_path / "core" / name).exists()]
