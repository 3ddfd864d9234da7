"""Every instrument's `examples.toml` fits its settings, functions, readings and layers."""

from __future__ import annotations

import re

import param

from diffusion_lab.app.instrument.editable import editable_functions, sources

from .survey import (
    examples_of,
    survey,
)


def test_examples_are_of_this_instrument(cls):
    """Their states have been parsed already; what an edit moves is seen in `browser/test_code_overrides.py`."""
    found = examples_of(cls)
    texts = {setting for setting in cls.settings() if isinstance(cls.param[setting], param.String)}
    assert set(found.texts) == texts
    assert all(re.fullmatch(cls.param[name].regex, text) for name, text in found.texts.items())
    code = {source["name"]: source["code"] for source in sources(cls)}
    assert set(code) == set(editable_functions(cls))
    readings = {key for seen in survey(cls) for key in seen.readings}
    layers = {f"{scene.name}.{layer}" for scene in cls.scenes().values() for layer in scene.layers}
    assert found.edits
    for edit in found.edits:
        assert code[edit.function].count(edit.find) == 1, "else an edit may change a docstring only"
        assert edit.find not in ("", edit.replace)
        assert edit.moves and set(edit.moves) <= readings | layers
    sliders = {s for s in cls.settings() if cls.param[s].control.kind in ("slider", "seed", "none")}
    assert found.drags
    assert {drag.setting for drag in found.drags} <= sliders
    assert len({drag.name for drag in found.drags}) == len(found.drags)
