"""Does a picture follow the hand? And how many pictures a second does playing show?

*Dragging*: the sliders that each instrument's `examples.toml` names (`[[drags]]`: a setting, and the state in which it
is dragged) are drawn over their whole width and back with trusted input, one move every 1/60 s, whether or not the page
keeps up: a hand does not wait. A point that is moved over the picture is drawn along a diagonal. For each move that the
page was told of and that changed the value, "to paint" is the time from the moment at which the browser received it to
the first frame, handed over, with its picture or that of a newer value; values in between may be left out. "Python" is
the time from a value's leaving the page to the answer's arrival there: Python's work and two hops. "busy" is the
longest task of the page's main thread; the browser reports none below 50 ms. A slider that moves no canvas at once,
only read-outs, is marked "text". "× floor" compares the median with that of a bare page, dragged just before, whose
worker answers at once (`javascript/floor.html`).

With `--runs` each is repeated and the quietest counts, that with the least median: others may use the machine too.

*Playing*: play is pressed; frames with a new picture are counted until it ends, or for some seconds. "to paint" counts
from the moment at which the value left for Python.

A drag that is marked `slow` starts long work, which Python does in slices: its wait ends with the first answer, which
says how far the work is, not with the last. It has no target.

The pages are `dist/embed/*.html`. Which picture shows which value is known from the messages between page and worker
(`javascript/watch.js`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from _shared import DIST, FLAGS, Server, browser_path, finish, machine, quantile, table
from playwright.async_api import Browser, Locator, Page, async_playwright
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1]))
from examples import Drag, examples

WATCH = Path(__file__).parent / "javascript/watch.js"
FLOOR = Path(__file__).parent / "javascript/floor.html"
MOVES_A_SECOND = 60
WARM_UP_MOVES = 30
PLAY_MS = 4000
THUMB = 6.0  # half the width of a slider's thumb in pixels: that far from its ends the values begin
LIVE = "() => window.lab?.python?.health === 'live' && document.querySelector('.live-view')"
SLIDERS = ".live-view input[type=range]:visible"
HANDLES = ".live-view [data-handle]:visible"
#: The view that the instrument shows, "" for one without views.
VIEW = """() => String(Bokeh.documents.flatMap((document) => [...document._all_models.values()])
  .find((model) => model.properties?.query && model.properties?.readings_shown)?.view ?? "")"""
PLAY = ".live-view [data-plays]:visible"

Notes = Sequence[Sequence[Any]]  # what `watch.js` wrote


# --- from the page's notes to figures --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Update:
    """Values from the page and the picture that answers them, in ms since navigation."""

    values: dict[str, Any]
    sent: float
    arrived: float
    painted: float
    drawn: bool  # on a canvas; else only text has changed


def updates(notes: Notes) -> Iterator[Update]:
    """Values sent and answered, in order; Python answers in the order in which it is asked."""
    frames = iter([note[1:] for note in notes if note[0] == "frames"])
    drawings = [note[1:] for note in notes if note[0] == "drawn"]
    asked: list[tuple[float, dict[str, Any]]] = []
    arrived = painted = None
    drawn = False
    for kind, time, *more in notes:
        if kind == "sent":
            asked.append((time, more[0]))
        elif kind == "arrived":
            arrived = time
        elif kind == "applied":
            first, second = next(frames)
            picture = next((end for start, end in drawings if time <= start <= second), None)
            painted, drawn = picture or first, picture is not None
        elif kind == "idle" and asked:
            sent, values = asked.pop(0)
            if arrived is not None and painted is not None:
                yield Update(values, sent, arrived, painted, drawn)
            arrived = painted = None


@dataclass(frozen=True)
class Found:
    """What dragging or playing came to; times in ms, one a move or an update."""

    moves: int
    painted: int  # frames with a new picture
    seconds: float
    text_only: bool
    to_paint: list[float]
    python: list[float]
    busy: float

    def median(self) -> float:
        """Of the waits; infinite if nothing was painted."""
        return quantile(self.to_paint, 0.5) if self.to_paint else math.inf

    def row(self, floor: float) -> list[object]:
        """As cells of the table; `floor` is the median wait of the bare page."""
        paint, python = ([quantile(times, share) for share in (0.5, 0.95)] for times in (self.to_paint, self.python))
        rate = self.painted / self.seconds
        kind = "text" if self.text_only else None
        return [
            self.moves or None,
            self.painted,
            rate,
            *paint,
            paint[0] / floor,
            *python,
            round(self.busy) or None,
            kind,
        ]


HEAD = ["values", "painted", "a second", "to paint p50", "p95", "× floor", "Python p50", "p95", "busy", ""]


def dragged(notes: Notes, params: Sequence[str], seconds: float) -> Found:
    """Each move's wait for the first frame with its value or a newer one."""
    moves = [(note[1], note[2]) for note in notes if note[0] == "move"]
    answered = [update for update in updates(notes) if update.values.keys() & params]
    waits: list[float] = []
    for update in answered:
        made = [k for k, (time, _) in enumerate(moves) if time <= update.sent]
        same = [k for k in made if moves[k][1] is not None and math.isclose(moves[k][1], update.values[params[0]])]
        newest = max(same or made, default=-1)
        waits += [update.painted - time for time, _ in moves[len(waits) : newest + 1]]
    if len(waits) < len(moves):
        raise RuntimeError(
            f"{len(moves) - len(waits)} of {len(moves)} moves of {' and '.join(params)} were never answered."
        )
    return _found(notes, answered, len(moves), seconds, waits)


def played(notes: Notes, param: str) -> Found | None:
    """Pictures while `param` was played; nothing if it did not move."""
    answered = [update for update in updates(notes) if param in update.values]
    if len(answered) < 3:
        return None
    seconds = (answered[-1].painted - answered[0].painted) / 1000
    return _found(notes, answered, 0, seconds, [update.painted - update.sent for update in answered])


def _found(notes: Notes, answered: list[Update], moves: int, seconds: float, waits: list[float]) -> Found:
    return Found(
        moves=moves,
        painted=len({update.painted for update in answered}),
        seconds=seconds,
        text_only=sum(update.drawn for update in answered) < len(answered) / 2,
        to_paint=waits,
        python=[update.arrived - update.sent for update in answered],
        busy=max((note[2] for note in notes if note[0] == "task"), default=0.0),
    )


# --- the hand --------------------------------------------------------------------------------------------------------

#: Resolves with the notes when Python has answered everything and nothing has happened for a while.
NOTES = """(quiet) => new Promise((resolve) => {
  let last = performance.now(), seen = -1;
  const timer = setInterval(() => {
    const count = (kind) => watched.filter((note) => note[0] === kind).length;
    if (watched.length !== seen || count("sent") > count("idle")) [last, seen] = [performance.now(), watched.length];
    if (performance.now() - last < quiet) return;
    clearInterval(timer);
    resolve(watched.splice(0));
  }, 50);
})"""
QUIET_MS = 500  # longer than the page waits before it has computed what takes long


async def sweep(page: Page, way: Callable[[float], tuple[float, float]], start: float, moves: int) -> float:
    """Presses at `start` of a way that is given from 0 to 1 and draws to both ends and back. Returns seconds."""
    phase = math.asin(2 * start - 1)
    await page.mouse.move(*way(start))
    await page.mouse.down()
    now = asyncio.get_running_loop().time
    began, sent = now(), []
    for move in range(1, moves + 1):
        await asyncio.sleep(began + move / MOVES_A_SECOND - now())
        share = 0.5 + 0.5 * math.sin(phase + 2 * math.pi * move / moves)
        sent.append(asyncio.create_task(page.mouse.move(*way(share))))
    took = now() - began
    await asyncio.gather(*sent)
    await page.mouse.up()
    return took


async def drag(page: Page, control: Locator, options: argparse.Namespace) -> Found:
    """The quietest drag of a slider or a handle, after a short one that warms up both sides."""
    await control.scroll_into_view_if_needed()
    box = await control.bounding_box()
    assert box is not None
    params = await params_of(control)
    if len(params) > 1:
        start = 0.5

        def way(share: float) -> tuple[float, float]:
            return box["x"] + (0.1 + 0.8 * share) * box["width"], box["y"] + (0.1 + 0.8 * share) * box["height"]
    else:
        start = await control.evaluate("(input) => (input.value - input.min) / (input.max - input.min)")

        def way(share: float) -> tuple[float, float]:
            return box["x"] + THUMB + share * (box["width"] - 2 * THUMB), box["y"] + box["height"] / 2

    await sweep(page, way, start, WARM_UP_MOVES)
    await page.evaluate(NOTES, QUIET_MS)
    found = []
    for _ in range(options.runs):
        seconds = await sweep(page, way, start, options.moves)
        found.append(dragged(await page.evaluate(NOTES, QUIET_MS), params, seconds))
    return min(found, key=Found.median)


async def params_of(control: Locator) -> list[str]:
    """The settings that a control moves: one of a slider, two of a handle."""
    return await control.evaluate("({ dataset: { param, x, y } }) => (param ? [param] : [x, y])")


async def play(page: Page) -> Found | None:
    """Plays from the start, once."""
    transport = page.locator(PLAY).first
    plays = json.loads(await transport.get_attribute("data-plays") or "{}")
    view = await page.evaluate(VIEW)
    param = (plays.get(view) or plays.get("") or {"setting": ""})["setting"]
    if not param:
        return None  # nothing is played in this view
    button = transport.locator("[data-play]")
    slider = page.locator(f"{SLIDERS}[data-param={param}]")
    if await slider.count():
        await slider.first.press("Home")
    await page.evaluate(NOTES, QUIET_MS)
    await button.click()
    await page.wait_for_timeout(PLAY_MS)
    if await button.get_attribute("aria-pressed") == "true":
        await button.click()
    return played(await page.evaluate(NOTES, QUIET_MS), param)


async def opened(browser: Browser, address: str) -> Page:
    """A page that is being watched."""
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    await page.add_init_script(path=WATCH)
    await page.goto(address)
    return page


async def floor(browser: Browser, options: argparse.Namespace) -> Found:
    """The bare page's slider."""
    page = await opened(browser, FLOOR.as_uri())
    found = await drag(page, page.locator("input"), options)
    await page.close()
    return found


def pages(name: str) -> dict[str, list[Drag]]:
    """Query of a state → the drags of an instrument in that state, in the order of its examples."""
    found: dict[str, list[Drag]] = {"": []}
    for drag in examples(name).drags:
        texts = {key: str(value).lower() if isinstance(value, bool) else value for key, value in drag.state.items()}
        found.setdefault(urlencode(texts), []).append(drag)
    return found


async def measure(
    browser: Browser, address: str, drags: Sequence[Drag], options: argparse.Namespace
) -> AsyncIterator[tuple[str, bool, Found]]:
    """What is dragged or played on one page of the site, whether long work follows, and what was found."""
    page = await opened(browser, address)
    await page.wait_for_function(LIVE, timeout=120_000)
    await page.evaluate(NOTES, 3 * QUIET_MS)
    for each in drags:
        if not options.slider or each.setting in options.slider:
            control = page.locator(f"{SLIDERS}[data-param={each.setting}]")
            yield each.setting, each.slow, await drag(page, control, options)
    for handle in await page.locator(HANDLES).all():
        params = await params_of(handle)
        if not options.slider or set(options.slider) & set(params):
            yield " and ".join(params), False, await drag(page, handle, options)
    if not options.slider or "play" in options.slider:
        plays = [found for _ in range(options.runs) if (found := await play(page))]
        if plays:
            yield "play", False, min(plays, key=Found.median)
    await page.close()


async def collect(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All figures; each page's table is printed when it is complete, for all of them take minutes."""
    site, figures = Server(DIST).address, []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        for name in options.instrument or sorted(path.stem for path in DIST.glob("embed/*.html")):
            for state, drags in pages(name).items():
                if state and options.plain_state:
                    continue
                bare = await floor(browser, options)
                least = bare.median()
                found = [("floor", False, bare)]
                async for figure in measure(browser, f"{site}embed/{name}.html?{state}", drags, options):
                    found.append(figure)
                page = f"{name}?{state}".rstrip("?")
                rows = [[what, *figure.row(least)] for what, _, figure in found]
                print("\n" + table([page, *HEAD], rows), flush=True)
                figures += [{"page": page, "what": what, "slow": slow, **asdict(f)} for what, slow, f in found]
        await browser.close()
    return figures


def key_figures(drags: list[dict[str, Any]]) -> dict[str, float]:
    """What the report has of this: waits of drags, milliseconds a picture of plays."""
    found = {}
    for drag in drags:
        place = f"{drag['page']}: {drag['what']}"
        if drag["what"] == "play":
            found[f"playing, {place}, ms"] = 1000 * drag["seconds"] / drag["painted"]
        elif drag["to_paint"]:
            kind = "drag p95 of long work" if drag["slow"] else "drag p95"
            found[f"{kind}, {place}, ms"] = quantile(drag["to_paint"], 0.95)
    return found


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instrument", action="append", help="only this one; may be given several times")
    parser.add_argument("--slider", action="append", help="only what moves this setting, or `play`")
    parser.add_argument("--plain-state", action="store_true", help="only the instruments' default states")
    parser.add_argument("--moves", type=int, default=120, help="moves of a drag (default: 120)")
    parser.add_argument("--runs", type=int, default=1, help="times that each is done (default: 1)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        facts = {"moves": str(options.moves), "runs": str(options.runs), **machine(playwright)}
    drags = asyncio.run(collect(options))
    finish("dragging", facts, {"drags": drags}, options.json, key=key_figures(drags))


if __name__ == "__main__":
    main()
