"""Every instrument's Bokeh figures: colours of both themes, and models that the page's first scripts have."""

from __future__ import annotations

import importlib.metadata
import json
import re

import pytest
from bokeh.document import Document
from bokeh.model import DataModel

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.theme import TOKENS
from diffusion_lab.app.instrument.view import InstrumentView, view_of

from .survey import (
    NAMES,
    fresh_view,
    made,
)

STATIC = ROOT / "static"


def colours(view: InstrumentView) -> list[str]:
    """Every colour that the models of the figures have now and that belongs to a theme."""
    found: list[str] = []
    for shown in view.figures.values():
        for model in shown.plot.references():
            for tag in model.tags:
                for property_name in tag["light"] if isinstance(tag, dict) else ():
                    value = getattr(model, property_name)
                    found += value if isinstance(value, list) else [value]
    return found


def test_the_figures_take_the_colours_of_their_theme(cls):
    switched, dark = view_of(made(cls)), view_of(cls(), theme="dark")
    only_light = set(TOKENS["light"].values()) - set(TOKENS["dark"].values())
    assert {colour[:7] for colour in colours(switched)} <= set(TOKENS["light"].values())
    assert colours(switched)
    switched.theme = "dark"
    assert not {colour[:7] for colour in colours(switched)} & only_light
    assert sorted(colours(switched)) == sorted(colours(dark))
    drawn = ["".join(figure_svg(shown.plot) for shown in view.figures.values()) for view in (dark, fresh_view(cls))]
    assert drawn[0] == drawn[1], "on the page its colours are the theme's variables: one SVG serves light and dark"
    switched.theme = "light"
    assert sorted(colours(switched)) == sorted(colours(fresh_view(cls)))


@pytest.mark.parametrize("name", NAMES)
def test_its_models_are_in_the_pages_first_scripts(name):
    document = Document()
    view_of(made(instrument_class(name))).server_doc(doc=document, location=False)
    own = {type(model).__name__ for model in document.models if isinstance(model, DataModel)}
    models = {str(type(model).__qualified_model__) for model in document.models} - own
    script = (STATIC / "js/bokeh/bokeh.js").read_text("utf-8")
    imports = re.findall(r"^import \{ (.*) \}", script, re.MULTILINE)
    assert {name.rpartition(".")[2] for name in models} <= {name for names in imports for name in names.split(", ")}


@pytest.mark.parametrize(("python", "npm"), [("bokeh", "@bokeh/bokehjs"), ("panel", "@holoviz/panel")])
def test_python_and_page_have_the_same_version(python, npm):
    lock = json.loads((STATIC / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][f"node_modules/{npm}"]["version"] == importlib.metadata.version(python)
