"""Imports Bokeh without the signatures that it makes for documentation.

Each of its 440 models and 60 glyph methods gets one of all its properties, with defaults and docs, which takes three
quarters of the time of the import. Here a signature has the positional arguments only, which glyph methods need;
every keyword is taken as before.
"""

from __future__ import annotations

from inspect import Parameter

from bokeh.model import Model


def import_bokeh() -> None:
    """Imports `bokeh.plotting` and all models; what is imported later has full signatures."""
    full = Model.__dict__["parameters"]
    Model.parameters = classmethod(_positional)
    try:
        import bokeh.plotting  # noqa: F401
    finally:
        Model.parameters = full


def _positional(cls: type[Model]) -> list[tuple[Parameter, str, str | None]]:
    return [(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD), "", None) for name in cls._args]
