"""The code that a teacher pastes: the frame fits its content, is compact where it is low, and starts in turn."""

from __future__ import annotations

import re

import pytest

from .course import FRAMES, Course, fits, settled
from .lab import FONTS, Lab, model

#: Notes each height that the frame has.
HEIGHTS = """window.seen = [];
const watch = new ResizeObserver(([{ contentRect }]) => contentRect.height && seen.push(contentRect.height));
if (top === window)
  addEventListener("DOMContentLoaded", () => watch.observe(document.querySelector("iframe, instrument-lab")))"""


@pytest.mark.parametrize("kind", ["iframe", "element"])
@pytest.mark.parametrize(("host", "width"), [("plain", 1100), ("column", 900), ("plain", 390)])
def test_the_pasted_code_fits_and_the_page_around_does_not_jump(
    course: Course, codes: dict[str, str], kind: str, host: str, width: int
) -> None:
    """From the first paint until Python is live the frame's height changes by less than a line of text."""
    course.page.add_init_script(HEIGHTS)
    course.open(host, codes[kind], width)
    frame = course.live()
    settled(frame)
    heights = course.page.evaluate("seen")
    assert len(heights) > 0 and max(heights) - min(heights) < 20, heights
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
    frame.wait_for_function(f"() => innerHeight !== {first}")
    settled(frame)
    frame.locator(".live-view [data-more]").click()
    frame.wait_for_function(f"() => innerHeight === {first}")


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
    frame.evaluate(FRAMES)  # a report and its echo take two or three frames
    height = frame.evaluate("innerHeight")
    assert 500 < height < 2200
    frame.evaluate(FRAMES)  # in which it would grow by hundreds of pixels
    assert frame.evaluate("innerHeight") == height
    frame.locator(".instrument-title").click()
    frame.evaluate(FRAMES)
    assert frame.evaluate("innerHeight") == height


def test_the_code_states_the_whole_state(codes: dict[str, str]) -> None:
    for name in ("view=forward", "t=0.3", "seed=7", "sampler=langevin", "show_field=true", "num_levels=60"):
        assert name in codes["iframe"]
        assert name.replace("=", '="') + '"' in codes["element"]
    for part in ('loading="lazy"', 'allow="clipboard-write"', "source"):
        assert part in codes["iframe"]


def test_alone_in_a_window_picture_and_main_slider_are_in_sight_together(lab: Lab) -> None:
    """The picture is high: it stays at the top while the page scrolls, so it must leave room for what is below."""
    lab.open("embed/unmask.html")
    for size in ((1360, 760), (390, 800), (360, 640)):
        lab.page.set_viewport_size({"width": size[0], "height": size[1]})
        picture = lab.page.locator(".live-view .panes").bounding_box()
        slider = lab.page.locator(".live-view .rail .slider").locator("visible=true").first.bounding_box()
        for box in (picture, slider):
            assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], (size, picture, slider)


@pytest.mark.parametrize("page", ["chapters/08-text.html", "chapters/04-guidance.html", "embed/unmask.html"])
def test_on_a_low_phone_picture_main_slider_and_run_button_are_in_sight_together(lab: Lab, page: str) -> None:
    lab.page.set_viewport_size({"width": 360, "height": 640})
    # A chapter's still picture may be replaced at any moment, so Python's figures are measured there.
    lab.open(page) if page.startswith("chapters") else lab.open(f"{page}?start=paused", live=False)
    lab.page.evaluate(FONTS)
    lab.instrument.evaluate("(figure) => figure.scrollIntoView({ block: 'start', behavior: 'instant' })")
    for part in (".figure", ".rail .slider", "button.run"):
        box = lab.instrument.locator(part).locator("visible=true").first.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 640, (part, box)


def test_two_pictures_have_legends_as_wide_as_both(lab: Lab) -> None:
    lab.page.set_viewport_size({"width": 390, "height": 844})
    lab.open("embed/distill.html?start=paused", live=False)
    both = lab.instrument.locator(".still .panes").bounding_box()
    boxes = [legends.bounding_box() for legends in lab.instrument.locator(".still .pane .legends:visible").all()]
    assert len(boxes) == 2 and [box and box["width"] for box in boxes] == [both and both["width"]] * 2
    alike = lab.instrument.locator(".still .pane[data-when*=few_steps] .legends")
    assert [legends.get_attribute("data-same") for legends in alike.all()] == [None, ""], "said once"


@pytest.mark.parametrize("name", ["loss", "samplers", "unmask"])
def test_nothing_of_a_low_frame_is_cut_off_or_covered(course: Course, name: str) -> None:
    sizes = ((600, 400), (374, 400), (374, 640))
    code = f'<iframe src="{course.lab}embed/{name}.html?start=paused" width="%d" height="%d"></iframe>'
    course.open("plain", "".join(code % size for size in sizes), 700, 1600)
    for number in range(len(sizes)):
        frame = course.frame(number)
        frame.wait_for_function("() => window.lab?.frame?.layout.compact")
        frame.evaluate(FONTS)
        rail, picture = frame.locator(".rail"), frame.locator(".figure").locator("visible=true").first.bounding_box()
        assert rail.evaluate("(e) => e.scrollHeight <= e.clientHeight + 1"), "no control is behind a scroll bar"
        assert picture is not None and min(picture["width"], picture["height"]) >= 80
        for legend in frame.locator(".picture .legends").locator("visible=true").all():
            box, below = legend.bounding_box(), rail.bounding_box()
            assert box and below and box["y"] + box["height"] <= below["y"], "no legend lies over a control"


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


def test_the_compact_layout_keeps_words_whole(course: Course) -> None:
    """Two pictures of the same height begin at the same height, read-outs do not overlap, no option is cut off."""
    source = f"{course.lab}embed/distill.html?view=guidance&training_step=0"
    course.open("plain", f'<iframe src="{source}" width="600" height="400"></iframe>', 640)
    panel = course.live().locator(".live-view .front-panel[data-layout=compact]")
    tops = [title.bounding_box() for title in panel.locator(".scene-title").locator("visible=true").all()]
    assert len({box["y"] for box in tops if box}) == 1 and len(tops) == 2, tops
    words = panel.locator(".readouts dt").locator("visible=true")
    wide = words.evaluate_all("(all) => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent)")
    assert words.count() >= 2 and not wide
    option = panel.locator("select[data-param=view]")
    room, taken = option.evaluate("""(e) => { const of = document.createElement("canvas").getContext("2d");
      const style = getComputedStyle(e);
      of.font = style.font;
      return [e.clientWidth - parseFloat(style.paddingRight), of.measureText(e.selectedOptions[0].text).width]; }""")
    assert taken <= room + 1


@pytest.mark.parametrize("loading", ["lazy", "eager"])
def test_a_closed_box(course: Course, codes: dict[str, str], loading: str) -> None:
    course.open("closed", codes["iframe"].replace('loading="lazy"', f'loading="{loading}"'), 900)
    if loading == "eager":
        frame = course.frame()
        frame.wait_for_function("() => window.lab")
        frame.evaluate("fetch(location.href).then((answer) => answer.text())")  # a start would have begun by then
        assert frame.evaluate("lab.python.health") == "asleep"
    course.page.locator("summary").click()
    frame = course.live()
    settled(frame)
    fits(frame)


def test_ten_frames_start_one_after_the_other(course: Course, codes: dict[str, str]) -> None:
    frame_only = re.sub(r"<script.*?</script>", "", codes["iframe"], flags=re.DOTALL)
    course.open("column", "<p>Text.</p>".join([frame_only] * 10), 900, 800)
    started = "window.lab?.python.health !== 'asleep'"
    course.frame(0).wait_for_function("() => window.lab?.python.health === 'live'")
    course.frame(1).wait_for_function("() => window.lab?.python.health === 'live'")
    stages = [course.frame(k).evaluate("performance.timeOrigin + lab.python.stages.worker") for k in (0, 1)]
    live = course.frame(0).evaluate("performance.timeOrigin + lab.python.stages.live")
    assert stages[0] < stages[1] and live - 50 < stages[1], "the second waits for the first"
    loaded = [frame for frame in course.page.frames[1:] if frame.url.startswith(course.lab)]
    assert not any(frame.evaluate(started) for frame in loaded[3:]), "those out of sight have not started"
    course.page.locator("iframe").nth(9).scroll_into_view_if_needed()
    course.frame(9).wait_for_function("() => window.lab?.python.health === 'live'")
    fits(course.frame(9))
