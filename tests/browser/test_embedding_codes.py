"""`<instrument-lab>`, the dialog that makes the code, and the page for teachers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .course import CODE, LIVE, Course, fits, open_dialog, settled

Make = Callable[..., Any]


def test_the_element_gives_events_and_takes_settings(course: Course) -> None:
    code = f"""<script src="{course.lab}embed.js" async></script>
      <instrument-lab name="ring" t="0.4" lock="seed"></instrument-lab>
      <script>const lab = document.querySelector("instrument-lab"); const events = [];
      for (const type of ["ready", "statechange", "error"])
        lab.addEventListener(type, ({{ detail }}) => events.push([type, detail]));</script>"""
    course.open("plain", code, 900)
    frame = course.live()
    settled(frame)
    fits(frame)
    assert course.page.evaluate("lab.getState().then(({ settings }) => settings.t)") == 0.4
    assert course.page.evaluate("lab.setState({ t: 0.7 }).then(({ settings }) => settings.t)") == 0.7
    assert "must be a number" in course.page.evaluate("lab.setState({ t: 'x' }).catch(({ message }) => message)")
    course.page.evaluate("lab.setAttribute('t', '0.2')")
    course.page.wait_for_function(
        "() => events.some(([type, detail]) => type === 'statechange' && detail.settings.t === 0.2)"
    )
    assert frame.locator(".live-view input[data-param=seed]").is_disabled()


def test_the_dialog_shows_and_writes_what_is_chosen(open_lab: Make) -> None:
    lab = open_lab().open("chapters/01-forward.html?ring.seed=9")
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_dialog(lab)
    dialog = lab.page.locator("dialog")
    hint = dialog.locator("p", has_text="credentialless").locator("a")
    assert hint.evaluate("(a) => a.href") == f"{lab.site}teachers.html#where"
    dialog.locator("[name=control-seed]").select_option("locked")
    dialog.locator("[name=control-sampler]").select_option("hidden")
    dialog.locator("[name=theme]").select_option("dark")
    dialog.locator("[name=title]").fill('A "ring"')
    dialog.locator("[name=title]").press("Tab")
    dialog.locator("[name=size]").select_option("fixed")
    preview = lab.page.frames[-1]
    preview.wait_for_url("**/embed/ring.html?*lock=seed*")
    preview.wait_for_selector(LIVE)
    preview.wait_for_selector(".live[data-state=live]", state="attached")
    preview.locator(".live-view input[type=range][data-param=t]").press("ArrowRight")
    lab.wait(f"{CODE}.includes('t=0.06')")
    dialog.locator("button.copy").click()
    dialog.locator("output", has_text="Copied.").wait_for()
    code = lab.page.evaluate("navigator.clipboard.readText()")
    assert code.startswith(f'<iframe src="{lab.site}embed/ring.html?view=forward&amp;t=0.06&amp;')
    for part in ("seed=9", "lock=seed", "hide=sampler", "theme=dark", 'title="A &quot;ring&quot;"', 'height="480"'):
        assert part in code
    assert "<script" not in code, "a fixed height needs no listener"
    dialog.locator("button.close").click()
    assert lab.page.locator("dialog").count() == 0
    assert lab.page.evaluate("document.activeElement.matches('.instrument .menu > summary')")


@pytest.mark.parametrize("width", [390, 1360])
def test_the_page_for_teachers(open_lab: Make, dist: Path, width: int) -> None:
    lab = open_lab(viewport={"width": width, "height": 900}).open("index.html", live=False)
    lab.page.locator("main a", has_text="For teachers").click()
    lab.page.wait_for_url("**/teachers.html")
    for summary in lab.page.locator("details.settings > summary").all():
        summary.click()
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= width
    named = re.findall(r"embed/[\w/-]+\.html", lab.page.locator("main").inner_text())
    assert len(set(named)) > 20 and all((dist / path).is_file() for path in named)
    rows = lab.page.locator("#settings-ring tbody tr").all_inner_texts()
    assert any(row.startswith("t\t") and "0 to 1" in row and "0.18" in row for row in rows)
    frame = lab.page.locator("instrument-lab iframe")
    frame.scroll_into_view_if_needed()
    example = frame.element_handle().content_frame()
    assert example is not None
    example.locator(".live", has_text="Press to start Python").wait_for()


def test_the_page_for_teachers_copies_codes_that_work(course: Course) -> None:
    course.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    course.page.goto(f"{course.lab}teachers.html")
    codes = []
    course.page.locator("details.settings > summary", has_text="Questions").click()
    for button in (course.page.locator("pre .copy-code").first, course.page.locator("li .copy-code").first):
        button.click()
        course.page.locator(".copy-code", has_text="Copied.").wait_for()
        codes.append(course.page.evaluate("navigator.clipboard.readText()"))
        button.blur()
    assert all("YOUR-HOST" not in code and "data-heights=" in code for code in codes)
    assert re.search('title="Question · [^"]+"', codes[1])
    for code in codes:
        course.open("column", code)
        frame = course.frame()
        frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight")


def test_chapters_lead_to_the_page_for_teachers(open_lab: Make) -> None:
    lab = open_lab().open(live=False)
    assert lab.page.locator("footer a", has_text="For teachers").evaluate("(a) => a.href") == f"{lab.site}teachers.html"
