"""Writes a new instrument with its tests, and adds a slot for it to a chapter: `build.py new instrument`.

The new instrument is small but complete, a noised Gaussian that passes all tests. The author replaces its parts.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import jinja2

from diffusion_lab.app.build.setup_steps import ROOT, SetupError

TEMPLATES = Path(__file__).parent / "templates/new_instrument"

#: Folder in the checkout → files to write there, each from the template with the same name plus ".txt".
FILES = {
    "instruments/{name}": ("__init__.py", "kernel.py", "component.py", "about.md", "examples.toml"),
    "tests/instruments/{name}": ("test_kernel.py", "test_component.py"),
}

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

SLOT = """\
:::{{instrument}} {name}
Points of one Gaussian cluster under noise, and their exact density.
:::

"""

#: Whether a section ends in a part that is not for every reader, and how such a part ends.
DEEPER = re.compile(r"^:::\{depth\} (?!idea)(?!.*^:::\{depth\} idea)", re.M | re.S)
IDEA = ":::{depth} idea\n:::\n\n"

#: The slot is inserted before the first match in the chapter, else at its end.
CLOSING = re.compile(r"^(## Check yourself|## Further reading|:::\{references\})", re.MULTILINE)


def write_instrument(name: str, chapter: str = "", root: Path = ROOT) -> list[Path]:
    """Writes the instrument `name` below `root`, with a slot in a chapter, and returns the files written.

    chapter: the two digits of its file name; "" for the last chapter. Raises `SetupError`, before it writes anything,
    for an invalid or existing name or a chapter that does not exist.
    """
    _check(name, root)
    place = _chapter(chapter, root)
    loader = jinja2.FileSystemLoader(TEMPLATES)
    templates = jinja2.Environment(loader=loader, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    words = name.split("_")
    values = {
        "name": name,
        "class_name": "".join(word.capitalize() for word in words),
        "title": " ".join(words).capitalize(),
    }
    written = []
    for folder, files in FILES.items():
        for file in files:
            path = root / folder.format(name=name) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(templates.get_template(f"{file}.txt").render(values), "utf-8")
            written.append(path)
    text = place.read_text("utf-8")
    found = CLOSING.search(text)
    end = found.start() if found else len(text)
    before = text[:end] if found else text.rstrip("\n") + "\n\n"
    section = before.rpartition("\n## ")[2]
    if DEEPER.search(section):  # instruments are for readers of every depth
        before += IDEA
    place.write_text(before + SLOT.format(name=name) + text[end:], "utf-8")
    return [*written, place]


def _check(name: str, root: Path) -> None:
    """Raises `SetupError` unless `name` is a valid and unused name of an instrument's folder and package."""
    if not SNAKE_CASE.fullmatch(name):
        raise SetupError(f"An instrument's name is lower snake case, like `two_words`, got `{name}`.")
    if keyword.iskeyword(name):
        raise SetupError(f"`{name}` is a word of Python's: a package cannot have that name.")
    if name == "common":
        raise SetupError("`common` holds what several instruments share: an instrument cannot have that name.")
    for folder in FILES:
        if (path := root / folder.format(name=name)).exists():
            raise SetupError(f"{path.relative_to(root)} exists already.")


def _chapter(number: str, root: Path) -> Path:
    """Returns the file of a chapter; raises `SetupError` if it does not exist."""
    chapters = {path.name[:2]: path for path in sorted((root / "chapters").glob("[0-9][0-9]-*.md"))}
    wanted = number or max(chapters, default="")
    if wanted not in chapters:
        raise SetupError(f"There is no chapter {wanted}; there is {', '.join(chapters)}.")
    return chapters[wanted]
