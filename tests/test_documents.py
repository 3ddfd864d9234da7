"""The documents for contributors name files and tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "app").rglob("*.md"))
    if path.name != "CHANGELOG.md"  # it names what there was
)

#: In backticks: a path from the root of the checkout, and perhaps a test in it.
NAMED = re.compile(r"`((?:app|chapters|instruments|static|tests)/[\w./-]+)(?:::(\w+))?`")


def missing(text: str) -> list[str]:
    """The paths and tests that `text` names in backticks and that do not exist."""
    found = []
    for path, test in NAMED.findall(text):
        place = ROOT / path
        if not place.exists() or (test and f"def {test}(" not in place.read_text("utf-8")):
            found.append(f"{path}::{test}" if test else path)
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_names_is_there(name):
    assert missing((ROOT / name).read_text("utf-8")) == []


def test_a_wrong_name_is_found():
    text = "See `app/build/site.py`, `app/build/sight.py` and `tests/test_documents.py::test_gone`."
    assert missing(text) == ["app/build/sight.py", "tests/test_documents.py::test_gone"]
