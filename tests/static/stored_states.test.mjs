/** Stored states: which one an address or a preset means, what of it is shown, and what happens where it does not come. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { fileOf, showStored, storedState } from "../../static/js/page/stored_states.js";
import { presetValues, StillState } from "../../static/js/page/still_state.js";

const own = { t: "0.5", view: "forward", paths: "false", drawing: "" };

/** @type {import("../../static/js/page/stored_states.js").Index} */
const index = [[{}, "own.js"], [{ t: "0.3" }, "early.js"], [{ view: "reverse", t: "0.3" }, "back.js"], [{ drawing: "zz" }, "drawn.js"]];
const file = (/** @type {Record<string, string>} */ over) => fileOf(index, own, { ...own, ...over });

test("a state is found by its settings, in any order, however its numbers are written", () => {
  assert.equal(file({}), "own.js");
  assert.equal(file({ t: "0.30" }), "early.js");
  assert.equal(file({ t: "3e-1", view: "reverse" }), "back.js");
  assert.equal(file({ view: "reverse", t: "0.3" }), "back.js");
  assert.equal(file({ theme: "dark", layout: "compact" }), "own.js", "display settings are none of the instrument's");
  assert.equal(fileOf(index, own, { drawing: "zz", view: "forward", paths: "false", t: "0.5" }), "drawn.js");
});

test("what is not stored is not found", () => {
  for (const over of [{ t: "0.31" }, { view: "reverse" }, { t: "" }, { t: " " }, { paths: "true" }, { view: "Forward" }]) assert.equal(file(over), undefined);
  assert.equal(fileOf(index, own, { t: "0.5" }), undefined, "a state is all settings");
  assert.equal(fileOf([], own, own), undefined);
});

/** @returns {any} */
const element = (dataset = {}, more = {}) => ({
  dataset, innerHTML: "", textContent: "", hidden: false, attributes: /** @type {Record<string, any>} */ ({}),
  setAttribute(/** @type {string} */ name, /** @type {any} */ value) { this.attributes[name] = value; },
  style: { setProperty() {} }, querySelector: () => null, ...more,
});

/** @type {any} */ let page;
/** @type {any} */ let panel;
/** @type {any} */ let place;
/** @type {Record<string, () => any>} */ let files;
/** @type {string[]} */ let fetched;

const stored = {
  state: { ...own, t: "0.3", view: "reverse", paths: "true" },
  pictures: ["<svg>back</svg>", ""], readings: { sum: "7" }, status: "exact", description: "points at t = 0.3",
};
const script = (/** @type {any} */ data) => () => new Response(`labStored(${JSON.stringify(data)})\n`);

beforeEach(() => {
  const inputs = {
    slider: element({ param: "t" }, { type: "range", min: "0", max: "1", step: "0.01" }),
    forward: element({ param: "view" }, { type: "radio", value: "forward", checked: true }),
    reverse: element({ param: "view" }, { type: "radio", value: "reverse", checked: false }),
    paths: element({ param: "paths" }, { type: "checkbox", checked: false }),
  };
  page = {
    ...inputs, knob: element(), sum: element({ reading: "sum" }, { textContent: "1" }), status: element(), words: element(),
    figures: [element({ scene: "plane", place: "0", pale: "" }), element({ scene: "chart", place: "1" }, { innerHTML: "old" })],
    when: [element({ when: "view:forward" }), element({ when: "view:reverse|both;paths:true" }, { hidden: true })],
  };
  const pad = element({ handle: "", x: "t", y: "t", extent: "1 2" }, { querySelector: () => page.knob });
  const pane = element({}, { hidden: false, querySelector: () => page.figures[0] });
  const all = /** @type {Record<string, any[]>} */ ({
    ".pane": [pane], "[data-scene]": page.figures, "[data-param]": Object.values(inputs), "[data-when]": page.when, "[data-handle]": [pad],
    "[data-reading]": [page.sum], "[data-reading], [data-bars]": [page.sum], "[data-status]": [page.status], ".description": [page.words],
  });
  panel = element({}, {
    querySelectorAll: (/** @type {string} */ selector) => all[selector] ?? [],
    querySelector: (/** @type {string} */ selector) =>
      Object.values(inputs).find(({ dataset }) => selector === `[data-param="${dataset.param}"]`) ?? null,
  });
  place = element({ state: JSON.stringify(own), states: "assets/states.js" }, { querySelector: () => panel });
  fetched = [];
  files = { "states.js": script(index), "back.js": script(stored), "early.js": script({ ...stored, state: { ...own, t: "0.3" }, pictures: ["<svg>early</svg>", ""] }) };
  Object.assign(globalThis, {
    self: { origin: "http://lab" },
    document: { baseURI: "http://lab/chapters/x.html", querySelector: () => null },
    fetch: async (/** @type {string} */ address) => {
      const name = String(address.split("/").at(-1));
      fetched.push(name);
      return (files[name] ?? (() => new Response("", { status: 404 })))();
    },
  });
});

test("pictures, texts, controls and what is shown follow; what is not seen is emptied", () => {
  const changes = showStored(panel, stored, own);
  assert.deepEqual(page.figures.map((/** @type {any} */ { innerHTML }) => innerHTML), ["<svg>back</svg>", ""]);
  assert.equal("pale" in page.figures[0].dataset, false);
  assert.deepEqual([page.forward.checked, page.reverse.checked, page.paths.checked, page.slider.value], [false, true, true, "0.30"]);
  assert.deepEqual(page.when.map((/** @type {any} */ { hidden }) => hidden), [true, false]);
  assert.deepEqual([page.sum.textContent, page.status.textContent, page.words.textContent], ["7", "exact", stored.description]);
  assert.equal(page.figures[0].attributes["aria-label"], stored.description);
  assert.deepEqual([page.knob.style.left, page.knob.style.top], ["65%", "42.5%"]);
  assert.deepEqual(changes, { settings: { t: "0.3", view: "reverse", paths: "true" }, layers: { "plane.": "<svg>back</svg>" }, ranges: {}, texts: { sum: "7" } });
});

test("a preset sets the place's settings, keeps what is drawn, and with `keep` all the rest", async () => {
  const state = new StillState(place, { drawing: "zz", t: "0.7", nonsense: "1" });
  assert.equal(state.query, "drawing=zz&t=0.7");
  state.preset({ view: "reverse" }, false);
  assert.deepEqual(state.asked, { ...own, drawing: "zz", view: "reverse" });
  state.preset({ t: "0.3", drawing: "" }, true);
  assert.deepEqual(state.asked, { ...own, view: "reverse", t: "0.3" });
  assert.deepEqual([state.differs(), state.differs("t"), state.query], [true, true, "view=reverse&t=0.3"]);
  state.reset();
  assert.deepEqual([state.asked, state.differs(), state.query], [own, false, ""]);
  state.move({ t: 0.9 });
  assert.deepEqual([state.differs(), state.differs("t")], [true, false]);
  const link = /** @type {any} */ (element({ set: "t=0.5 text=a=b" }));
  assert.deepEqual(presetValues(link), { t: "0.5", text: "a=b" });
});

test("nothing is loaded before something is asked for; then the index and one file", async () => {
  const state = new StillState(place);
  assert.deepEqual(fetched, []);
  state.preset({ view: "reverse", t: "0.3" }, false);
  assert.ok(await state.show());
  assert.deepEqual(fetched, ["states.js", "back.js"]);
  assert.equal(page.figures[0].innerHTML, "<svg>back</svg>");
});

test("of two presets the later one is shown, whichever arrives first", async () => {
  const state = new StillState(place);
  /** @type {(answer: Response) => void} */ let late = () => {};
  files["back.js"] = () => new Promise((resolve) => (late = resolve));
  state.preset({ view: "reverse", t: "0.3" }, false);
  const first = state.show();
  while (!fetched.includes("back.js")) await new Promise((resolve) => setImmediate(resolve));
  state.preset({ t: "0.3" }, false);
  assert.ok(await state.show());
  late(script(stored)());
  assert.equal(await first, undefined);
  assert.equal(page.figures[0].innerHTML, "<svg>early</svg>");
});

const wrong = /** @type {Record<string, [string, () => any]>} */ ({
  "missing file": ["back.js", () => new Response("", { status: 404 })],
  "damaged file": ["back.js", () => new Response("labStored({")],
  "file of something else": ["back.js", script([1, 2])],
  "login page": ["states.js", () => new Response("<html>")],
  "missing index": ["states.js", () => new Response("", { status: 404 })],
  "network that fails": ["states.js", () => Promise.reject(new Error("off"))],
});
for (const [name, [path, answer]] of Object.entries(wrong))
  test(`after a ${name} the picture stays, pale`, async () => {
    files[path] = answer;
    const state = new StillState(place);
    state.preset({ view: "reverse", t: "0.3" }, false);
    assert.equal(await state.show(), undefined);
    assert.deepEqual(page.figures.map((/** @type {any} */ { innerHTML }) => innerHTML), ["", "old"]);
    assert.equal(page.figures[0].dataset.pale, "");
    assert.equal(page.forward.checked, true);
  });

test("where the origin is opaque, files are loaded as scripts, which hand their data over", async () => {
  /** @type {string[]} */ const sources = [];
  const run = /** @type {Record<string, any>} */ ({ "states.js": index, "back.js": stored });
  Object.assign(globalThis, {
    self: { origin: "null" },
    document: {
      baseURI: "http://lab/embed/x.html",
      createElement: () => ({ remove() {} }),
      head: {
        append(/** @type {any} */ made) {
          sources.push(made.src);
          const data = run[made.src.split("/").at(-1)];
          setImmediate(() => {
            if (data) /** @type {any} */ (globalThis).labStored(data);
            made.onload();
          });
        },
      },
    },
  });
  const asked = { ...own, view: "reverse", t: "0.3" };
  assert.deepEqual(await storedState("../assets/states.js", own, asked), stored);
  assert.deepEqual(sources, ["http://lab/assets/states.js", "http://lab/assets/back.js"]);
  delete run["back.js"]; // it is damaged: it runs to no call
  await assert.rejects(storedState("../assets/states.js", own, asked), /could not be loaded/);
  assert.deepEqual(fetched, []);
});
