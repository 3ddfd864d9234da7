"""The front panel's template. The browser gets it as Python: compiling it there is a sixth of an instrument's start."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

TEMPLATES = Path(__file__).parent / "templates"
NAME = "front_panel.html"
SOURCE = jinja2.FileSystemLoader(TEMPLATES)

#: Where the browser has the template as Python, below `TEMPLATES`.
COMPILED = "compiled"


@cache
def front_panel_template() -> jinja2.Template:
    """The template, from whichever of the two there is."""
    return _environment(jinja2.ChoiceLoader([SOURCE, jinja2.ModuleLoader(TEMPLATES / COMPILED)])).get_template(NAME)


def compile_template(folder: Path) -> Path:
    """Writes the template as a Python module into `folder`; returns its path."""
    _environment(SOURCE).compile_templates(folder, filter_func=lambda name: name == NAME, zip=None, ignore_errors=False)
    return folder / jinja2.ModuleLoader.get_module_filename(NAME)


def _environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
