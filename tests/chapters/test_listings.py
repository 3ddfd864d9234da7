"""Listings: what the reader runs elsewhere is Python, fits its column, imports what exists, and runs where it can."""

import ast
import importlib

import pytest

from diffusion_lab.app.build.chapter_tree import Chapter, Listing
from diffusion_lab.app.build.site import read_documents, read_references

LONGEST = 72

#: What listings take from packages that are not installed here, checked by hand against their documentation.
DOCUMENTED = {
    "diffusers": {
        "DDIMScheduler",
        "DPMSolverMultistepScheduler",
        "EulerAncestralDiscreteScheduler",
        "LatentConsistencyModelPipeline",
        "StableDiffusionPipeline",
    },
    "torch": {"nn"},
    "torch.optim.swa_utils": {"AveragedModel", "get_ema_multi_avg_fn"},
}


def chapters() -> list[Chapter]:
    found, _ = read_documents(read_references())
    return [chapter for chapter in found if chapter.of(Listing)]


LISTINGS = [pytest.param(each, id=each.label) for chapter in chapters() for each in chapter.of(Listing)]
EACH = pytest.mark.parametrize("listing", LISTINGS)


def names(code: str) -> list[tuple[str, str]]:
    """Module and name of each `from module import name`."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return [(str(node.module), alias.name) for node in nodes for alias in node.names]


def unknown(code: str) -> list[tuple[str, str]]:
    return [(module, name) for module, name in names(code) if name not in DOCUMENTED.get(module, set())]


@EACH
def test_a_listing_fits_its_column(listing):
    assert max(map(len, listing.code.splitlines())) <= LONGEST


@EACH
def test_a_listing_imports_names_that_are_documented(listing):
    assert unknown(listing.code) == []


def test_an_unknown_name_is_found():
    assert unknown("from diffusers import DDIMSchedular") == [("diffusers", "DDIMSchedular")]


def test_names_of_installed_packages_exist():
    pytest.importorskip("torch", reason="only the training group has PyTorch")
    for module in ("torch", "torch.optim.swa_utils"):
        there = importlib.import_module(module)
        assert all(hasattr(there, name) for name in DOCUMENTED[module])


def test_the_listings_of_pytorch_run_and_learn():
    """A few steps of the training, and one sample in two passes; the loss of the first batch is about 1."""
    torch = pytest.importorskip("torch", reason="only the training group has PyTorch")
    torch.manual_seed(0)
    (chapter,) = [each for each in chapters() if each.name == "latent"]
    by_label = {each.label: each.code for each in chapter.of(Listing)}
    assert by_label.keys() >= {"unet", "unet-training"}
    few = by_label["unet-training"].replace("steps, T, batch = 2000, 1000, 64", "steps, T, batch = 12, 1000, 8")
    few = few.replace("sample(16)", "sample(1, passes=2)")
    assert few.count("= 12,") == few.count("passes=2)") == 1
    scope: dict[str, object] = {}
    exec(by_label["unet"], scope)
    exec(few, scope)
    assert scope["pictures"].shape == (1, 1, 32, 32)
    assert torch.isfinite(scope["pictures"]).all()
    assert 0 < scope["loss"].item() < 1.0, "it has learned something"
