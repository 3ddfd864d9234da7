"""The data of the page “Read a receipt”: the names of everything that a receipt can name."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence

from diffusion_lab.app.build.chapter_tree import Chapter, Exercise, Quiz


def mark_of(task: str) -> int:
    """Returns the 16 bits by which a receipt names a task (`markOf` in `static/js/receipts/code.js`)."""
    return zlib.crc32(task.encode()) & 0xFFFF


def reader_data(version: str, chapters: Sequence[Chapter], instruments: Mapping[str, str]) -> str:
    """Returns JSON with the lab's version, its chapters with their tasks, and its instruments (name → title).

    Raises `ChapterError` if two tasks of a chapter have the same mark, since receipts could not tell them apart.
    """
    named = {chapter.slug: {"title": f"{chapter.number}. {chapter.title}", "tasks": _tasks(chapter)}
             for chapter in chapters}  # fmt: skip
    return json.dumps({"version": version, "chapters": named, "instruments": dict(instruments)}, ensure_ascii=False)


def _tasks(chapter: Chapter) -> list[list[str]]:
    """Returns name and title of each task, in order."""
    tasks = chapter.tasks()
    blocks = [block for block in chapter.blocks if isinstance(block, Quiz | Exercise)]
    first: dict[int, Quiz | Exercise] = {}
    for task, block in zip(tasks, blocks, strict=True):
        if (other := first.setdefault(mark_of(task), block)) is not block:
            message = f"`{other.label}` and `{block.label}` have the same checksum, by which receipts name them. "
            raise chapter.error(block.line, f"{message}Give one of them another label.")
    questions = [block.label for block in blocks if isinstance(block, Quiz)]
    return [
        [task, f"Exercise {block.letter}: {block.title}" if isinstance(block, Exercise)
         else f"Question {questions.index(block.label) + 1}"]
        for task, block in zip(tasks, blocks, strict=True)
    ]  # fmt: skip
