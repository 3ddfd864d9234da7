"""The finder of modules that the first packs have left out, with a folder for the pack and a flag for the download."""

import importlib
import sys
import types

import pytest


@pytest.fixture
def finder(tmp_path, monkeypatch):
    """The finder, and how often it has asked for the pack."""
    asked = []

    def add_on_demand():
        asked.append(True)
        (tmp_path / "left_out.py").write_text("x = 1")
        return len(asked) == 1

    monkeypatch.setitem(sys.modules, "js", types.SimpleNamespace(labAddOnDemand=add_on_demand))
    monkeypatch.delitem(sys.modules, "diffusion_lab.app.browser.on_demand_imports", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    on_demand = importlib.import_module("diffusion_lab.app.browser.on_demand_imports")
    monkeypatch.setattr(
        sys, "meta_path", [*sys.meta_path, on_demand.OnDemandFinder(frozenset({"left_out", "never_there"}))]
    )
    yield asked
    for name in ("left_out", "diffusion_lab.app.browser.on_demand_imports"):
        sys.modules.pop(name, None)


def test_the_pack_is_fetched_for_its_own_modules_only(finder):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pandas_is_in_no_pack")
    assert not finder
    assert importlib.import_module("left_out").x == 1
    assert len(finder) == 1


def test_a_module_that_is_still_missing_is_missing(finder):
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="never_there"):
            importlib.import_module("never_there")
