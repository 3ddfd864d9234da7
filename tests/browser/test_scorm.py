"""A chapter as a SCORM package, in a course system that is strict, and outside of any."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, expect

from diffusion_lab.app.build.scorm import write_package
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.build.static_host import application

from .conftest import serve_in_thread
from .course import HOSTS
from .lab import Lab


@pytest.fixture(scope="module")
def course_system(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a host with the player and, in `package/`, what is in the first chapter's package."""
    folder = tmp_path_factory.mktemp("course")
    chapters, _ = read_documents(read_references())
    write_package(dist, chapters[0], folder / "package.zip")
    with zipfile.ZipFile(folder / "package.zip") as package:
        package.extractall(folder / "package")
    shutil.copy(HOSTS / "scorm_player.html", folder / "player.html")
    address, stop = serve_in_thread(lambda: application(folder))
    yield address
    stop()


def player(lab: Lab, query: str = "") -> FrameLocator:
    """Opens the player; returns the chapter's page in it."""
    lab.open(f"player.html{query}", live=False)
    outer = lab.page.frame_locator("iframe")
    outer.locator("[role=status]", has_text="done.").wait_for()
    chapter = outer.frame_locator("iframe")
    expect(chapter.locator("form[data-quiz] button").first).to_be_enabled()
    return chapter


def answer(chapter: FrameLocator, number: int, text: str = "") -> None:
    """Answers a question: rightly, or with `text`."""
    quiz = chapter.locator("form[data-quiz]").nth(number)
    quiz.locator("input").fill(text or str(quiz.get_attribute("data-answer")))
    quiz.get_by_role("button", name="Check").click()


def record(lab: Lab, *names: str) -> list[str]:
    """What the course system has of these elements of `cmi.core`; it has refused nothing."""
    assert lab.page.evaluate("complaints") == []
    return lab.page.evaluate("(names) => names.map((name) => data[`cmi.core.${name}`])", list(names))


def test_a_course_system_gets_score_completion_time_and_what_the_next_visit_needs(
    open_cold: Callable[..., Any], course_system: str
) -> None:
    lab = open_cold(course_system)
    chapter = player(lab)
    said = lab.page.frame_locator("iframe").locator("[role=status]")
    expect(said).to_have_text("0 of 5 questions and exercises done. Reported to your course.")
    assert record(lab, "lesson_status", "score.raw") == ["incomplete", None], "nothing tried is no score of 0"
    answer(chapter, 0)
    expect(said).to_have_text("1 of 5 questions and exercises done. Reported to your course.")
    answer(chapter, 1, "1e9")
    assert record(lab, "lesson_status", "score.raw", "score.min", "score.max") == ["incomplete", "20", "0", "100"]
    kept = json.loads(lab.page.evaluate("data['cmi.suspend_data']"))
    assert len(kept["done"]) == len(kept["tried"]) == 1 and "1e9" in kept["answers"].values()
    tries = [lab.page.evaluate(f"data['cmi.interactions.1.{name}']") for name in ("type", "student_response", "result")]
    assert tries == ["fill-in", "1e9", "wrong"]

    # Another day: the same learner goes on, another one finds nothing.
    other = player(lab, "?learner=emmy")
    expect(other.locator("form[data-quiz] input").first).to_have_value("")
    assert record(lab, "entry", "lesson_status", "score.raw") == ["ab-initio", "incomplete", None]
    chapter = player(lab)
    assert record(lab, "entry", "score.raw") == ["resume", "20"]
    assert record(lab, "total_time")[0] > "0000:00:00.00"
    expect(chapter.locator("form[data-quiz] output").first).to_have_text("Right.")
    expect(chapter.locator("form[data-quiz] input").nth(1)).to_have_value("1e9")

    # A link leads to the next chapter and back: the session goes on, and what is done there does not count here.
    chapter.locator(".turn [rel=next]").click()
    chapter.locator("main[data-chapter]:not([data-chapter='01-forward'])").wait_for()
    answer(chapter, 0)
    chapter.locator(".turn [rel=prev]").click()
    chapter.locator("main[data-chapter='01-forward']").wait_for()
    expect(chapter.locator("form[data-quiz] output").first).to_have_text("Right.")
    expect(said).to_have_text("1 of 5 questions and exercises done. Reported to your course.")

    for number in (1, 2, 3):
        answer(chapter, number)
    cell = chapter.locator(".exercise")
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    solution = str(cell.locator(".solution pre").text_content())
    cell.locator(".cm-content").press("Control+a")
    lab.page.keyboard.insert_text(solution)
    cell.locator(".cm-content").press("Control+Enter")
    expect(said).to_have_text("5 of 5 questions and exercises done. Reported to your course.")
    assert record(lab, "lesson_status", "score.raw") == ["completed", "100"]
    player(lab, "?mode=review")
    expect(said).to_have_text(
        "5 of 5 questions and exercises done. Your course has opened this for review: nothing is reported."
    )
    assert record(lab, "lesson_status", "score.raw") == ["completed", "100"]
    assert lab.page.evaluate("sessionStorage.getItem('complaints')") is None


def test_outside_of_a_course_system_the_package_is_the_chapter(
    open_cold: Callable[..., Any], course_system: str
) -> None:
    lab = open_cold(course_system).open("package/scorm.html", live=False)
    said = lab.page.locator("[role=status]")
    chapter = lab.page.frame_locator("iframe")
    expect(chapter.locator("form[data-quiz] button").first).to_be_enabled()
    answer(chapter, 0)
    expect(said).to_have_text(
        "1 of 5 questions and exercises done. No course system was found: your results stay in this browser."
    )
    lab.open("package/scorm.html", live=False)
    expect(chapter.locator("form[data-quiz] output").first).to_have_text("Right.")
