"""Formulas that were typeset are kept while KaTeX is the same. (What they look like: the browser's tests.)"""

from pathlib import Path

import pytest

from diffusion_lab.app.build import typeset
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.typeset import Formula, typeset_formulas


@pytest.fixture
def typed(monkeypatch) -> list[str]:
    """The formulas that KaTeX was given, in order."""
    typed: list[str] = []

    def katex(formulas: list[Formula]) -> dict[Formula, dict[str, str]]:
        typed.extend(tex for tex, _ in formulas)
        return {
            (tex, display): {"error": "no"} if "bad" in tex else {"html": f"<{tex} {display}>"}
            for tex, display in formulas
        }

    monkeypatch.setattr(typeset, "run_katex", katex)
    return typed


def build(folder: Path, *formulas: Formula) -> list[dict[str, str]]:
    results = typeset_formulas(formulas, BuildCache(folder))
    return [results[formula] for formula in formulas]


def test_each_formula_is_typeset_once(tmp_path, typed):
    first = build(tmp_path, ("x", False), ("y", False), ("x", False))
    assert first == [{"html": "<x False>"}, {"html": "<y False>"}, {"html": "<x False>"}]
    assert build(tmp_path, ("y", False), ("z", False)) == [{"html": "<y False>"}, {"html": "<z False>"}]
    assert typed == ["x", "y", "z"]


def test_a_displayed_formula_is_another(tmp_path, typed):
    assert build(tmp_path, ("x", False), ("x", True)) == [{"html": "<x False>"}, {"html": "<x True>"}]


def test_a_mistake_is_told_each_time(tmp_path, typed):
    assert build(tmp_path, ("bad", False)) == build(tmp_path, ("bad", False)) == [{"error": "no"}]
    assert typed == ["bad"]


def test_another_katex_typesets_all_again(tmp_path, typed, monkeypatch):
    build(tmp_path, ("x", False))
    package = tmp_path / "katex/package.json"
    package.parent.mkdir()
    package.write_text("another")
    monkeypatch.setattr(typeset, "NODE_MODULES", tmp_path)
    build(tmp_path, ("x", False))
    assert typed == ["x", "x"]


def test_the_script_that_calls_katex_counts(tmp_path, typed, monkeypatch):
    build(tmp_path, ("x", False))
    other = tmp_path / "other.mjs"
    other.write_text(typeset.SCRIPT.read_text() + "\n")
    monkeypatch.setattr(typeset, "SCRIPT", other)
    build(tmp_path, ("x", False))
    assert typed == ["x", "x"]


def test_katex_itself(tmp_path):
    inline, displayed, wrong = build(tmp_path, (r"\sigma_t", False), (r"\sigma_t", True), (r"\nonsense", False))
    assert "<math" in inline["html"]
    assert "katex-display" in displayed["html"]
    assert "katex-display" not in inline["html"]
    assert "Undefined control sequence" in wrong["error"]
