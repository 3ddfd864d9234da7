"""Cells and quizzes: edited and run in the page's own Python, answers checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.ring import kernel


def test_the_browser_prints_what_the_build_printed(lab: Any) -> None:
    lab.open()
    for label in ("dissolve", "langevin"):
        cell = lab.page.locator(f"#cell-{label}")
        cell.scroll_into_view_if_needed()
        lab.page.locator(f"#cell-{label}[data-editable]").wait_for()
        built = cell.locator("pre.output").all_inner_texts()
        name = cell.locator(".output.picture svg").get_attribute("aria-label")
        height = cell.locator(".outputs").bounding_box()["height"]
        assert lab.run(cell) == built
        assert lab.live_figure(cell).get_attribute("aria-label") == name
        assert abs(cell.locator(".outputs").bounding_box()["height"] - height) < 8, "the page does not jump"


def test_an_edit_changes_the_output_is_kept_and_can_be_reset(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "print(6 * 7)\nplot_line([0, 1], [0, 1])\n1 + 1")
    assert lab.run(cell) == ["42\n", "2"]
    assert lab.live_figure(cell).count() == 1
    lab.page.reload()
    lab.wait_live()
    cell.scroll_into_view_if_needed()
    lab.page.locator("#cell-dissolve[data-editable][data-edited]").wait_for()
    assert "6 * 7" in cell.locator(".cm-content").inner_text()
    cell.locator(".reset").click()
    assert "np.random.default_rng(0)" in cell.locator(".cm-content").inner_text()
    assert "gap/width" in cell.locator("pre.output").first.inner_text()


def test_an_exception_shows_its_line_and_only_the_readers_frames(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "import numpy as np\nprint('before')\n\nx = np.zeros(3) @ np.zeros(4)\n")
    before, error = lab.run(cell)
    assert cell.locator(".output.hint").inner_text().startswith("The shapes do not fit.")
    assert before == "before\n"
    assert error.startswith("line 4: x = np.zeros(3) @ np.zeros(4)\nValueError: matmul")
    assert "site-packages" not in error
    assert cell.locator(".cm-line.failed-line").inner_text() == "x = np.zeros(3) @ np.zeros(4)"


def test_output_comes_as_text_not_as_html(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "print('<img src=x onerror=alert(1)>')\nplot_line([0,1],[0,1],title='<b>&')")
    assert lab.run(cell) == ["<img src=x onerror=alert(1)>\n"]
    lab.live_figure(cell)
    assert cell.locator(".outputs img, .outputs b").count() == 0


def test_all_of_numpy_and_the_standard_library_can_be_imported(lab: Any) -> None:
    lab.open()
    code = (
        "import numpy as np, statistics, fractions\nprint(np.fft.fft([1, 0]).real, np.polynomial.Polynomial([1, 2])(3))"
    )
    assert lab.run(lab.edit("dissolve", code)) == ["[1. 1.] 7.0\n"]


def test_a_first_visit_to_a_chapter_is_live_before_anything_of_cells_is_downloaded(cold_lab: Any) -> None:
    cold_lab.open()
    packs = {url.rpartition("/")[2].partition(".")[0] for url in cold_lab.requests if url.endswith(".bin")}
    # That of the chapter's other instrument may come meanwhile.
    assert packs - {"schedule"} == {"start", "core", "lab", "ring"}
    assert not [url for url in cold_lab.requests if "latin-ext" in url], "no letter of the page is in this subset"


def test_a_pack_that_was_left_out_is_downloaded_within_an_import(cold_lab: Any) -> None:
    cold_lab.open("embed/ring.html")
    worker = cold_lab.page.workers[0]
    for pack in ("cells", "on_demand"):
        assert not [url for url in cold_lab.requests if f"/{pack}." in url]
        assert worker.evaluate("(pack) => labAddPack(pack)", pack) is True  # as `on_demand_imports.py` calls it
        assert worker.evaluate("(pack) => labAddPack(pack)", pack) is False


def test_a_seed_gives_in_the_browser_what_it_gives_natively(lab: Any) -> None:
    lab.open()
    code = (
        "import numpy as np\n"
        "from diffusion_lab.instruments.common import datasets\n"
        "from diffusion_lab.instruments.ring import kernel\n"
        "frames = list(kernel.sample(datasets.ring(), num_points=40, rng=np.random.default_rng(3)))\n"
        "for frame in frames[::150]:\n"
        "    print(' '.join(map(repr, map(float, frame.x.ravel()))))"
    )
    (printed,) = lab.run(lab.edit("dissolve", code))
    browser = np.array([line.split() for line in printed.splitlines()], float)
    frames = list(kernel.sample(datasets.ring(), num_points=40, rng=np.random.default_rng(3)))
    native = np.array([frame.x.ravel() for frame in frames[::150]])
    np.testing.assert_array_equal(browser[0], native[0])  # random numbers: bit for bit
    np.testing.assert_allclose(browser, native, rtol=0, atol=1e-11)  # exp differs in the last bits


def test_quiz_checks_keeps_and_explains(lab: Any) -> None:
    lab.open(live=False)
    quiz = lab.page.locator("#quiz-alpha-bar-half")
    solution = quiz.locator(".solution")
    assert not solution.is_visible(), "the solution comes after a try"
    for text, verdict in (
        ("nonsense", "Give a number"),
        ("0.22", "Not yet. Try again"),
        ("0.2231", "Not yet. That is the amplitude"),
        ("0,0498", "Right."),
        ("0.0498", "Right."),
    ):
        quiz.locator("input").fill(text)
        quiz.locator("button").click()
        assert verdict in quiz.locator("output").inner_text()
    assert solution.is_visible()
    assert "0.0498" in solution.inner_text() or "0.0498" in solution.text_content()
    lab.page.reload()
    assert lab.page.locator("#quiz-alpha-bar-half input").input_value() == "0.0498"


def test_a_prediction_is_kept_and_shown_beside_the_answer(lab: Any) -> None:
    lab.open(live=False)
    block = lab.page.locator(".predict").first
    wrote = block.locator(".wrote")
    block.locator("summary").click()
    assert block.locator("details .prose").is_visible(), "the answer opens without a prediction"
    assert not wrote.is_visible()
    block.locator("input").fill("both at 0.2")
    block.locator("button").click()
    assert wrote.inner_text() == "You wrote: both at 0.2"
    lab.page.reload()
    block.locator("summary").click()
    assert wrote.inner_text() == "You wrote: both at 0.2"


PLAIN = [
    (
        "import numpy as np\nprint(np.arange(1, 100001).sum(), np.argsort([3, 1])[0] * 10**10)",
        "5000050000 10000000000\n",
    ),
    ("import time\nfor k in range(9):\n    print(f'\\r{k + 1} of 9', end='')\nprint()", "9 of 9\n"),
    ("import asyncio\nasync def f(k):\n    await asyncio.sleep(0)\n    return k\nprint(await f(1))", "1\n"),
    ("import asyncio\nprint(asyncio.run(asyncio.sleep(0, 2)))", "2\n"),
    ("import asyncio\nprint(asyncio.Server.__name__)", "Server\n"),
    ("import builtins\nvars(builtins).clear()", ""),
    ("print('on')", "on\n"),
]


def test_what_other_pythons_can_do(lab: Any) -> None:
    """Whole numbers of 64 bits, progress in one line, coroutines; and no cell can take the built-in names away."""
    lab.open()
    for code, printed in PLAIN:
        assert "".join(lab.run(lab.edit("dissolve", code))) == printed


def test_python_can_be_restarted_where_a_cell_has_spoilt_it(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "np = 3\nnp.exp(1)")
    lab.run(cell)
    assert cell.locator(".hint").inner_text().startswith("A cell has given np another value")
    lab.run(lab.edit("dissolve", "import sys\nsys.modules.clear()"))
    lab.edit("dissolve", "print('on')").locator(".cm-content").press("Control+Enter")
    cell.locator(".state", has_text="could not run").wait_for()
    cell.locator(".hint button", has_text="Restart Python").click()
    assert lab.run(cell) == ["on\n"]


#: Pastes a text, as the clipboard does: the editor sees it before the browser makes anything of it.
PASTE = """(element, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def test_code_that_would_make_typing_slow_is_refused(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "x = 1")
    lab.page.keyboard.insert_text("1" * 6000)
    cell.locator(".state", has_text="not inserted: a line holds 5,000 characters").wait_for()
    cell.locator(".cm-content").evaluate(PASTE, "\n# " + "word\n" * 25_000)
    cell.locator(".state", has_text="not inserted: a cell holds 100,000 characters").wait_for()
    assert cell.locator(".cm-content").inner_text() == "x = 1"
