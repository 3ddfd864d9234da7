"""Every instrument's folder is complete and in a chapter, and the app names no instrument."""

import ast
import re
from pathlib import Path

import pytest

from diffusion_lab.app.build.chapter_tree import InstrumentSlot
from diffusion_lab.app.build.site import chapter_paths, parse_chapter, read_references
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_names
from diffusion_lab.app.instrument.vocabulary import GLOSSARY

from .imports import sources


def named_instruments(source: str, names: list[str]) -> list[str]:
    """Texts of `source` that are an instrument's name, or a path or dotted name through one."""
    pattern = re.compile(rf"(?:^|instruments[./])({'|'.join(names)})(?:$|[./])")
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and pattern.search(value)]


def test_the_app_names_no_instrument():
    for path, source in sources():
        if path.startswith("app/"):
            names = instrument_names()
            if path == "app/instrument/vocabulary.py":  # a setting may have the name of an instrument
                names = [name for name in names if name not in GLOSSARY]
            assert named_instruments(source, names) == [], path


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("x = 'ring'", ["ring"]),
        ("x = 'instruments/ring/about.md'", ["instruments/ring/about.md"]),
        ("import_module(f'diffusion_lab.instruments.ring.{x}')", ["diffusion_lab.instruments.ring."]),
        ("x = 'a string of ring-shaped earrings'", []),
    ],
)
def test_a_named_instrument_is_found(source, named):
    assert named_instruments(source, ["ring"]) == named


# --- every instrument is whole ---------------------------------------------------------------------------------------


def lacks(folder: Path, in_chapters: set[str]) -> list[str]:
    """What the instrument of `folder` has not got."""
    wanted = ("__init__.py", "kernel.py", "component.py", "about.md", "examples.toml")
    files = [name for name in wanted if not (folder / name).is_file()]
    return files + ([] if folder.name in in_chapters else ["a place in a chapter"])


def instrument_folders() -> list[Path]:
    return [
        path for path in sorted(INSTRUMENTS.iterdir()) if path.is_dir() and path.name not in ("common", "__pycache__")
    ]


def test_every_instrument_is_whole():
    references = read_references()
    chapters = [parse_chapter(path, path.read_text("utf-8"), references) for path in chapter_paths()]
    placed = {slot.name for chapter in chapters for slot in chapter.of(InstrumentSlot)}
    assert {path.name: lacks(path, placed) for path in instrument_folders() if lacks(path, placed)} == {}
    assert [path.name for path in instrument_folders()] == instrument_names()


def test_a_hollow_instrument_is_found(tmp_path):
    (tmp_path / "kernel.py").touch()
    assert lacks(tmp_path, set()) == [
        "__init__.py",
        "component.py",
        "about.md",
        "examples.toml",
        "a place in a chapter",
    ]
