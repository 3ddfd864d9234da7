"""Playing, sampling again, drawing, and the files that a reader takes along, in the page."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .lab import model

PLAY = ".live-view [data-play]"


@pytest.mark.alone
def test_forward_is_played_from_data_to_noise_and_clean_is_not(open_lab: Any) -> None:
    """By the pace of the instrument: half of the film is over at t = 0.117, not at 0.5."""
    lab = open_lab()
    lab.open("embed/ring.html?view=forward&t=1")
    play = lab.page.locator(PLAY)
    lab.page.evaluate(
        f"""() => {{ window.seen = []; const start = performance.now(); (function look() {{
        seen.push([performance.now() - start, {model()}.t]); requestAnimationFrame(look); }})(); }}"""
    )
    play.click()
    lab.page.locator(f"{PLAY}[aria-pressed=true]").wait_for()
    lab.page.locator(f"{PLAY}[aria-pressed=false]").wait_for()
    seen = lab.page.evaluate("seen")
    assert lab.value("t") == 1
    begun = next(k for k, (_, t) in enumerate(seen) if t < 0.5)
    times, places = zip(*seen[begun:], strict=True)
    assert min(places) < 0.01
    assert list(places) == sorted(places)
    ended = next(k for k, t in enumerate(places) if t == 1)
    middle = min(range(ended), key=lambda k: abs(places[k] - 0.117))
    assert (times[middle] - times[0]) / (times[ended] - times[0]) == pytest.approx(0.5, abs=0.15)
    lab.instrument.locator(".live-view label:has(> input[value=clean])").click()
    play.wait_for(state="hidden")
    lab.instrument.locator(".live-view [data-action=step]").wait_for(state="hidden")
    lab.instrument.locator(".live-view button.run").wait_for(state="visible")


def test_sampling_again_takes_the_next_seed_and_a_die_takes_any(open_lab: Any) -> None:
    lab = open_lab(reduced_motion="reduce")  # playing shows the end at once
    lab.open("embed/ring.html?sampler=ddim&num_levels=10&progress=0")  # so that the first run's end is news
    run = lab.instrument.locator(".live-view button.run")
    for seed in (4, 5):
        run.click()
        lab.wait(f"{model()}.seed === {seed} && {model()}.progress === 1 && !{model()}.playing")
    lab.wait(f"new URLSearchParams({model()}.query).get('seed') === '5'")
    lab.instrument.locator(".live-view [data-die]").click()
    lab.wait(f"{model()}.seed !== 5")
    seed = lab.value("seed")
    assert lab.instrument.locator(".live-view .seed input").input_value() == str(seed)


def test_a_mark_goes_to_its_moment_by_keyboard(open_lab: Any) -> None:
    lab = open_lab()
    lab.open("embed/ring.html?show_density=true")
    mark = lab.page.get_by_role("button", name="Noise level 0.112: clusters merge")
    mark.focus()
    lab.page.keyboard.press("Enter")
    lab.wait(f"{model()}.t === 0.112")
    lab.shows("t", "0.112")


def test_a_stroke_is_seen_while_it_is_drawn(open_lab: Any) -> None:
    """In reverse too, where Python's own picture begins with noise."""
    lab = open_lab()
    lab.open("embed/ring.html?view=reverse&data_set=drawn&progress=0")
    pad = lab.instrument.locator(".live-view [data-brush]")
    box = pad.bounding_box()
    lab.page.mouse.move(box["x"] + 100, box["y"] + 100)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 200, box["y"] + 100, steps=5)
    drawn = pad.locator("path").get_attribute("d")
    assert drawn.count("M") >= 4
    assert pad.get_attribute("data-drawing") is not None
    lab.page.mouse.up()
    assert pad.locator("path").get_attribute("d").startswith(drawn)
    assert pad.get_attribute("data-drawing") is None


def downloaded(lab: Any, entry: str) -> bytes:
    """What an entry of the instrument's menu saves."""
    lab.page.locator(".menu summary").first.click()
    with lab.page.expect_download() as download:
        lab.page.locator(f"[data-do={entry}]").first.click()
    lab.page.keyboard.press("Escape")
    return Path(download.value.path()).read_bytes()


def texts(png: bytes) -> dict[str, str]:
    """The tEXt chunks of a PNG, each with a right check; "size" is its width and height."""
    found, at = {"size": "{} {}".format(*struct.unpack(">II", png[16:24]))}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        if kind == b"tEXt":
            key, _, text = data.decode("latin-1").partition("\0")
            found[key] = text
        at += 12 + length
    return found


def test_pictures_and_data_say_where_they_are_from(open_lab: Any) -> None:
    lab = open_lab()
    lab.open("embed/ring.html?t=0.4&seed=7")
    address = lab.page.url
    drawing = downloaded(lab, "drawing").decode()
    root = ElementTree.fromstring(drawing)
    about = root.find("{http://www.w3.org/2000/svg}metadata").text.split("\n")
    assert about[:2] == [address, "Ring of clusters"]
    assert "seed = 7" in about
    found = texts(downloaded(lab, "picture"))
    assert (found["Title"], found["Source"], found["Settings"]) == ("Ring of clusters", address, "t=0.4&seed=7")
    assert found["size"] == f"{2 * int(root.get('width'))} {2 * int(root.get('height'))}"
    data = downloaded(lab, "data").decode().splitlines()
    assert data[:2] == [f"# {address}", "# Ring of clusters"]
    assert "# t = 0.4" in data


TRANSITIONS = """(scene) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const pane = all(document).find((e) => e.matches(`.front-panel[data-live] [data-scene=${scene}]`));
  const canvas = all(pane).find((e) => e instanceof HTMLCanvasElement);
  const {width, height} = canvas;
  const row = canvas.getContext("2d").getImageData(0, Math.round(height * 0.3), width, 1).data;
  let changes = 0;
  for (let k = 1; k < width; k++) changes += row[4 * k + 3] !== row[4 * k - 1];
  return changes;
}"""


def test_a_density_has_no_cells(open_lab: Any) -> None:
    """Along a row of the error map's 42 cells shades change far oftener than from cell to cell."""
    lab = open_lab()
    lab.open("embed/train.html?view=score&show_arrows=false&training_step=20")
    lab.wait(f"{model()}.training_step === 20 && !{model()}.pale.length")
    assert lab.page.evaluate(TRANSITIONS, "score") > 2 * 42


def test_nor_has_one_that_stays_as_it_was_drawn_first(lab: Any) -> None:
    """The density of the data in `distill`, whose row of 60 cells holds two clusters on an empty ground."""
    lab.open("embed/distill.html")
    assert lab.page.evaluate(TRANSITIONS, "ends") > 2 * 60
