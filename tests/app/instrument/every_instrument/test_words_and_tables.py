"""Every instrument's description and downloaded data follow its picture."""

from __future__ import annotations

import csv

from ...markup import Elements
from .survey import (
    contexts,
    fresh_view,
    made,
    markup,
    survey,
)


def test_the_picture_is_told_in_words(cls):
    for seen in survey(cls):
        assert seen.picture.description.endswith(".")
        assert any(letter.isdigit() for letter in seen.picture.description)
    figure_tag, *_ = [tag for tag in Elements(markup(cls)).tags if tag.get("class") == "figure"]
    assert (figure_tag["role"], figure_tag["aria-label"]) == ("img", fresh_view(cls).description)


def test_the_words_follow_the_picture(cls):
    """Where a slider or a choice moves the picture, the description says something else."""
    moved = {s for s in cls.settings() if cls.param[s].control.kind in ("slider", "row", "menu")}
    pictures: dict[object, set[str]] = {}
    words: dict[object, set[str]] = {}
    for seen in survey(cls):
        if seen.setting in moved:
            pictures.setdefault((seen.context, seen.setting), set()).add(seen.picture.layers)
            words.setdefault((seen.context, seen.setting), set()).add(seen.picture.description)
    assert max(len(different) for different in pictures.values()) > 1
    assert [place for place in pictures if len(words[place]) < len(pictures[place])] == []


def test_the_data_can_be_downloaded_in_any_context(cls):
    for context in contexts(cls):
        instrument = made(cls, **context)
        lines = instrument.csv().splitlines(keepends=True)
        about = [line[2:].rstrip("\n") for line in lines if line.startswith("# ")]
        assert about[0] == cls.title
        given = dict(line.split(" = ", 1) for line in about[1:])
        assert cls(**cls.parse_state(given)).state() == instrument.state(), "the settings can be read again"
        header, *rows = csv.reader(lines[len(about) :])
        assert rows
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} == {len(header)}
        assert not {"nan", "inf", "-inf"} & {cell for row in rows for cell in row}
