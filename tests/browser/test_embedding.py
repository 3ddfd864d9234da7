"""Pasted into other sites: the host pages of `hosts/` are on another origin than the lab's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page
from tornado.web import Application, RequestHandler

from diffusion_lab.app.build.static_host import SiteFile

from .conftest import serve_in_thread
from .lab import Lab, model

HOSTS = Path(__file__).parent / "hosts"
LIVE = ".live-view .front-panel[data-live]"


class HostPage(RequestHandler):
    """A page of another site, with the lab's address and the code pasted into it; one that isolates itself."""

    def initialize(self, pages: dict[str, str]) -> None:
        self.pages = pages

    def get(self, name: str) -> None:
        """Sends a page that a test has made; there is no other file."""
        if name == "isolated":
            self.set_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        if name in self.pages:
            self.write(self.pages[name])
        else:
            self.set_status(204)


class Course:
    """A site that embeds the lab."""

    def __init__(self, address: str, pages: dict[str, str], page: Page, lab: str) -> None:
        self.address, self.pages, self.page, self.lab = address, pages, page, lab
        self.messages: list[str] = []
        page.on("console", lambda m: m.type in ("error", "warning") and self.messages.append(m.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))

    def open(self, host: str, code: str, width: int = 1100, height: int = 900) -> None:
        """Pastes the code into a host page and opens that."""
        self.page.set_viewport_size({"width": width, "height": height})
        text = (HOSTS / f"{'plain' if host == 'isolated' else host}.html").read_text("utf-8")
        self.pages[host] = text.replace("LAB", self.lab.rstrip("/")).replace("<!--code-->", code)
        self.page.goto(self.address + host)

    def frame(self, number: int = 0) -> Frame:
        """A frame of the lab in the page, when it has loaded."""
        frame = self.page.locator("iframe").nth(number).element_handle().content_frame()
        assert frame is not None
        frame.wait_for_url(f"{self.lab}**", wait_until="domcontentloaded")
        return frame

    def live(self) -> Frame:
        """The lab's frame, when Python is live in it."""
        frame = self.frame()
        frame.wait_for_selector(LIVE, timeout=60_000)
        frame.wait_for_selector(".live[data-state=live]", state="attached", timeout=60_000)
        return frame


@pytest.fixture
def course(warm_profile: Any, site: str) -> Iterator[Course]:
    pages: dict[str, str] = {}
    address, stop = serve_in_thread(lambda: Application([(r"/(.*)", HostPage, {"pages": pages})]))
    page = warm_profile.new_page(site)
    made = Course(address, pages, page, site)
    yield made
    page.close()
    stop()
    assert not made.messages, "the browser's console has complaints"


@pytest.fixture(scope="module")
def codes(warm_profile: Any, site: str) -> dict[str, str]:
    """The two codes that the dialog gives for one state."""
    page = warm_profile.new_page(site)
    lab = Lab(page, site).open("embed/ring.html?t=0.3&seed=7")
    open_dialog(lab)
    dialog = page.locator("dialog")
    found = {}
    for kind in ("iframe", "element"):
        dialog.locator(f"[name=kind][value={kind}]").check()
        found[kind] = dialog.locator("textarea").input_value()
    page.close()
    return found


def open_dialog(lab: Lab) -> None:
    """Opens the dialog of the only instrument, and waits until its preview has said which settings there are."""
    lab.page.locator(".instrument .menu summary").click()
    lab.page.locator(".instrument [data-do=embed]").click()
    lab.page.locator("dialog [name=control-seed]").wait_for(timeout=60_000)


def fits(frame: Frame, slider: str = "t") -> None:
    """Picture and main slider are wholly within the frame, which has no scroll bar of its own."""
    height = frame.evaluate("innerHeight")
    assert frame.evaluate("document.documentElement.scrollHeight") <= height
    for part in (".front-panel .figure", f".front-panel input[type=range][data-param={slider}]", "button.run"):
        place = frame.locator(part).locator("visible=true").first
        box = place.evaluate("(e) => { const b = e.getBoundingClientRect(); return [b.top, b.bottom, b.width]; }")
        assert box[0] >= 0 and box[1] <= height, f"{part} is within the frame: {box} of {height}"
        assert box[2] > 150 or part == "button.run"


def settled(frame: Frame) -> None:
    """Waits until the host has given the frame the height that it needs."""
    frame.wait_for_function("document.documentElement.scrollHeight <= innerHeight && innerHeight >= 500")


@pytest.mark.parametrize("kind", ["iframe", "element"])
@pytest.mark.parametrize(("host", "width"), [("plain", 1100), ("column", 900), ("plain", 390)])
def test_the_pasted_code_fits(course: Course, codes: dict[str, str], kind: str, host: str, width: int) -> None:
    course.open(host, codes[kind], width)
    frame = course.live()
    settled(frame)
    fits(frame)
    assert float(frame.locator(".live-view [data-reading=t]").inner_text()) == 0.3
    assert frame.evaluate(f"{model()}.query") == "t=0.3&seed=7"
    assert frame.evaluate("document.documentElement.dataset.layout") == "full"


def test_the_height_follows_in_both_directions(course: Course, codes: dict[str, str]) -> None:
    course.open("column", codes["iframe"], 900)
    frame = course.live()
    settled(frame)
    first = frame.evaluate("innerHeight")
    frame.locator(".live-view [data-more]").click()
    frame.wait_for_function(f"innerHeight !== {first}")
    settled(frame)
    frame.locator(".live-view [data-more]").click()
    frame.wait_for_function(f"innerHeight === {first}")


def test_a_content_that_follows_the_window_does_not_grow_for_ever(course: Course, codes: dict[str, str]) -> None:
    taller = "main.embed { min-height: calc(100vh + 40px) }"
    course.page.add_init_script(
        f"""addEventListener("DOMContentLoaded", () => {{
          const style = document.createElement("style");
          style.textContent = "{taller}";
          document.head.append(style);
        }})"""
    )
    course.open("column", codes["iframe"], 900)
    frame = course.live()
    course.page.evaluate("new Promise((resolve) => setTimeout(resolve, 500))")  # in which it would grow by 1000 pixels
    height = frame.evaluate("innerHeight")
    assert 500 < height < 2200
    frame.locator("h3").click()
    course.page.evaluate("new Promise((resolve) => setTimeout(resolve, 200))")
    assert frame.evaluate("innerHeight") == height


def test_the_code_states_the_whole_state(codes: dict[str, str]) -> None:
    for name in ("view=forward", "t=0.3", "seed=7", "sampler=langevin", "show_field=true", "num_levels=60"):
        assert name in codes["iframe"]
        assert name.replace("=", '="') + '"' in codes["element"]
    for part in ('loading="lazy"', 'allow="clipboard-write"', "source"):
        assert part in codes["iframe"]


@pytest.mark.parametrize(("width", "height"), [(600, 400), (390, 480), (736, 480), (1000, 420), (800, 620)])
def test_a_low_frame_is_compact(course: Course, codes: dict[str, str], width: int, height: int) -> None:
    code = re.sub(r"<script.*?</script>", "", codes["iframe"], flags=re.DOTALL)
    code = code.replace('width="100%"', f'width="{width}"').replace('height="480"', f'height="{height}"')
    course.open("plain", code, width + 40)
    frame = course.live()
    assert frame.evaluate("[innerWidth, innerHeight]") == [width, height]
    fits(frame)
    legends = frame.locator(".live-view .legends").locator("visible=true")
    rail = frame.locator(".live-view .rail").bounding_box()
    assert rail is not None
    for box in (legend.bounding_box() for legend in legends.all()):
        beside = box is None or box["x"] + box["width"] <= rail["x"] or box["y"] + box["height"] <= rail["y"]
        assert beside, "no legend lies over a control"
    drawer = frame.locator(".drawer")
    sampler = frame.locator(".live-view select[data-param=sampler]")
    assert not sampler.is_visible()
    drawer.click()
    sampler.scroll_into_view_if_needed()
    assert sampler.is_visible() and frame.locator(".live-view .figure").first.is_visible()
    frame.locator(".live-view input[type=range][data-param=t]").press("ArrowRight")
    frame.locator(".live-view [data-reading=t]", has_text="0.31").wait_for(state="attached")


def test_a_policy_without_scripts_and_styles(course: Course, codes: dict[str, str]) -> None:
    course.open("strict", codes["iframe"], 776)
    frame = course.live()
    assert frame.evaluate("document.documentElement.dataset.layout") == "compact"
    fits(frame)
    assert all("Content Security Policy" in message for message in course.messages)
    course.messages.clear()


@pytest.mark.parametrize("allowed", ["allow-scripts", "allow-scripts allow-same-origin", ""])
def test_a_sandbox(course: Course, codes: dict[str, str], allowed: str) -> None:
    code = codes["iframe"].replace("<iframe ", f'<iframe sandbox="{allowed} allow-popups" ')
    course.open("column", code, 900)
    frame = course.frame()
    if "same-origin" in allowed:
        fits(course.live())
        assert not frame.locator(".cannot").is_visible()
        return
    said = frame.locator(".cannot")
    said.wait_for()
    text = said.inner_text()
    assert ("sandbox" in text) == bool(allowed) and ("Scripts do not run" in text) != bool(allowed)
    assert "first picture" in text
    assert frame.locator(".still .figure svg").first.is_visible()
    assert not frame.locator(".live").is_visible(), "no claim that JavaScript or Python is missing"
    with course.page.context.expect_page() as opened:
        said.locator("a").click()
    assert opened.value.url == frame.url and "t=0.3" in frame.url
    opened.value.close()
    course.messages.clear()  # files that the sandbox keeps away


class StrictSiteFile(SiteFile):
    """The lab on a host that sends a policy with every file."""

    policy = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' data:;"
        " script-src 'self'"
    )

    def set_default_headers(self) -> None:
        """The policy."""
        self.set_header("Content-Security-Policy", self.policy)


class StrictSiteFileWithWasm(StrictSiteFile):
    """A policy that lets Python run."""

    policy = StrictSiteFile.policy + " 'wasm-unsafe-eval' blob:"


@pytest.mark.parametrize("handler", [StrictSiteFile, StrictSiteFileWithWasm])
def test_a_lab_whose_host_sends_a_policy(course: Course, codes: dict[str, str], dist: Path, handler: Any) -> None:
    options = {"dist": dist, "dress": None}
    address, stop = serve_in_thread(lambda: Application([(r"/(.*)", handler, options)]))
    code, course.lab = codes["iframe"].replace(course.lab, address), address
    course.open("column", code, 900)
    if handler is StrictSiteFileWithWasm:
        frame = course.live()
        settled(frame)
        fits(frame)
        assert all("inline script" in message for message in course.messages), "nothing else is kept away"
    else:
        frame = course.frame()
        said = frame.locator(".cannot")
        said.wait_for(timeout=30_000)
        assert said.inner_text().startswith("Python cannot run here: ")
        assert frame.locator(".still .figure svg").first.is_visible()
    course.page.goto("about:blank")
    course.messages.clear()
    stop()


def test_a_page_that_isolates_itself(course: Course, codes: dict[str, str]) -> None:
    course.open("isolated", codes["iframe"].replace("<iframe ", "<iframe credentialless "), 776)
    assert course.page.evaluate("crossOriginIsolated")
    frame = course.live()
    settled(frame)
    fits(frame)


def test_blocked_storage(course: Course, codes: dict[str, str]) -> None:
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    names = ("localStorage", "sessionStorage", "caches", "indexedDB")
    course.page.add_init_script("".join(f"Object.defineProperty(window, '{name}', {blocked});" for name in names))
    course.page.add_init_script("delete Navigator.prototype.locks")
    course.open("column", codes["iframe"], 900)
    frame = course.live()
    settled(frame)
    fits(frame)


def test_no_web_assembly(course: Course, codes: dict[str, str]) -> None:
    course.page.add_init_script("delete window.WebAssembly")
    course.open("column", codes["iframe"], 900)
    frame = course.frame()
    said = frame.locator(".cannot")
    said.wait_for()
    assert said.inner_text().startswith("Python cannot run here: ")
    assert "no WebAssembly" in frame.locator(".live").inner_text()
    assert frame.locator(".still .figure svg").first.is_visible()
    assert said.locator("a").evaluate("(a) => a.href") == frame.url
    course.open(
        "plain", codes["iframe"].split("<script")[0] * 2, 640
    )  # compact; the second need not wait for the first
    for number in (0, 1):
        frame = course.frame(number)
        frame.locator(".live[data-state=failed]").wait_for(timeout=10_000)
        assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
        inside = frame.locator(".retry").evaluate("(e) => e.getBoundingClientRect().right <= innerWidth")
        assert inside


@pytest.mark.parametrize("loading", ["lazy", "eager"])
def test_a_closed_box(course: Course, codes: dict[str, str], loading: str) -> None:
    course.open("closed", codes["iframe"].replace('loading="lazy"', f'loading="{loading}"'), 900)
    if loading == "eager":
        frame = course.frame()
        frame.wait_for_function("window.lab")
        frame.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")  # in which nothing may start
        assert frame.evaluate("lab.python.health") == "asleep"
    course.page.locator("summary").click()
    frame = course.live()
    settled(frame)
    fits(frame)


def test_ten_frames_start_one_after_the_other(course: Course, codes: dict[str, str]) -> None:
    frame_only = re.sub(r"<script.*?</script>", "", codes["iframe"], flags=re.DOTALL)
    course.open("column", "<p>Text.</p>".join([frame_only] * 10), 900, 800)
    started = "window.lab?.python.health !== 'asleep'"
    course.frame(0).wait_for_function("window.lab?.python.health === 'live'", timeout=60_000)
    course.frame(1).wait_for_function("window.lab?.python.health === 'live'", timeout=60_000)
    stages = [course.frame(k).evaluate("performance.timeOrigin + lab.python.stages.worker") for k in (0, 1)]
    live = course.frame(0).evaluate("performance.timeOrigin + lab.python.stages.live")
    assert stages[0] < stages[1] and live - 50 < stages[1], "the second waits for the first"
    loaded = [frame for frame in course.page.frames[1:] if frame.url.startswith(course.lab)]
    assert not any(frame.evaluate(started) for frame in loaded[3:]), "those out of sight have not started"
    course.page.locator("iframe").nth(9).scroll_into_view_if_needed()
    course.frame(9).wait_for_function("window.lab?.python.health === 'live'", timeout=60_000)
    fits(course.frame(9))


def embed(course: Course, query: str, more: str = "") -> str:
    return f'<iframe src="{course.lab}embed/ring.html?{query}" width="100%" height="480" {more}></iframe>'


def test_messages(course: Course) -> None:
    course.open("listening", embed(course, "t=0.3&seed=7"), 776)
    frame = course.live()
    ask = partial(course.page.evaluate, "(request) => ask(request)")
    course.page.wait_for_function("heard.some(({ type, stage }) => type === 'ready' && stage === 'live')")
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
    course.page.wait_for_function("heard.some(({ type, settings }) => type === 'stateChanged' && settings.t === 0.51)")
    described = ask({"type": "describe"})["settings"]
    assert next(setting for setting in described if setting["name"] == "t")["high"] == 1


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"type": "setState", "settings": {"t": 7}}, "`t` must be a number from 0 to 1, got 7."),
        ({"type": "setState", "settings": {"t": 0.2, "tee": 1}}, "There is no setting `“tee”`"),
        ({"type": "setState", "settings": {"view": "<b>"}}, "`view` must be one of clean, forward, reverse"),
        ({"type": "setState"}, "`setState` has a wrong `settings`"),
        ({"type": "explode"}, "There is no message"),
        ({"type": "setTheme", "theme": "blue"}, "`setTheme` has a wrong `theme`"),
    ],
)  # fmt: skip
def test_a_wrong_message_is_answered_by_a_sentence(course: Course, request_: dict[str, Any], said: str) -> None:
    course.open("listening", embed(course, "t=0.3&start=paused"), 776)
    course.page.wait_for_function("heard.some(({ type }) => type === 'ready')")
    answer = course.page.evaluate("(request) => ask(request)", request_)
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
    course.page.wait_for_function("heard.some(({ type }) => type === 'ready')")
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
    frame.wait_for_function("window.lab")
    course.page.evaluate("frames[0].postMessage({ schema: 'diffusion-lab/1', type: 'setTheme', theme: 'dark' }, '*')")
    frame.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
    assert frame.evaluate("document.documentElement.dataset.theme") is None
    assert course.page.evaluate("heard.length") == 0
    own = course.address.rstrip("/")
    course.open("listening", embed(course, f"start=paused&origin={own}"), 776)
    assert course.page.evaluate("ask({type: 'getState'})")["type"] == "state"


def test_options_of_the_address(course: Course) -> None:
    query = "title=Noise&hide=sampler,reset&lock=seed,t&menu=0&measures=0&theme=dark&layout=full&utm=x&t=0.4"
    course.open("plain", embed(course, query), 1100)
    frame = course.live()
    assert frame.locator("h3").inner_text() == "Noise"
    for gone in ("select[data-param=sampler]", "[data-action=reset]", ".measures", "details.menu"):
        assert not frame.locator(gone).locator("visible=true").count(), gone
    for locked in ("input[type=range][data-param=t]", "input[data-param=seed]"):
        assert frame.locator(f".live-view {locked}").is_disabled()
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not frame.locator(".notice").locator("visible=true").count()
    assert (
        frame.locator("figcaption a").evaluate("(a) => a.target || document.querySelector('base').target") == "_blank"
    )


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
    slider = frame.locator(".still input[type=range][data-param=t]")
    slider.evaluate("(e) => { e.value = 0.6; e.dispatchEvent(new Event('input')); }")
    frame.locator(".still .figure[aria-label*='t = 0.6']").wait_for()
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
    course.page.wait_for_function("heard.some(({ type }) => type === 'completed')")
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
        course.page.wait_for_function(f"heard.some(({{ answer }}) => answer === '{text}')")
        told = course.page.evaluate("heard.findLast(({ type }) => type === 'quizAnswered')")
        assert (told["right"], told["name"]) == (right, path)
    course.page.wait_for_function("heard.some(({ type }) => type === 'completed')")
    assert course.page.evaluate("heard.some(({ type }) => type === 'height')")
    link = frame.locator(".origin a")
    assert link.evaluate("(a) => a.href") == f"{course.lab}chapters/01-forward.html#quiz-noised-value"


def test_a_cell_alone_runs_those_above_it(course: Course) -> None:
    code = f"""<iframe src="{course.lab}embed/cell/forward-langevin.html" width="100%" height="600"></iframe>"""
    course.open("plain", code, 800)
    cell = course.frame().locator("main > .cell[data-editable]")
    cell.locator(".run").click()
    cell.locator(".state", has_text=re.compile(r"\d m?s")).wait_for(timeout=60_000)
    assert "sd of a mode" in cell.locator(".output.text").first.inner_text()
    assert not cell.locator(".output.error").count()
    assert not course.frame().locator(".above .cell").first.is_visible()


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
        "events.some(([type, detail]) => type === 'statechange' && detail.settings.t === 0.2)"
    )
    assert frame.locator(".live-view input[data-param=seed]").is_disabled()


Make = Callable[..., Any]


def test_the_dialog_shows_and_writes_what_is_chosen(open_lab: Make) -> None:
    lab = open_lab().open("chapters/01-forward.html?ring.seed=9")
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_dialog(lab)
    dialog = lab.page.locator("dialog")
    dialog.locator("[name=control-seed]").select_option("locked")
    dialog.locator("[name=control-sampler]").select_option("hidden")
    dialog.locator("[name=theme]").select_option("dark")
    dialog.locator("[name=title]").fill('A "ring"')
    dialog.locator("[name=title]").press("Tab")
    dialog.locator("[name=size]").select_option("fixed")
    preview = lab.page.frames[-1]
    preview.wait_for_url("**/embed/ring.html?*lock=seed*")
    preview.wait_for_selector(LIVE, timeout=60_000)
    preview.wait_for_selector(".live[data-state=live]", state="attached", timeout=60_000)
    preview.locator(".live-view input[type=range][data-param=t]").press("ArrowRight")
    lab.wait(
        "document.querySelector('body > div:last-child').shadowRoot.querySelector('textarea').value.includes('t=0.06')"
    )
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


def test_chapters_lead_to_the_page_for_teachers(open_lab: Make) -> None:
    lab = open_lab().open(live=False)
    assert lab.page.locator("footer a", has_text="For teachers").evaluate("(a) => a.href") == f"{lab.site}teachers.html"
