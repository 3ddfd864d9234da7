"""The memory snapshot: made, kept, restored, and the same as a fresh start, which there is whenever it is no good."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .watched import Watched

#: Every model of the page with its properties; models within them as their ids, columns as lists of numbers.
STATE = """() => {
  const plain = (_, value) =>
    typeof value === "function" ? undefined
    : typeof value?.id === "string" && value.attributes ? value.id
    : ArrayBuffer.isView(value) ? Array.from(value)
    : value instanceof Map ? [...value].sort()
    : value?.constructor === Object ? Object.fromEntries(Object.entries(value).sort())
    : value;
  const models = Bokeh.documents.flatMap(document => [...document._all_models.values()]);
  return models.map(({ type, id, attributes }) => JSON.stringify([type, id, Object.entries(attributes)], plain));
}"""

#: Sets a control as a hand does: a slider to a third of its way, a seed to another.
SET = """control => {
  control.value = control.type === "range" ? Number(control.min) + (control.max - control.min) / 3 : 7;
  control.dispatchEvent(new Event("input"));
  control.dispatchEvent(new Event("change"));
}"""
CONTROLS = ".live-view input[type=range][data-param]:visible, .live-view .seed input:visible"

#: Counts what is asked of Python and what it says, so that a test can wait until it has nothing left to say.
OVERHEAR = """
window.labAsked = 0;
window.labIdle = 0;
window.labHeard = 0;
window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      labHeard += 1;
      if (data.type === "idle") labIdle += 1;
    });
  }
  postMessage(message, ...rest) {
    if (["set", "act"].includes(message?.type)) labAsked += 1;
    super.postMessage(message, ...rest);
  }
}"""


def plain(models: list[str]) -> list[str]:
    """Models with their ids numbered as they come, and without the times that computing took."""
    seen: dict[str, str] = {}

    def numbered(text: str) -> str:
        ids = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{32}|(?<=\"p)\d+|(?<=[a-z])\d{5}\b"
        text = re.sub(ids, lambda match: seen.setdefault(match[0], f"#{len(seen)}"), text)
        return re.sub(r"[\d.]+\s(?:ms|s)\b", "<time>", text)

    return [numbered(text) for text in models]


def quiet(lab: Any) -> None:
    """Waits until Python has answered all that the page has asked, for half a second on end."""
    lab.page.wait_for_function(
        """() => {
          const now = [labAsked, labIdle, labHeard].join();
          if (labAsked !== labIdle || window.labBefore !== now) window.labSince = performance.now();
          window.labBefore = now;
          return performance.now() - labSince > 500;
        }""",
    )


def visit(lab: Any, name: str) -> tuple[list[str], list[str]]:
    """An instrument's models as they come, and after its sliders have been moved and its seed set."""
    lab.open(f"embed/{name}.html", live=False)
    lab.page.wait_for_function("() => window.lab?.python.health === 'live'")
    quiet(lab)
    before = plain(lab.page.evaluate(STATE))
    for control in lab.page.locator(CONTROLS).all():
        control.evaluate(SET)
        quiet(lab)
    return before, plain(lab.page.evaluate(STATE))


def keep(lab: Any) -> None:
    """Stays on a page until its snapshot has been made."""
    lab.open("embed/ring.html")
    lab.page.wait_for_function("() => window.lab.python.snapshot")
    assert lab.page.evaluate("window.lab.python.snapshot") == "kept"


def started_from(lab: Any, whose: str = "python") -> str:
    """ "restored", or why not; of the instruments' Python or of that of the `cells`."""
    return str(lab.page.evaluate(f"window.lab.{whose}.snapshot"))


def test_an_instrument_is_the_same_from_a_snapshot(open_lab: Callable[..., Any], open_cold: Any) -> None:
    """The snapshot is of the ring's page. The files of the other instrument are added, as those of any other are."""
    for name in ("ring", "unmask"):
        kept, fresh = open_lab(), open_cold()
        for lab in (kept, fresh):
            lab.page.add_init_script(OVERHEAR)
        restored, anew = visit(kept, name), visit(fresh, name)
        assert (started_from(kept), started_from(fresh)) == ("restored", "")
        assert restored[0] == anew[0], f"{name} does not begin alike"
        assert restored[1] == anew[1], f"{name} moves otherwise"
        assert restored[0] != restored[1], f"{name} does not move"


def test_a_snapshot_holds_the_instruments_of_its_page_alone(lab: Any) -> None:
    """Made on the ring's page, it opens the ring before any pack arrives, and others when their own has."""
    lab.page.route("**/{ring,guidance}.*.bin", lambda route: None)
    lab.open("embed/ring.html")
    with lab.page.expect_request(re.compile(r"/guidance\.\w+\.bin$")):
        lab.open("embed/guidance.html", live=False)
    lab.wait("window.lab?.python.snapshot === 'restored'")
    assert lab.page.evaluate("lab.python.health") == "starting"
    lab.page.unroute_all(behavior="default")
    lab.wait_live()


def draws(lab: Any) -> list[str]:
    """What a cell gets that asks for random numbers in three ways without a seed."""
    lab.open()
    cell = lab.page.locator("#cell-dissolve")
    cell.scroll_into_view_if_needed()
    lab.page.locator("#cell-dissolve[data-editable]").wait_for()
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(
        "import random, numpy as np\nprint(random.random(), np.random.rand(), np.random.default_rng().random())"
    )
    cell.locator(".cm-content").press("Control+Enter")
    cell.locator(".state", has_text=re.compile(r"\d m?s")).wait_for()
    return str(cell.locator("pre.output").inner_text()).split()


def test_chance_starts_anew_with_each_visit(lab: Any) -> None:
    first = draws(lab)
    assert started_from(lab, "cells") == "restored"
    second = draws(lab)
    assert started_from(lab, "cells") == "restored"
    assert not set(first) & set(second)


def works(lab: Any) -> None:
    """The ring answers its slider."""
    lab.slide("t", 0.5)
    lab.shows("t", "0.50")


#: Changes the snapshot that the browser keeps: `CHANGE(memory, about)` returns what is kept instead.
TAMPER = """async () => {
  const store = await caches.open("lab-python");
  const keys = Object.fromEntries((await store.keys()).map(({ url }) => [new URL(url).searchParams.get("kept"), url]));
  const about = await (await store.match(keys["instruments-about"])).json();
  const memory = new Uint8Array(await (await store.match(keys["instruments-memory"])).arrayBuffer());
  const changed = (CHANGE)(memory, about);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", changed.memory));
  const hex = Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
  if (changed.sealed) Object.assign(about, { digest: hex, length: changed.memory.length });
  await store.put(keys["instruments-memory"], new Response(changed.memory));
  await store.put(keys["instruments-about"], Response.json(about));
}"""


#: Keeps a copy of the snapshot beside it, and puts it back.
COPY = """async ([from, to]) => {
  const [source, target] = [await caches.open(from), await caches.open(to)];
  for (const request of await source.keys()) await target.put(request, await source.match(request));
}"""


@pytest.fixture(scope="module")
def returning(new_profile: Any, site: str) -> Iterator[Any]:
    """A reader with a snapshot of their own, which tests may damage."""
    watched, context = Watched(), new_profile()
    lab = watched.lab(context.new_page(), site, context, context.close)
    keep(lab)
    lab.page.evaluate(COPY, ["lab-python", "copy"])
    yield lab
    watched.end()


@pytest.mark.parametrize(
    ("trouble", "change", "reason"),
    [
        ("a bit has flipped", "memory => (memory[memory.length >> 1] ^= 1, { memory })", "damaged"),
        ("the end is missing", "memory => ({ memory: memory.slice(0, 1e6) })", "damaged"),
        ("it comes from another build of Pyodide", "memory => (memory[20] ^= 1, { memory, sealed: true })", "got "),
        ("it is no snapshot at all", "() => ({ memory: new Uint8Array(1e6), sealed: true })", "magic number"),
        ("the memory is wiped", "memory => (memory.fill(0, 1e6), { memory, sealed: true })", ""),
    ],
)
def test_a_bad_snapshot_goes_unnoticed(returning: Any, trouble: str, change: str, reason: str) -> None:
    lab = returning
    lab.page.evaluate(COPY, ["copy", "lab-python"])
    lab.page.evaluate(TAMPER.replace("CHANGE", change))
    lab.open("embed/ring.html")
    works(lab)
    assert reason in started_from(lab) and started_from(lab) not in ("", "restored")
    lab.open("embed/ring.html")
    works(lab)
    lab.wait(
        "lab.python.snapshot === 'none: Python could not start from an earlier one'"
    )  # this build does not try again


def test_without_storage_python_starts_all_the_same(lab: Any) -> None:
    blocked = "Object.defineProperty(self, 'caches', { get() { throw new DOMException('no', 'SecurityError') } });"

    def block(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=blocked + answer.text())

    lab.page.route("**/worker.*.js", block)
    lab.open("embed/ring.html")
    works(lab)
    lab.wait("window.lab?.python.snapshot === 'none: this browser stores nothing for this site'")
