"""Options in an embedded page's address, and the pages of single questions and cells."""

from __future__ import annotations

import re

from .course import Course, embed
from .lab import model


def test_options_of_the_address(course: Course) -> None:
    query = "title=Noise&hide=sampler,reset&lock=seed,t&menu=0&measures=0&theme=dark&layout=full&utm=x&t=0.4"
    course.open("plain", embed(course, query), 1100)
    frame = course.live()
    assert frame.locator(".instrument-title").inner_text() == "Noise"
    for gone in ("select[data-param=sampler]", "[data-action=reset]", ".measures", "details.menu"):
        assert not frame.locator(gone).locator("visible=true").count(), gone
    for locked in ("input[type=range][data-param=t]", "input[data-param=seed]"):
        assert frame.locator(f".live-view {locked}").is_disabled()
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not frame.locator(".notice").locator("visible=true").count()
    assert (
        frame.locator("figcaption a").evaluate("(a) => a.target || document.querySelector('base').target") == "_blank"
    )


def test_a_locked_setting_keeps_its_value_and_the_buttons_that_would_move_it_are_locked(course: Course) -> None:
    course.open("listening", embed(course, "t=0.4&seed=7&lock=t,seed&layout=full"), 1100)
    frame = course.live()
    buttons = {
        name: frame.locator(f".live-view {name}") for name in ("[data-play]", "[data-action=step]", "button.run")
    }
    assert [button.is_disabled() for button in buttons.values()] == [True, True, False]
    course.page.evaluate("ask({type: 'setState', settings: {t: 0.6, num_levels: 60}})")
    frame.locator(".live-view [data-reading=t]", has_text="0.60").wait_for()
    frame.locator(".live-view [data-action=reset]").click()
    frame.wait_for_function(f"() => !{model()}.query.includes('num_levels')")
    assert frame.evaluate(f"{model()}.query") == "t=0.6&seed=7", "Reset left what the host has set and locked"
    buttons["button.run"].click()
    frame.wait_for_function(f"() => {model()}.view === 'reverse'")
    assert frame.evaluate(f"[{model()}.t, {model()}.seed]") == [0.6, 7]
    assert [button.is_disabled() for button in buttons.values()] == [False, False, False], "here they play `progress`"


def test_a_misspelt_option_gets_its_sentence(course: Course) -> None:
    course.open("plain", embed(course, "lokc=t&theme=blue&hide=samples&v=1&start=paused"), 776)
    said = course.frame().locator(".notice").locator("visible=true").inner_text()
    assert "There is no option `lokc`; is `lock` meant?" in said
    assert "`theme` must be light, dark or auto, got “blue”." in said
    assert "`hide` names `samples`" in said


def test_python_waits_for_a_press(course: Course) -> None:
    course.open("plain", embed(course, "start=paused&t=0.3&seed=4"), 776)
    frame = course.frame()
    frame.locator(".live", has_text="Press to start Python").wait_for()
    slider = frame.locator(".still .slider[data-ready] input[type=range][data-param=t]")
    slider.evaluate("(e) => { e.value = 0.6; e.dispatchEvent(new Event('input')); }")
    frame.locator(".still .figure[aria-label*='t = 0.6']").wait_for()
    course.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame.locator("details.menu > summary").dispatch_event("click")
    frame.locator("[data-do=link]").dispatch_event("click")
    copied = frame.locator("details.menu output").locator("visible=true")
    copied.wait_for()
    link = copied.inner_text()
    assert "t=0.6" in (course.page.evaluate("navigator.clipboard.readText()") if link == "Copied." else link)
    assert frame.evaluate("lab.python.health") == "asleep"
    frame.locator(".still .figure").first.click()
    course.live()
    frame.locator(".live-view [data-reading=t]", has_text="0.60").wait_for()


def test_a_question_before_the_controls(course: Course) -> None:
    course.open("listening", embed(course, "question=When+is+the+ring+lost%3F&layout=full"), 776)
    frame = course.live()
    assert frame.locator(".live-view .rail").evaluate("(rail) => rail.inert")
    asked = frame.locator(".asked")
    assert "When is the ring lost?" in asked.inner_text()
    asked.locator("input").fill("<b>0.2</b>")
    asked.locator("button").click()
    course.page.wait_for_function("() => heard.some(({ type }) => type === 'completed')")
    answer = course.page.evaluate("heard.find(({ type }) => type === 'quizAnswered')")
    assert (answer["answer"], answer["right"]) == ("<b>0.2</b>", None)
    assert not frame.locator(".live-view .rail").evaluate("(rail) => rail.inert")


def test_a_question_alone(course: Course) -> None:
    path = "quiz/forward-noised-value"
    course.open("listening", f'<iframe src="{course.lab}embed/{path}.html" width="100%" height="200"></iframe>', 600)
    frame = course.frame()
    for text, right in (("7", False), ("2", True)):
        frame.locator("form.quiz input").fill(text)
        frame.locator("form.quiz button").click()
        course.page.wait_for_function(f"() => heard.some(({{ answer }}) => answer === '{text}')")
        told = course.page.evaluate("heard.findLast(({ type }) => type === 'quizAnswered')")
        assert (told["right"], told["name"]) == (right, path)
    course.page.wait_for_function("() => heard.some(({ type }) => type === 'completed')")
    assert course.page.evaluate("heard.some(({ type }) => type === 'height')")
    link = frame.locator(".origin a")
    assert link.evaluate("(a) => a.href") == f"{course.lab}chapters/01-forward.html#quiz-noised-value"


def test_a_cell_alone_runs_those_above_it(course: Course) -> None:
    code = f"""<iframe src="{course.lab}embed/cell/forward-langevin.html" width="100%" height="600"></iframe>"""
    course.open("plain", code, 800)
    cell = course.frame().locator("main > .cell[data-editable]")
    cell.locator(".run").click()
    cell.locator(".state", has_text=re.compile(r"\d m?s")).wait_for()
    assert "sd of a mode" in cell.locator(".output.text").first.inner_text()
    assert not cell.locator(".output.error").count()
    assert not course.frame().locator(".above .cell").first.is_visible()


def test_the_frame_speaks_the_language_that_the_page_asks_for(course: Course) -> None:
    code = f"""<script src="{course.lab}embed.js" async></script>
      <instrument-lab name="ring" lang="de-AT"></instrument-lab>
      {embed(course, "start=paused")}"""
    course.open("plain", code, 1100, 1900)
    frame = course.live()
    assert frame.evaluate("document.documentElement.lang") == "de"
    frame.locator(".live .words", has_text="Python läuft").wait_for()
    frame.locator(".menu > summary[title=Mehr]").click()
    frame.locator("[data-do=link]", has_text="Link zu diesem Zustand kopieren").click()
    frame.locator(".menu output:not(:empty)").wait_for()
    frame.locator(".live-view [data-action=reset][aria-label=Zurücksetzen]").wait_for()
    # What the instrument says is English, and is marked so; the lab's words within it are marked German.
    assert frame.locator(".live-view button.run").inner_text() == "Sample"
    assert frame.locator(".live-view .front-panel").get_attribute("lang") == "en"
    assert frame.locator(".live-view [data-more]").get_attribute("lang") == "de"
    # The other frame is English, and has not loaded any other words.
    other = course.frame(1)
    other.locator(".live .words", has_text="Press to start Python").wait_for()
    assert other.evaluate("document.documentElement.lang") == "en"
    loaded = [
        frame.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)") for frame in (frame, other)
    ]
    assert [sum("-language-" in name or "-words_de-" in name for name in names) for names in loaded] == [2, 0]
