"""Messages between an embedded page and the page around it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .course import FRAMES, Course, embed, fits, settled


def test_messages(course: Course) -> None:
    course.open("listening", embed(course, "t=0.3&seed=7"), 776)
    frame = course.live()
    ask = partial(course.page.evaluate, "(request) => ask(request)")
    course.page.wait_for_function("() => heard.some(({ type, stage }) => type === 'ready' && stage === 'live')")
    assert course.page.evaluate("heard.filter(({ schema }) => schema === 'diffusion-lab/1').length >= 3")
    kinds = course.page.evaluate("heard.map(({ type, stage }) => stage ?? type)")
    assert {"height", "picture", "live"} <= set(kinds) and kinds.index("picture") < kinds.index("live")
    state = ask({"type": "getState"})
    assert state["settings"]["t"] == 0.3 and state["settings"]["show_field"] is True and state["name"] == "ring"
    assert state["readings"]["alpha_bar"] == pytest.approx(0.165, abs=1e-3)
    moved = ask({"type": "setState", "settings": {"t": 0.5, "show_density": True}})
    assert (moved["type"], moved["settings"]["t"], moved["settings"]["show_density"]) == ("state", 0.5, True)
    frame.locator(".live-view input[data-param=show_density]:checked").wait_for(state="attached")
    course.page.evaluate("heard.length = 0")
    frame.locator(".live-view input[type=range][data-param=t]").press("ArrowRight")
    course.page.wait_for_function(
        "() => heard.some(({ type, settings }) => type === 'stateChanged' && settings.t === 0.51)"
    )
    course.page.evaluate("frames[0].postMessage({ schema: 'diffusion-lab/1', type: 'statements' }, '*')")
    frame.locator(".live-view input[type=range][data-param=t]").press("ArrowRight")
    course.page.wait_for_function("() => heard.some(({ type }) => type === 'statement')")
    (statement,) = course.page.evaluate("heard.flatMap(({ statement }) => statement ?? [])")
    assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/interacted" and "actor" not in statement
    assert statement["object"]["id"] == f"{course.lab}embed/ring.html" and "t=0.52" in statement["result"]["response"]
    described = ask({"type": "describe"})["settings"]
    assert next(setting for setting in described if setting["name"] == "t")["high"] == 1


#: A wrong message, and what its answer says.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "setState", "settings": {"t": 7}}, "`t` must be a number from 0 to 1, got 7."),
    ({"type": "setState", "settings": {"t": 0.2, "tee": 1}}, "There is no setting `“tee”`"),
    ({"type": "setState", "settings": {"view": "<b>"}}, "`view` must be one of clean, forward, reverse"),
    ({"type": "setState"}, "`setState` has a wrong `settings`"),
    ({"type": "explode"}, "There is no message"),
    ({"type": "setTheme", "theme": "blue"}, "`setTheme` has a wrong `theme`"),
]


def test_a_wrong_message_is_answered_by_a_sentence(course: Course) -> None:
    course.open("listening", embed(course, "t=0.3&start=paused"), 776)
    course.page.wait_for_function("() => heard.some(({ type }) => type === 'ready')")
    for request, said in WRONG:
        answer = course.page.evaluate("(request) => ask(request)", request)
        assert answer["type"] == "error" and said in answer["message"]
        assert course.page.evaluate("ask({type: 'getState'})")["settings"]["t"] == 0.3, "nothing has moved"


@pytest.mark.parametrize("host", ["h5p", "lti"])
def test_a_course_system_resizes_in_its_own_words(course: Course, host: str) -> None:
    course.open(host, embed(course, "t=0.3"), 776)
    frame = course.live()
    settled(frame)
    fits(frame)


def test_foreign_and_malformed_messages_are_ignored(course: Course) -> None:
    course.open("listening", embed(course, "t=0.3&start=paused"), 776)
    course.page.wait_for_function("() => heard.some(({ type }) => type === 'ready')")
    course.page.evaluate(
        """heard.length = 0;
        const later = { schema: "diffusion-lab/2", type: "getState" };
        for (const data of [null, 1, "x", [], {}, { schema: "h5p" }, { type: "getState" }, later])
          frames[0].postMessage(data, "*")"""
    )
    # Another window than the parent may not ask, even by the right words.
    course.frame().evaluate("postMessage({ schema: 'diffusion-lab/1', type: 'getState' }, '*')")
    course.page.evaluate("ask({type: 'describe'})")
    assert course.page.evaluate("heard.map(({ type }) => type)") == ["settings"]


def test_only_the_origins_of_the_address_are_heard_and_told(course: Course) -> None:
    course.open("listening", embed(course, "start=paused&origin=https://course.example"), 776)
    frame = course.frame()
    frame.wait_for_function("() => window.lab")
    course.page.evaluate("frames[0].postMessage({ schema: 'diffusion-lab/1', type: 'setTheme', theme: 'dark' }, '*')")
    frame.evaluate(FRAMES)
    assert frame.evaluate("document.documentElement.dataset.theme") is None
    assert course.page.evaluate("heard.length") == 0
    own = course.address.rstrip("/")
    course.open("listening", embed(course, f"start=paused&origin={own}"), 776)
    assert course.page.evaluate("ask({type: 'getState'})")["type"] == "state"


def test_an_embedded_question_makes_statements_and_a_receipt(course: Course, dist: Path) -> None:
    name = min(path.stem for path in (dist / "embed/quiz").glob("*.html"))
    address = f"{course.lab}embed/quiz/{name}.html"
    course.open("listening", f'<iframe src="{address}?statements=1" width="100%" height="480"></iframe>', 776)
    frame = course.frame()
    right = str(frame.locator("form[data-quiz]").get_attribute("data-answer"))
    for answer in ("1e9", right):
        frame.locator("form input").fill(answer)
        frame.get_by_role("button", name="Check").click()
    course.page.wait_for_function("() => heard.filter(({ type }) => type === 'statement').length === 3")
    statements = course.page.evaluate("heard.flatMap(({ statement }) => statement ?? [])")
    assert [statement["verb"]["display"]["en"] for statement in statements] == ["answered", "answered", "completed"]
    assert [statement["result"].get("response") for statement in statements] == ["1e9", right, None]
    assert [statement["result"]["success"] for statement in statements] == [False, True, True]
    assert {statement["object"]["id"] for statement in statements} == {address}
    (parent,) = statements[0]["context"]["contextActivities"]["parent"]
    assert parent["id"].startswith(f"{course.lab}chapters/")
    frame.get_by_role("button", name="Receipt").click()
    code = frame.locator("dialog textarea").input_value()
    course.page.goto(f"{course.lab}receipts.html")
    course.page.locator("#codes").fill(code)
    row = course.page.locator(".receipts tbody tr")
    expect(row).to_contain_text("1 of 1 done")
    expect(row).to_contain_text(f": {right}, right")
