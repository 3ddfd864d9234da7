"""Whatever a cell does, the page stays usable, the instruments answer, no text is lost and the next cell runs; on a
host that isolates its pages, on any other, and where a policy forbids what cells are interrupted by on any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator

RESTARTED = "Python was restarted"
LOOP = "x = 1\nprint('begun')\nwhile True:\n    x += 1"
SWALLOWS = "while True:\n    try:\n        print('begun')\n        while True: pass\n    except BaseException: pass"


@pytest.fixture(params=["isolated", "on any host"])
def stopping(request: Any, open_lab: Callable[..., Any], site: str, isolated_site: str) -> Any:
    """A live chapter."""
    isolated = request.param == "isolated"
    lab = open_lab(isolated_site if isolated else site).open()
    assert lab.page.evaluate("crossOriginIsolated") is isolated
    return lab


@pytest.fixture
def plain(open_lab: Callable[..., Any]) -> Any:
    """A live chapter on any host."""
    return open_lab().open()


def put(lab: Any, code: str, label: str = "dissolve") -> Locator:
    """Puts code into a cell and runs it by its key."""
    cell = lab.edit(label, code)
    cell.locator(".cm-content").press("Control+Enter")
    return cell


def state(cell: Locator, words: str) -> None:
    """Waits until the cell's line says so."""
    cell.locator(".state", has_text=re.compile(words)).wait_for()


def running(cell: Locator, printed: str = "begun") -> None:
    """Waits until the cell's own code runs: it has printed this."""
    cell.locator("pre.output.text", has_text=printed).wait_for()


def instruments_answer(lab: Any) -> None:
    """Moves a slider; its picture follows."""
    before = lab.points()
    now = float(lab.instrument.locator(".live-view input[type=range][data-param=t]").input_value())
    lab.slide("t", wanted := round((now + 0.37) % 1, 2))
    lab.instrument.locator(".live-view [data-reading=t]", has_text=f"{wanted:.2f}").wait_for()
    assert np.abs(lab.points() - before).max() > 0.01


def recovered(lab: Any, cell: Locator, code: str) -> None:
    """The instruments answer, the code still stands there, and the next cell runs."""
    instruments_answer(lab)
    assert cell.locator(".cm-content").inner_text().strip() == code.strip()
    other = put(lab, "print(6 * 7)", "langevin")
    state(other, r"\d ms")
    assert other.locator("pre.output").all_inner_texts() == ["42\n"]


def stopped(lab: Any, code: str, *, printed: str = "begun", kept: bool | None = None) -> tuple[Locator, str]:
    """Runs what does not end, stops it while the instruments answer; `kept`: whether the variables should be there."""
    before = put(lab, "kept = 'still here'", "langevin")
    state(before, r"\d ms")
    cell = put(lab, code)
    running(cell, printed)
    instruments_answer(lab)
    cell.locator(".stop").click()
    state(cell, "^stopped$")
    said = cell.locator(".outputs").inner_text()
    if kept is not None:
        assert (RESTARTED in said) is not kept
        after = put(lab, "print(kept)", "langevin")
        state(after, r"\d ms" if kept else "error")
    return cell, said


def test_an_endless_loop(stopping: Any) -> None:
    cell, said = stopped(stopping, LOOP, kept=True)
    assert re.search(r"line [2-4]: .*\nStopped\.", said)
    assert cell.locator(".failed-line").count() == 1
    recovered(stopping, cell, LOOP)
    cell, _ = stopped(stopping, LOOP, kept=True)  # once more, by another signal
    recovered(stopping, cell, LOOP)


def test_under_a_policy_that_forbids_blobs_long_code_runs_and_a_stop_restarts_python(plain: Any) -> None:
    """Each request for the blob fails there; it must not count as an interrupt."""

    def forbid(route: Any) -> None:
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": "connect-src 'self' data:"}
        route.fulfill(response=answer, headers=headers)

    plain.page.route("**/chapters/*.html", forbid)
    plain.open()
    code = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end:\n    pass\nprint('ran')"
    assert plain.run(plain.edit("langevin", code)) == ["ran\n"]
    plain.messages = [text for text in plain.messages if "blob:" not in text]  # the browser reports the first request
    cell, _ = stopped(plain, LOOP, kept=False)
    recovered(plain, cell, LOOP)
    plain.messages = [text for text in plain.messages if "blob:" not in text]


def test_a_loop_that_swallows_the_interrupt(stopping: Any) -> None:
    cell = put(stopping, SWALLOWS)
    running(cell)
    cell.locator(".cm-content").press("Control+.")
    state(cell, "^stopped$")
    assert RESTARTED in cell.locator(".outputs").inner_text()
    recovered(stopping, cell, SWALLOWS)


def test_a_stop_right_after_run(stopping: Any) -> None:
    """The worker has not taken up the run yet when Stop is pressed."""
    state(put(stopping, "kept = 'still here'", "langevin"), r"\d ms")
    cell = stopping.edit("dissolve", LOOP)
    cell.evaluate("(e) => { e.querySelector('.run').click(); e.querySelector('.stop').click(); }")
    state(cell, "^stopped$")
    assert RESTARTED not in cell.locator(".outputs").inner_text()
    recovered(stopping, cell, LOOP)


def test_a_wait_that_does_not_end(stopping: Any) -> None:
    code = "import time\nprint('good night')\ntime.sleep(1e6)"
    cell, said = stopped(stopping, code, printed="good night")
    assert said.startswith("good night"), "text that was printed before the stop stays"
    recovered(stopping, cell, code)


def test_a_question_to_the_keyboard(plain: Any) -> None:
    code = "name = input('Your name? ')"
    cell = put(plain, code)
    state(cell, "error")
    assert "Nobody can answer" in cell.locator(".outputs").inner_text()
    recovered(plain, cell, code)


def test_printing_without_end(stopping: Any) -> None:
    code = "k = 0\nwhile True:\n    print(k)\n    k += 1"
    cell = put(stopping, code)
    cell.locator(".left-out", has_text=re.compile(r"… \d{2,3},\d{3} lines left out …")).wait_for()
    instruments_answer(stopping)
    cell.locator(".stop").click()
    state(cell, "^stopped$")
    texts = cell.locator("pre.output.text").all_inner_texts()
    assert texts[0].splitlines() == [str(k) for k in range(10_000)]
    last = [int(line) for line in texts[1].splitlines()]
    assert last[:18] == list(range(last[0], last[0] + 18))  # the interrupt may have met the end of it
    recovered(stopping, cell, code)


def test_memory_without_end(plain: Any) -> None:
    code = "hoard = []\nwhile True:\n    hoard.append(bytes(2_000_000))"
    cell = put(plain, code)
    state(cell, "^lost$")
    said = cell.locator(".outputs").inner_text()
    assert "line 3: hoard.append(bytes(2_000_000))\nMemoryError" in said
    assert "The memory limit of Python (1 GB) was reached. Python was restarted" in said
    recovered(plain, cell, code)


def test_more_memory_than_there_is_at_once(plain: Any) -> None:
    state(put(plain, "kept = 1", "langevin"), r"\d ms")
    cell = put(plain, "import numpy as np\nnp.ones(200_000_000)")
    state(cell, "error")
    assert "Unable to allocate 1.49 GiB" in cell.locator(".outputs").inner_text()
    state(put(plain, "print(kept)", "langevin"), r"\d ms")


def test_python_that_calls_itself_for_ever(plain: Any) -> None:
    code = "def f(n):\n    return f(n + 1)\nf(0)"
    cell = put(plain, code)
    state(cell, "error")
    assert "RecursionError: maximum recursion depth exceeded" in cell.locator(".outputs").inner_text()
    recovered(plain, cell, code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "nested = []\nfor _ in range(200_000):\n    nested = [nested]\nprint('made')\nrepr(nested)",
            "The code recursed too deeply for this browser, and Python crashed. It was restarted.",
        ),
        ("import ctypes\nprint('made')\nctypes.string_at(2**32 - 8)", "memory access out of bounds"),
        ("import os\nprint('made')\nos.abort()", "Python crashed with an internal error"),
        ("import os\nprint('made')\nos._exit(1)", "Python crashed with an internal error"),
    ],
    ids=["deep in C", "crash", "abort", "exit"],
)
def test_the_end_of_the_interpreter(plain: Any, code: str, words: str) -> None:
    cell = put(plain, code)
    state(cell, "^lost$")
    made, said = cell.locator("pre.output").all_inner_texts()
    assert made == "made\n"
    assert words in said
    recovered(plain, cell, code)
    plain.messages.clear()  # Pyodide itself reports its death


def test_cells_wait_in_line_and_can_be_taken_out_of_it(stopping: Any) -> None:
    first = put(stopping, LOOP)
    running(first)
    second = put(stopping, "print(2)", "langevin")
    state(second, "waiting, 1st")
    second.locator(".stop").click()
    state(second, "not run")
    put(stopping, "print(2)", "langevin")
    state(second, "waiting, 1st")
    first.locator(".stop").click()
    state(first, "^stopped$")
    state(second, "not run: ")
    assert second.locator("pre.output").first.inner_text() != "2\n"


def test_what_had_run_runs_again(plain: Any) -> None:
    cell, other = put(plain, "a = 1\nprint(a)"), plain.page.locator("#cell-langevin")
    state(cell, r"\d ms")
    put(plain, "b = a + 1", "langevin")
    state(other, r"\d ms")
    put(plain, "a = b / 0")
    state(cell, "error")
    put(plain, SWALLOWS)
    running(cell)
    assert not cell.locator(".again").is_visible()
    cell.locator(".stop").click()
    state(cell, "^stopped$")
    put(plain, "print(a, b)", "langevin")
    state(other, "error")
    cell.locator(".again").click()
    state(cell, "lost cells have run again")
    assert not cell.locator(".again").is_visible()
    assert SWALLOWS.splitlines()[0] in cell.locator(".cm-content").inner_text(), "the code in the editor stays"
    other.locator(".cm-content").press("Control+Enter")
    state(other, r"\d ms")
    assert other.locator("pre.output").all_inner_texts() == ["1 2\n"]


CALLBACK = """
import panel as pn
def spin(event):
    while True:
        pass
button = pn.widgets.Button(label="spin")
button.on_click(spin)
button
"""


def test_a_callback_that_does_not_end_can_be_stopped(stopping: Any) -> None:
    cell = stopping.edit("dissolve", CALLBACK)
    stopping.run(cell)
    cell.locator(".output.live .bk-btn").click()
    cell.locator(".problem button", has_text="Stop").click()
    cell.locator(".problem", has_text="Stopped.").wait_for()
    recovered(stopping, cell, CALLBACK)
