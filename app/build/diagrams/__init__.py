"""The diagrams of the chapters: drawn by the build as SVG, in the colours of the page's theme.

Each diagram is a module of the folder `drawn`, called as the chapter calls it (`latent-diffusion` is in
`latent_diffusion.py`). It has `TITLE`, `WORDS` (what the picture says, for those who do not see it), `wide()` and
`narrow()`, the drawings for a page and for a phone.
"""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from types import ModuleType

from diffusion_lab.app.build.diagrams.drawing import Drawing
from diffusion_lab.app.build.rendered import ContentError, RenderedDiagram

DRAWN = Path(__file__).parent / "drawn"
LAYOUTS = ("wide", "narrow")


def diagram_names() -> list[str]:
    """Returns the names of all diagrams, in alphabetical order."""
    return sorted(path.stem.replace("_", "-") for path in DRAWN.glob("[a-z]*.py"))


def drawings(name: str) -> dict[str, Drawing]:
    """Draws both layouts of a diagram; raises `ContentError` for an unknown name."""
    module = _module(name)
    return {layout: getattr(module, layout)() for layout in LAYOUTS}


def draw(name: str) -> RenderedDiagram:
    """Returns a diagram as the page shows it; raises `ContentError` for an unknown name."""
    module = _module(name)
    title, words = module.TITLE, " ".join(module.WORDS.split())
    svgs = {layout: drawing.svg(f"diagram-{name}", layout, title, words) for layout, drawing in drawings(name).items()}
    return RenderedDiagram(title, words, svgs)


def _module(name: str) -> ModuleType:
    names = diagram_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        meant = f"did you mean `{near[0]}`? There" if near else "there"
        raise ContentError(f"There is no diagram `{name}`; {meant} is {', '.join(names)}.")
    return importlib.import_module(f"{__name__}.drawn.{name.replace('-', '_')}")
