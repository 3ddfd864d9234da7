"""What an instrument says of itself for tests: `instruments/NAME/examples.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from diffusion_lab.app.build.setup_steps import ROOT


@cache
def examples(name: str) -> dict[str, Any]:
    """Text settings (`texts`) and changes to editable functions (`edits`); both may be missing."""
    return tomllib.loads((ROOT / f"instruments/{name}/examples.toml").read_text("utf-8"))
