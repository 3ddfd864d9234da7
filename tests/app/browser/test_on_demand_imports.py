"""The finder of modules that the first packs leave out, with a folder for the packs and a list of downloads."""

import importlib
import sys
import types

import pytest

MODULE = "diffusion_lab.app.browser.on_demand_imports"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The module; its `asked` lists the packs that were asked for. Each holds modules that are there afterwards."""
    asked: list[str] = []
    holds = {"on_demand": ["left_out"], "cells": ["for_cells"]}

    def add_pack(pack):
        asked.append(pack)
        for name in holds.get(pack, []):
            (tmp_path / f"{name}.py").write_text("x = 1")
        return asked.count(pack) == 1  # later it is there already

    monkeypatch.setitem(sys.modules, "js", types.SimpleNamespace(labAddPack=add_pack))
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    found = importlib.import_module(MODULE)
    found.asked = asked
    found.NAMES = tmp_path / "on_demand_modules.txt"
    found.NAMES.write_text("left_out on_demand\nfor_cells cells\nnever_there on_demand")
    found.install()
    yield found
    for name in ("left_out", "for_cells", MODULE):
        sys.modules.pop(name, None)


def test_a_pack_is_fetched_for_its_own_modules_only(module):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pandas_is_in_no_pack")
    assert module.asked == []
    assert importlib.import_module("left_out").x == 1
    assert module.asked == ["on_demand"]
    assert importlib.import_module("for_cells").x == 1
    assert module.asked == ["on_demand", "cells"]


def test_a_module_that_has_come_is_not_asked_for_again(module):
    for _ in range(2):
        importlib.import_module("left_out")
    assert module.asked == ["on_demand"]


def test_a_module_that_is_still_missing_is_missing(module):
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="never_there"):
            importlib.import_module("never_there")


@pytest.mark.parametrize(
    ("name", "packs"),
    [
        ("diffusion_lab.instruments.dial.component", ["instruments/dial"]),
        ("diffusion_lab.instruments.dial", ["instruments/dial"]),
        ("diffusion_lab.instruments.common.mixtures", []),
        ("diffusion_lab.instruments", []),
        ("diffusion_lab.app.instrument.view", []),
        ("other.instruments.dial", []),
    ],
)
def test_modules_of_an_instrument_are_in_its_own_pack(module, name, packs):
    assert module.OnDemandFinder({}).find_spec(name, []) is None, "the pack was empty"
    assert module.asked == packs


def test_files_that_are_there_are_found_first(module):
    """It is the last finder: what the first packs hold is never asked for."""
    assert isinstance(sys.meta_path[-1], module.OnDemandFinder)
    importlib.import_module("json.tool")
    assert module.asked == []
