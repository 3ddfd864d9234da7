"""The editor: completion and signatures from the running Python, code that comes and goes by link."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from .lab import Lab

CODE = "import numpy as np\ndef score(x, sigma=1.0):\n    'The score at x.'\n"


def offered(lab: Any) -> Locator:
    """What the list of completions holds. It follows what is typed a moment later, so compare it by `expect`."""
    return lab.page.locator(".cm-tooltip-autocomplete .cm-completionLabel")


def test_completion_and_signature_from_the_running_python(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", CODE)
    lab.run(cell)
    content = cell.locator(".cm-content")
    content.press("Control+End")
    lab.page.keyboard.type("sco")
    expect(offered(lab).first).to_have_text("score")
    content.press("Tab")
    lab.page.keyboard.type("(")
    signature = cell.locator(".signature")
    signature.wait_for()
    assert signature.locator("code").inner_text() == "score(x, sigma=1.0)"
    assert signature.locator("p").inner_text() == "The score at x."
    lab.page.keyboard.type("1, ")
    cell.locator(".signature b", has_text="sigma=1.0").wait_for()
    lab.page.keyboard.type("si")
    expect(offered(lab).get_by_text("sigma=", exact=True)).to_be_visible()
    content.press("ArrowDown")
    content.press("Enter")
    assert "score(1, sigma=)" in content.inner_text()
    content.press("Escape")
    signature.wait_for(state="detached")
    content.press("Escape")
    content.press("Tab")
    assert not lab.page.evaluate("document.activeElement.matches('.cm-content')"), "Escape, then Tab, leaves"


def test_enter_begins_a_line_and_a_run_closes_the_list(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "y = 1\n")
    content = cell.locator(".cm-content")
    lab.page.keyboard.type("y")
    expect(offered(lab).get_by_text("yield", exact=True), "what Enter must not put there").to_be_visible()
    content.press("Enter")
    lab.page.keyboard.type("wh")
    expect(offered(lab).get_by_text("while", exact=True)).to_be_visible()
    assert content.inner_text().split("\n")[:3] == ["y = 1", "y", "wh"]
    content.press("Control+Enter")
    lab.page.locator(".cm-tooltip-autocomplete").wait_for(state="detached")


def test_attributes_are_found_without_a_call(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", CODE + "x = np.ones((3, 4))\n")
    lab.run(cell)
    cell.locator(".cm-content").press("Control+End")
    lab.page.keyboard.type("x.sha")
    expect(offered(lab)).to_have_text(["shape"])
    assert lab.page.locator(".cm-completionDetail").inner_text() == "(3, 4)"


def test_before_python_is_there_the_page_s_words_are_offered(cold_lab: Any) -> None:
    lab = cold_lab
    lab.page.route("**/*.bin", lambda route: route.abort())
    lab.open(live=False)
    cell = lab.edit("langevin", "")
    cell.locator(".cm-content").press("a")
    lab.page.keyboard.type("lph")
    expect(offered(lab)).to_have_text(["alpha_bar"])
    lab.messages.clear()  # the browser's own words about what was aborted


def link_to(lab: Any, cell: Any) -> str:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell.locator(".menu summary").click()
    cell.locator("[data-do=link]").click()
    cell.locator(".menu output", has_text="Copied.").wait_for()
    return lab.page.evaluate("navigator.clipboard.readText()")


def text(cell: Any) -> str:
    return cell.locator(".cm-content").inner_text().strip()


def test_a_shared_cell_is_shown_not_run_and_one_s_own_is_kept(lab: Any, open_cold: Any) -> None:
    lab.open(live=False)
    address = link_to(lab, lab.edit("langevin", "print('δ shared')"))
    assert "#cell=langevin~" in address
    other = open_cold(lab.site).open(live=False)
    mine = other.edit("langevin", "mine = 1")
    other.page.goto(address)
    other.page.reload()
    notice = mine.locator(".notice")
    notice.get_by_text("This code was shared by link. It has not been run.").wait_for()
    other.page.locator("#cell-langevin[data-editable]").wait_for()
    assert text(mine) == "print('δ shared')"
    assert mine.locator("pre.output", has_text="shared").count() == 0
    mine.locator(".cm-content").press("Control+End")
    other.page.keyboard.type("  # edited")
    other.page.goto(lab.site + "chapters/01-forward.html")
    mine.scroll_into_view_if_needed()
    other.page.locator("#cell-langevin[data-editable]").wait_for()
    assert text(mine) == "print('δ shared')  # edited"
    notice.get_by_role("button", name="Back to mine").click()
    assert text(mine) == "mine = 1"
    notice.get_by_role("button", name="Show the other text").click()
    assert text(mine) == "print('δ shared')  # edited", "nothing has been dropped"
    notice.get_by_role("button", name="Keep only this").click()
    assert not notice.is_visible()


def test_what_is_typed_on_a_link_s_code_is_there_after_a_reload(lab: Any) -> None:
    lab.open(live=False)
    address = link_to(lab, lab.edit("langevin", "print('shared')"))
    lab.edit("langevin", "mine = 1")
    lab.page.goto("about:blank")
    lab.page.goto(address)
    cell = lab.edit("langevin", "typed = 2")
    lab.page.reload()
    lab.page.locator("#cell-langevin[data-editable]").wait_for()
    assert text(cell) == "typed = 2"
    cell.locator(".notice").get_by_role("button", name="Back to mine").click()
    assert text(cell) == "mine = 1"


def test_another_tab_is_told_and_has_both_texts(lab: Any) -> None:
    lab.open(live=False)
    with lab.page.context.new_page() as page:
        other = Lab(page, lab.site).open(live=False)
        page.locator("#cell-langevin .run:enabled").wait_for()  # its text is read before this tab writes
        mine, theirs = lab.edit("langevin", "mine = 1"), other.edit("langevin", "theirs = 2")
        notice = mine.locator(".notice", has_text="Another tab has changed this cell. Both texts are kept.")
        notice.wait_for()
        assert text(mine) == "mine = 1"
        theirs.locator(".notice").get_by_role("button", name="Show the other tab’s").click()
        assert text(theirs) == "mine = 1"
        theirs.locator(".notice").get_by_role("button", name="Show the other text").click()
        assert text(theirs) == "theirs = 2"
        notice.get_by_role("button", name="Show that text").click()
        assert text(mine) == "theirs = 2"


def test_a_reset_says_how_the_text_comes_back(lab: Any) -> None:
    lab.open(live=False)
    cell = lab.edit("langevin", "mine = 1")
    cell.locator(".reset").click()
    assert cell.get_attribute("data-edited") is None
    assert lab.page.evaluate("localStorage.length") == 0
    cell.locator(".notice", has_text="Reset. Undo brings your code back.").get_by_role("button", name="Undo").click()
    assert text(cell) == "mine = 1"
    assert not cell.locator(".notice").is_visible()


def test_a_full_storage_is_said_where_one_types(lab: Any) -> None:
    lab.open(live=False)
    lab.page.evaluate("localStorage.setItem('filler', 'x'.repeat(5 * 2 ** 20 - 200))")
    cell = lab.edit("langevin", "x = 1  # " + "long " * 100)
    cell.locator(".notice", has_text="This browser’s storage for this site is full").wait_for()
    with lab.page.expect_event("dialog") as asked:
        lab.page.once("dialog", lambda dialog: dialog.dismiss())
        lab.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    lab.page.evaluate("localStorage.clear()")
    lab.edit("langevin", "x = 1")
    assert not cell.locator(".notice").is_visible()


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("#cell=langevin~AAAA", "a part of the link is missing or changed"),
        ("#cell=langevin", "a part of the link is missing or changed"),
        ("#cell=nobody~y0jNyckHAA", "holds code for a cell “nobody”, which this page does not have"),
    ],
)
def test_a_damaged_link_says_so(lab: Any, fragment: str, words: str) -> None:
    lab.open("chapters/01-forward.html" + fragment, live=False)
    assert re.search(words, lab.page.locator(".page-notice").inner_text())


# --- exercises -------------------------------------------------------------------------------------------------------

HALF_RIGHT = (
    "import numpy as np\ndef noised(x0, t, eps):\n    a = np.exp(-6 * t)\n    return np.sqrt(a) * x0 + (1 - a) * eps\n"
)


def test_an_exercise_teaches_shows_a_solution_after_a_try_and_counts(lab: Any) -> None:
    lab.open(live=False)
    exercise = lab.page.locator("#exercise-one-jump")
    exercise.scroll_into_view_if_needed()
    lab.page.locator("#exercise-one-jump[data-editable]").wait_for()
    solution = exercise.locator(".solution")
    assert not solution.is_visible(), "the solution comes after a try"
    exercise.locator(".run").click()
    exercise.locator(".failed", has_text="The point comes back as it was.").wait_for()
    assert solution.is_visible()
    content = exercise.locator(".cm-content")

    def answer(code: str) -> None:
        content.click()
        content.press("Control+a")
        lab.page.keyboard.insert_text(code)
        content.press("Control+Enter")

    answer(HALF_RIGHT)
    exercise.locator(".failed", has_text="The noise is multiplied by 1 - alpha_bar").wait_for()
    answer(HALF_RIGHT.replace("eps\n", "eps[0]\n"))
    exercise.locator(".output.hint").wait_for()
    assert "tried with other values" in exercise.locator(".failed").inner_text()
    solution.locator("summary").click()
    answer(solution.locator("code").inner_text())
    exercise.locator(".passed").wait_for()
    other = lab.edit("dissolve", "sorted(n for n in globals() if n in ('check', 'close', 'printed', 'many', 'noised'))")
    assert lab.run(other) == ["['noised']"], "what the checks make is gone"
    lab.page.goto(lab.site + "index.html")
    progress = lab.page.locator(".chapters [data-of='01-forward']")
    assert progress.inner_text().startswith("1 of ")
    assert not lab.page.locator(".chapters [data-of='03-samplers']").is_visible()
