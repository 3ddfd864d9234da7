"""The data of the page “Read a receipt”, and the marks that it shares with the code of receipts."""

import json
import subprocess
from pathlib import Path

import pytest

from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import ChapterError
from diffusion_lab.app.build.receipts import mark_of, reader_data
from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.build.site import read_documents, read_references

CODE = ROOT / "static/js/receipts/code.js"

CHAPTER = """---
number: 3
title: A title
lede: A lede.
minutes: 5
builds_on: []
objectives: [one]
---
:::{quiz} first
:answer: 1
:tolerance: 0.1
:hint: A hint.
A question?
---
{answer}
:::

:::{quiz} LABEL
:answer: 1
:tolerance: 0.1
:hint: A hint.
A question?
---
{answer}
:::
"""


def test_every_task_of_the_lab_has_a_name_and_its_own_mark():
    chapters, _ = read_documents(read_references())
    data = json.loads(reader_data("0.1.0", chapters, {"ring": "Ring of clusters"}))
    assert data["version"] == "0.1.0" and data["instruments"] == {"ring": "Ring of clusters"}
    for chapter in chapters:
        tasks = data["chapters"][chapter.slug]["tasks"]
        assert [name for name, _ in tasks] == chapter.tasks()
        assert len({mark_of(name) for name, _ in tasks}) == len(tasks) == len({title for _, title in tasks})
        questions = [title for name, title in tasks if name.startswith("quiz-")]
        assert questions == [f"Question {number}" for number in range(1, len(questions) + 1)]
        assert all(title.startswith("Question " if name.startswith("quiz-") else "Exercise ") for name, title in tasks)


def test_two_tasks_with_one_mark_stop_the_build():
    wanted = mark_of("quiz-first")
    label = next(f"a{number}" for number in range(10**6) if mark_of(f"quiz-a{number}") == wanted)
    chapter = parse_chapter(Path("03-x.md"), CHAPTER.replace("LABEL", label), {})
    with pytest.raises(ChapterError, match=rf"03-x\.md:18: `first` and `{label}` have the same checksum"):
        reader_data("0.1.0", [chapter], {})


def test_python_and_javascript_make_the_same_marks():
    tasks = ["quiz-noised-value", "exercise-a", "quiz-é"]
    script = f"import {{ markOf }} from {json.dumps(CODE.as_uri())}; console.log(JSON.stringify({tasks}.map(markOf)))"
    done = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [mark_of(task) for task in tasks]
