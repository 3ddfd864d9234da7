"""What leaves of a cell's outputs: all of it as it comes, until it is too fast or too much."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from diffusion_lab.app.browser import output_throttle
from diffusion_lab.app.browser.output_throttle import OutputThrottle
from diffusion_lab.app.cells.outputs import Output, overwritten


class Page:
    """Takes what leaves; `now` is its clock."""

    def __init__(self) -> None:
        self.sent: list[Output] = []
        self.left: list[tuple[int, int]] = []
        self.now = 0.0
        self.flow = OutputThrottle(self.sent.append, lambda *numbers: self.left.append(numbers), lambda: self.now)

    def print(self, text: str) -> None:
        self.flow.take(Output("text", text))

    @property
    def text(self) -> str:
        return "".join(output.body for output in self.sent if output.kind == "text")


@pytest.fixture
def page() -> Page:
    return Page()


def test_a_line_leaves_at_once(page: Page) -> None:
    page.print("one\n")
    page.print("two\n")
    assert [output.body for output in page.sent] == ["one\n", "two\n"]


def test_a_flood_is_gathered_and_nothing_of_it_lost(page: Page) -> None:
    lines = [f"{k}\n" for k in range(5000)]
    for line in lines:
        page.now += 1e-5
        page.print(line)
    assert output_throttle.BURST <= len(page.sent) <= output_throttle.BURST + 5000e-5 / output_throttle.INTERVAL + 1
    page.flow.close()
    assert page.text == "".join(lines)
    assert not page.left


def test_progress_that_overwrites_itself_takes_no_room(page: Page) -> None:
    for k in range(50_000):
        page.now += 1e-3
        page.print(f"\r{k} of many, in a line of some length that is printed again and again")
    page.print("\ndone\n")
    page.flow.close()
    assert overwritten(page.text).endswith("again and again\ndone\n")
    assert not page.left
    assert len(page.sent) < 50 / output_throttle.INTERVAL + output_throttle.BURST + 2


def test_after_a_pause_lines_leave_at_once_again(page: Page) -> None:
    for k in range(2 * output_throttle.BURST):
        page.print(f"{k}\n")
    held = page.text
    page.now += output_throttle.INTERVAL
    page.print("after\n")
    assert not held.endswith(f"{2 * output_throttle.BURST - 1}\n")
    assert page.text.endswith(f"{2 * output_throttle.BURST - 1}\nafter\n")


def test_too_many_lines_are_counted_and_the_last_kept(page: Page) -> None:
    more = 50
    for k in range(output_throttle.MAX_LINES + more):
        page.now += 1
        page.print(f"{k}\n")
    assert page.left[-1] == (more, 0)
    assert page.left == sorted(set(page.left)), "the number is told as it grows"
    page.flow.take(Output("error", "Stopped."))
    page.flow.close()
    lines = page.text.splitlines()
    first, last = (
        range(output_throttle.MAX_LINES),
        range(output_throttle.MAX_LINES + more)[-output_throttle.LAST_LINES :],
    )
    assert lines == [str(k) for k in (*first, *last)]
    assert page.sent[-1].kind == "error", "the last lines stand before the error"


@pytest.mark.parametrize(
    "pieces",
    [lambda: ("x" * 999 for _ in count()), lambda: iter(["y" * 3_000_000]), lambda: iter(["z\n" * 600_000])],
    ids=["no line ever ends", "one long line", "one long text"],
)
def test_too_many_characters_are_left_out(page: Page, pieces: Callable[[], object]) -> None:
    for _, piece in zip(range(3000), pieces(), strict=False):
        page.print(piece)
    page.flow.close()
    assert page.left[-1][0] >= 1
    last = (
        output_throttle.LAST_LINES * output_throttle.MAX_CHARACTERS
        if "y" in page.text
        else output_throttle.LAST_LINES * 999
    )
    assert len(page.text) <= output_throttle.MAX_CHARACTERS + last


def test_too_many_pictures_are_left_out_but_never_an_error(page: Page) -> None:
    for _ in range(output_throttle.MAX_OTHERS + 7):
        page.flow.take(Output("picture", "<svg/>"))
    page.flow.take(Output("error", "no"))
    assert [output.kind for output in page.sent] == ["picture"] * output_throttle.MAX_OTHERS + ["error"]
    assert page.left[-1] == (0, 7)


def test_text_stands_before_the_picture_that_follows_it(page: Page) -> None:
    for k in range(2 * output_throttle.BURST):
        page.print(f"{k}\n")
    page.flow.take(Output("picture", "<svg/>"))
    assert page.sent[-1].kind == "picture"
    assert page.text.endswith(f"{2 * output_throttle.BURST - 1}\n")


def test_a_huge_value_is_cut(page: Page) -> None:
    page.flow.take(Output("value", "v" * (output_throttle.MAX_PIECE + 12_345)))
    assert page.sent[0].body.endswith("v\n… 12,345 characters left out")
