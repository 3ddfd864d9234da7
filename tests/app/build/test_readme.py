"""The README: its generated tables are those that `build.py readme` would write now, and its pictures are there."""

import json
import re

import pytest

from diffusion_lab.app.build import readme
from diffusion_lab.app.build.chapter_tree import Chapter
from diffusion_lab.app.build.readme import HISTORY, IMAGES, README, filled, parts
from diffusion_lab.app.build.setup_steps import ROOT, SetupError
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names


@pytest.fixture(scope="module")
def chapters() -> list[Chapter]:
    return read_documents(read_references())[0]


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text("utf-8")


def test_its_tables_are_fresh(chapters, text):
    assert text == filled(text, parts(chapters)), "run `python3 build.py readme`"


@pytest.mark.parametrize("attribute", ["title", "question"])
def test_a_changed_instrument_makes_the_table_stale(chapters, text, monkeypatch, attribute):
    monkeypatch.setattr(instrument_class(instrument_names()[0]), attribute, "Another sentence")
    assert text != filled(text, parts(chapters))


def test_a_moved_instrument_makes_the_table_stale(chapters, text):
    assert text != filled(text, parts(chapters[1:]))


def test_another_benchmark_run_makes_the_figures_stale(chapters, text, monkeypatch, tmp_path):
    last = json.loads(HISTORY.read_text("utf-8").splitlines()[-1])
    last["figures"]["live, cold, ms"] += 1
    (tmp_path / "history.jsonl").write_text(f"{HISTORY.read_text('utf-8')}{json.dumps(last)}\n", "utf-8")
    monkeypatch.setattr(readme, "HISTORY", tmp_path / "history.jsonl")
    assert text != filled(text, parts(chapters))


def test_a_part_that_is_missing_is_an_error(chapters):
    with pytest.raises(SetupError, match=r"^README\.md has no part between `<!-- generated: instruments -->` and "):
        filled("# Title\n", parts(chapters))


def test_its_pictures_are_there(text):
    names = re.findall(rf"{IMAGES}/[\w.]+", text)
    assert {f"{IMAGES}/{name}.svg" for name in instrument_names()} < set(names)
    assert [name for name in names if not (ROOT / name).is_file()] == []
