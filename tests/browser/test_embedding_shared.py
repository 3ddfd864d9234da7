"""Frames of one page share an interpreter, and go on when the frame that has started it goes away."""

from __future__ import annotations

from playwright.sync_api import Frame

from .course import LIVE, Course
from .lab import model


def two(course: Course) -> tuple[Frame, Frame]:
    """Two live frames with the same instrument in different states."""
    frames = [
        f'<iframe src="{course.lab}embed/ring.html?seed={seed}" width="100%" height="300"></iframe>' for seed in (7, 8)
    ]
    course.open("plain", "".join(frames), 700)
    for frame in (course.frame(0), course.frame(1)):
        frame.wait_for_selector(LIVE)
        frame.wait_for_selector(".live[data-state=live]", state="attached")
    return course.frame(0), course.frame(1)


def move(frame: Frame, place: str) -> None:
    slider = frame.locator(".live-view input[type=range][data-param=t]")
    slider.fill(place)
    frame.locator(".live-view [data-reading=t]", has_text=place).wait_for(state="attached")


def test_two_frames_share_an_interpreter_and_outlive_the_one_that_started_it(course: Course) -> None:
    frames = two(course)
    assert len(course.page.workers) == 1
    for frame, place in zip(frames, ("0.4", "0.6"), strict=True):
        move(frame, place)
    assert [frame.evaluate(f"{model()}.query") for frame in frames] == ["t=0.4&seed=7", "t=0.6&seed=8"]
    owner = next(k for k, frame in enumerate(frames) if frame.evaluate("'labShare' in window"))
    course.page.evaluate(f"document.querySelectorAll('iframe')[{owner}].remove()")
    other = frames[1 - owner]
    other.wait_for_function("() => 'labShare' in window")
    other.wait_for_selector(".live[data-state=live]", state="attached")
    other.wait_for_function(f"() => {model()}.t === {(0.4, 0.6)[1 - owner]} && {model()}.seed === {(7, 8)[1 - owner]}")
    move(other, "0.8")
    assert len(course.page.workers) == 1


def test_code_of_a_reader_runs_in_no_interpreter_that_another_frame_uses(course: Course) -> None:
    frames = two(course)
    joined = next(frame for frame in frames if frame.evaluate("!('labShare' in window)"))
    move(joined, "0.4")
    joined.evaluate(
        """() => {
          lab.python.on("cell_done", ({ ok }) => (window.edited = ok));
          lab.python.send({ type: "edit", run: 1, instrument: "ring", name: "no_such_function", code: "" });
        }"""
    )
    joined.wait_for_function("() => window.edited === false")
    joined.wait_for_selector(".live[data-state=live]", state="attached")
    joined.wait_for_function(f"() => {model()}.t === 0.4")
    assert len(course.page.workers) == 2
    for frame in frames:
        move(frame, "0.5")


def test_frames_that_cannot_see_the_end_of_another_have_an_interpreter_each(course: Course) -> None:
    course.page.add_init_script("delete Navigator.prototype.locks")
    two(course)
    assert len(course.page.workers) == 2
