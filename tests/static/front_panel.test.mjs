/** The front panel: its items follow the settings, inputs set them, and playing moves one with the frames. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { completeWords, labelPictures, render, showNumber } from "../../static/js/page/front_panel.js";

/** An element with what the front panel does to one. @returns {any} */
function element(dataset = {}, more = {}) {
  /** @type {Record<string, ((event: any) => void)[]>} */
  const listeners = {};
  return {
    dataset, hidden: false, attributes: /** @type {Record<string, any>} */ ({}), classes: new Set(), textContent: "",
    style: { setProperty(/** @type {string} */ name, /** @type {string} */ value) { this[name] = value; } },
    classList: { toggle() {} },
    children: [], append() {},
    isConnected: true,
    addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => (listeners[name] ??= []).push(listener),
    fire: (/** @type {string} */ name, event = {}) => (listeners[name] ?? []).forEach((listener) => listener(event)),
    setAttribute(/** @type {string} */ name, /** @type {any} */ value) { this.attributes[name] = value; },
    toggleAttribute(/** @type {string} */ name, /** @type {boolean} */ on) { this.attributes[name] = on; },
    querySelector: () => element(),
    querySelectorAll: () => [],
    ...more,
  };
}

/** Elements of the panel by the selector that finds them. @type {Map<string, any[]>} */ let found;
/** @type {any} */ let model;
/** Frames that have been asked for. @type {((now: number) => void)[]} */ let frames;
/** @type {any[]} */ let heard;
let reduced = false;

/** A model of Panel's: settings as properties, which tell of their changes. @param {Record<string, any>} values @returns {any} */
function modelOf(values) {
  /** @type {Map<string, (() => void)[]>} */
  const listeners = new Map();
  const own = {
    id: "m", markup: "", sent: /** @type {any[]} */ ([]),
    on: (/** @type {string} */ name, /** @type {() => void} */ call) => listeners.set(name, [...(listeners.get(name) ?? []), call]),
    get_child: () => [],
    send_msg: (/** @type {any} */ message) => own.sent.push(message),
    readings_shown: {}, numbers: {}, pale: [], status: "", description: "", query: "", playing: false, waiting: false, theme: "light",
    ...values,
  };
  return new Proxy(own, {
    set(target, name, value) {
      const before = Reflect.get(target, name);
      Reflect.set(target, name, value);
      if (before !== value) for (const call of listeners.get(String(name)) ?? []) call();
      return true;
    },
  });
}

beforeEach(() => {
  found = new Map();
  frames = [];
  heard = [];
  reduced = false;
  const root = element({}, { querySelectorAll: (/** @type {string} */ selector) => found.get(selector) ?? [] });
  root.querySelector = () => element();
  const holder = element({}, { querySelector: () => root, getRootNode: () => ({}), dispatchEvent: (/** @type {any} */ event) => heard.push(event) });
  Object.assign(globalThis, {
    document: { createElement: () => holder, documentElement: { dataset: { theme: "light" } } },
    matchMedia: (/** @type {string} */ query) => ({ matches: query.includes("motion") && reduced, addEventListener() {} }),
    MutationObserver: class { observe() {} },
    requestAnimationFrame: (/** @type {any} */ frame) => frames.push(frame),
    getComputedStyle: () => ({ getPropertyValue: () => "#111" }),
    window: { setTimeout },
    CustomEvent: class { constructor(/** @type {string} */ type, /** @type {any} */ { detail }) { Object.assign(this, { type, detail }); } },
  });
});

/** One frame of the browser. @param {number} now in ms */
function frame(now) {
  for (const call of frames.splice(0)) call(now);
}

// --- conditions and texts --------------------------------------------------------------------------------------------

test("an item shows where every setting of its condition has one of its values", () => {
  const items = ["view:flow|pairs", "view:flow|pairs;show_line:true", "count:3"].map((when) => element({ when }));
  found.set("[data-when]", items);
  model = modelOf({ view: "probe", show_line: false, count: 3 });
  render({ model });
  const shown = () => items.map(({ hidden }) => !hidden);
  assert.deepEqual(shown(), [false, false, true]);
  model.view = "pairs";
  assert.deepEqual(shown(), [true, false, true]);
  model.show_line = true;
  assert.deepEqual(shown(), [true, true, true]);
  model.view = "flo";
  model.count = 33;
  assert.deepEqual(shown(), [false, false, false], "a part of a value is another value");
});

test("readings and the status follow, and what is the same is not written", () => {
  const [sum, status, bars] = [element({ reading: "sum" }), element(), element({ bars: "shares", scale: "2" })];
  bars.children = [0, 1].map(() => element({}, { firstElementChild: element() }));
  found.set("[data-reading]", [sum]).set("[data-status]", [status]).set("[data-bars]", [bars]);
  model = modelOf({ readings_shown: { sum: "1", shares: [0.5, 1] }, status: "soon" });
  render({ model });
  assert.deepEqual([sum.textContent, status.textContent], ["1", "soon"]);
  assert.deepEqual(bars.children.map((/** @type {any} */ bar) => [bar.style["--v"], bar.firstElementChild.textContent]), [["0.25", "0.500"], ["0.5", "1.000"]]);
  let writings = 0;
  Object.defineProperty(sum, "textContent", { get: () => "1", set: () => writings++ });
  model.readings_shown = { sum: "1", shares: [0.5, 1] };
  assert.equal(writings, 0);
  model.readings_shown = { shares: [0.5, 1] };
  assert.equal(writings, 1, "a reading that is gone");
});

test("scenes that show an earlier state are pale", () => {
  const figures = ["plane", "chart"].map((scene) => element({ scene, place: "0" }));
  found.set("[data-scene]", figures);
  model = modelOf({ pale: ["chart"] });
  render({ model });
  const pale = () => figures.map(({ attributes }) => attributes["data-pale"]);
  assert.deepEqual(pale(), [false, true]);
  model.pale = ["plane"];
  assert.deepEqual(pale(), [true, false]);
});

test("numbers of an earlier state are pale", () => {
  const texts = ["sum", "sum_true"].map((reading) => element({ reading }));
  found.set("[data-reading]", texts);
  model = modelOf({ pale: ["sum", "reading sum"] });
  render({ model });
  assert.deepEqual(texts.map(({ attributes }) => attributes["data-pale"]), [true, false]);
});

test("the page hears the state with its numbers", () => {
  model = modelOf({ query: "t=1", numbers: { sum: 1 } });
  render({ model });
  frame(0);
  model.numbers = { sum: 2 };
  model.query = "t=2";
  frame(16);
  assert.deepEqual(heard.map(({ type, detail }) => [type, detail]), [
    ["lab:state", { query: "t=1", numbers: { sum: 1 } }],
    ["lab:state", { query: "t=2", numbers: { sum: 2 } }],
  ]);
});

// --- inputs ----------------------------------------------------------------------------------------------------------

const slider = (type = "range", more = {}) =>
  element({ param: "t" }, { type, tagName: "INPUT", min: "0", max: "10", step: "0.5", value: "", valueAsNumber: NaN, ...more });

test("a slider sets its setting and follows it", () => {
  const input = slider();
  found.set("[data-param]", [input]);
  model = modelOf({ t: 2 });
  render({ model });
  assert.deepEqual([input.value, input.style["--share"]], ["2.0", "0.2"]);
  input.valueAsNumber = 7.5;
  input.fire("input");
  assert.equal(model.t, 7.5);
  assert.equal(input.value, "7.5");
});

test("a number is moved into its bounds, and on its grid where that is of whole numbers", () => {
  const [any, whole] = [slider("number"), slider("number", { step: "1", dataset: { param: "n" } })];
  found.set("[data-param]", [any, whole]);
  model = modelOf({ t: 2, n: 3 });
  render({ model });
  any.valueAsNumber = 12;
  any.fire("change");
  whole.valueAsNumber = 4.6;
  whole.fire("change");
  assert.deepEqual([model.t, any.value, model.n, whole.value], [10, "10.0", 5, "5"]);
  any.valueAsNumber = NaN;
  any.value = "";
  any.fire("change");
  assert.deepEqual([model.t, any.value], [10, "10.0"], "what is no number is put right");
});

test("switches, options and menus set their settings", () => {
  const on = element({ param: "lit" }, { type: "checkbox", tagName: "INPUT", checked: false });
  const [a, b] = ["a", "b"].map((value) => element({ param: "view" }, { type: "radio", tagName: "INPUT", value, checked: false }));
  const menu = element({ param: "kind" }, { type: "select-one", tagName: "SELECT", value: "x" });
  found.set("[data-param]", [on, a, b, menu]);
  model = modelOf({ lit: true, view: "b", kind: "y" });
  render({ model });
  assert.deepEqual([on.checked, a.checked, b.checked, menu.value], [true, false, true, "y"]);
  assert.equal(a.name, b.name);
  on.checked = false;
  on.fire("change");
  a.checked = true;
  a.fire("change");
  menu.value = "x";
  menu.fire("change");
  assert.deepEqual([model.lit, model.view, model.kind, b.checked], [false, "a", "x", false]);
});

test("a mark on a slider goes to its moment", () => {
  const mark = element({ goto: "t" }, { value: "0.112" });
  found.set("[data-goto]", [mark]);
  model = modelOf({ t: 0.5 });
  render({ model });
  mark.fire("click");
  assert.equal(model.t, 0.112);
});

test("a die sets another seed, whatever it rolls", (t) => {
  const die = element({ die: "seed", sides: "10" });
  found.set("[data-die]", [die]);
  model = modelOf({ seed: 4 });
  render({ model });
  for (const rolled of [0, 0.5, 0.999]) {
    t.mock.method(Math, "random", () => rolled);
    model.seed = 4;
    die.fire("click");
    assert.ok(model.seed !== 4 && Number.isInteger(model.seed) && model.seed >= 0 && model.seed < 10);
  }
  assert.equal(model.seed, 3);
});

test("a stroke is shown while it is drawn, before Python answers, and what is drawn stays", () => {
  const path = element();
  const [clear, undo] = [element(), element()];
  /** @type {Record<string, any>} */ const parts = { path, "[data-do=clear]": clear, "[data-do=undo]": undo };
  const box = { left: 0, right: 1295, top: 0, bottom: 1295, width: 1295, height: 1295 };
  const pad = element({ brush: "drawing", max: "3" }, {
    querySelector: (/** @type {string} */ selector) => parts[selector],
    getBoundingClientRect: () => box,
    setPointerCapture() {},
    hasPointerCapture: () => true,
  });
  found.set("[data-brush]", [pad]);
  model = modelOf({ drawing: "00zz" });
  render({ model });
  assert.equal(path.attributes.d, "M0 0h0", "from the lower left corner, in 1295ths");
  pad.fire("pointerdown", { target: { closest: () => null }, clientX: 100, clientY: 1095 });
  assert.equal(pad.attributes["data-drawing"], true);
  pad.fire("pointermove", { clientX: 400, clientY: 1095 });
  assert.equal(path.attributes.d, "M0 0h0M100 1095h0M400 1095h0");
  pad.fire("lostpointercapture");
  assert.equal(pad.attributes["data-drawing"], false);
  clear.fire("click");
  assert.deepEqual([model.drawing, path.attributes.d], ["", ""]);
  undo.fire("click");
  assert.equal(path.attributes.d, "M0 0h0M100 1095h0M400 1095h0", "what was cleared");
  undo.fire("click");
  assert.equal(path.attributes.d, "M0 0h0", "without the stroke");
  undo.fire("click");
  assert.equal(model.drawing, "00zz", "nothing is left to undo");
});

test("an editor is built when its pad is first shown, and only once", async () => {
  const [pad, other] = [element({ ellipses: "mixture", when: "data:own", start: "", extent: "3", sds: "0 1" }, { hidden: true }), element()];
  found.set("[data-ellipses]", [pad]).set("[data-when]", [pad]);
  model = modelOf({ data: "ring", mixture: "" });
  render({ model });
  await new Promise(setImmediate);
  assert.equal(pad.innerHTML, undefined);
  pad.querySelector = () => other;
  Object.defineProperty(pad, "innerHTML", { set: () => { throw new Error("built"); }, configurable: true });
  model.data = "own";
  await import("../../static/js/page/pad_ellipses.js");
  await new Promise(setImmediate);
  assert.match(pad.textContent, /could not be loaded/, "what failed is said");
  let times = 0;
  Object.defineProperty(pad, "innerHTML", { set: () => { times++; throw new Error("built"); } });
  model.data = "ring";
  model.data = "own";
  await new Promise(setImmediate);
  assert.equal(times, 1, "and tried again");
});

test("buttons say what they ask for", () => {
  const button = element({ action: "step" });
  found.set("[data-action]", [button]);
  model = modelOf({});
  render({ model });
  button.fire("click");
  assert.deepEqual(model.sent, [{ action: "step" }]);
});

test("a tap is sent in data units, from the picture's lower left corner", () => {
  const box = { left: 100, right: 300, top: 50, bottom: 150, width: 200, height: 100 };
  const pad = element({ range: "-1.0 1.0 -2.0 2.0" }, { getBoundingClientRect: () => box });
  found.set("[data-tap]", [pad]);
  model = modelOf({});
  render({ model });
  pad.fire("click", { clientX: 100, clientY: 150 });
  pad.fire("click", { clientX: 250, clientY: 75 });
  pad.fire("click", { clientX: 999, clientY: 0 });
  assert.deepEqual(model.sent, [
    { action: "tap", x: -1, y: -2 },
    { action: "tap", x: 0.5, y: 1 },
    { action: "tap", x: 1, y: 2 },
  ]);
});

test("a number is shown with the digits of its step", () => {
  const input = slider("number", { step: "0.005" });
  showNumber(input, 1 / 3);
  assert.equal(input.value, "0.333");
  const whole = slider("range", { step: "1", min: "5", max: "15" });
  showNumber(whole, 10);
  assert.deepEqual([whole.value, whole.style["--share"]], ["10", "0.5"]);
});

// --- playing ---------------------------------------------------------------------------------------------------------

/** A transport that plays a setting over its places in two seconds. @param {number[]} places */
function transport(places, values = {}, grain = 0) {
  return films({ "": { setting: "t", places, grain } }, { t: places[0], ...values });
}

/** A transport with a film for each view. @param {Record<string, any>} plays @param {Record<string, any>} values */
function films(plays, values) {
  found.set("[data-plays]", [element({ plays: JSON.stringify(plays), seconds: "2" })]);
  model = modelOf(values);
  render({ model });
  frame(0); // theme and state
  return model;
}

const tenths = (/** @type {number} */ value) => Math.round(10 * value) / 10;

test("playing moves the setting evenly from its low to its high bound, and ends there", () => {
  transport([-1, 3]);
  model.playing = true;
  frame(1000);
  assert.equal(model.t, -1);
  frame(1500);
  assert.equal(model.t, 0);
  frame(2500);
  assert.equal(model.t, 2);
  frame(9000);
  assert.deepEqual([model.t, model.playing], [3, false]);
  frame(9016);
  assert.deepEqual(frames, []);
});

test("a whole number is played in whole steps", () => {
  transport([0, 10], {}, 1);
  model.playing = true;
  frame(1000);
  frame(1390);
  assert.equal(model.t, 1);
  frame(1410);
  assert.equal(model.t, 2);
});

test("playing waits while the picture lags behind, and goes on from there", () => {
  transport([0, 1]);
  model.playing = true;
  frame(1000);
  frame(1200);
  assert.equal(model.t, 0.1);
  model.waiting = true;
  for (const now of [1400, 1600, 5000]) frame(now);
  assert.deepEqual([model.t, model.playing], [0.1, true]);
  model.waiting = false;
  frame(5200);
  assert.equal(model.t.toFixed(6), "0.200000", "the time of waiting is not made up for");
});

test("a setting that is scrubbed while it plays goes on from where it was put", () => {
  transport([0, 1]);
  model.playing = true;
  frame(1000);
  frame(1200);
  model.t = 0.6;
  frame(1400);
  assert.equal(model.t.toFixed(6), "0.700000");
});

test("at its end it is played from the start again", () => {
  transport([0, 1], { t: 1 });
  model.playing = true;
  frame(1000);
  frame(1200);
  assert.equal(model.t, 0.1);
});

test("pause stops it where it is", () => {
  transport([0, 1]);
  model.playing = true;
  frame(1000);
  frame(1200);
  model.playing = false;
  frame(1400);
  assert.equal(model.t, 0.1);
  model.playing = true;
  frame(1600);
  frame(1800);
  assert.equal(model.t.toFixed(6), "0.200000");
});

test("who wants no motion sees the end at once", () => {
  reduced = true;
  transport([0, 1]);
  model.playing = true;
  frame(1000);
  assert.deepEqual([model.t, model.playing], [1, false]);
});

test("a pace is followed: equal times from place to place, however far they are apart", () => {
  transport([0, 1, 9, 10]);
  model.playing = true;
  frame(1000);
  /** @type {number[]} */ const places = [];
  for (const now of [1333.3333, 1666.6667, 2000, 2333.3333, 2666.6667]) {
    frame(now);
    places.push(tenths(model.t));
  }
  assert.deepEqual(places, [0.5, 1, 5, 9, 9.5]);
  frame(3001);
  assert.deepEqual([model.t, model.playing], [10, false]);
});

test("with a pace, playing goes on from where the setting is", () => {
  transport([0, 1, 9, 10], { t: 5 });
  model.playing = true;
  frame(1000);
  assert.equal(model.t, 5);
  frame(1333.3333);
  assert.equal(tenths(model.t), 9);
  model.t = 0.5; // scrubbed
  frame(1666.6667);
  assert.equal(tenths(model.t), 1);
});

const BOTH = { forward: { setting: "t", places: [0, 1], grain: 0 }, reverse: { setting: "progress", places: [0, 1], grain: 0 } };

test("each view plays its own setting, and a view without one plays nothing", () => {
  films(BOTH, { view: "forward", t: 0, progress: 0.4 });
  model.playing = true;
  frame(1000);
  frame(2000);
  assert.deepEqual([model.t, model.progress], [0.5, 0.4]);
  model.view = "reverse"; // by hand: what is shown there is kept
  frame(3000);
  assert.deepEqual([model.t, model.progress, model.playing], [0.5, 0.4, false]);
  model.playing = true;
  frame(4000);
  frame(4400);
  assert.deepEqual([model.t, tenths(model.progress)], [0.5, 0.6]);
  model.view = "clean";
  frame(4500);
  assert.equal(model.playing, false);
  model.playing = true;
  frame(5000);
  assert.deepEqual([model.t, tenths(model.progress), model.playing], [0.5, 0.6, false]);
});

test("the run button plays another view from its start while one is played", () => {
  films(BOTH, { view: "forward", t: 0, progress: 0.4 });
  model.playing = true;
  frame(1000);
  frame(2000);
  model.progress = 0; // Python's answer
  model.view = "reverse";
  frame(2100);
  frame(2300);
  assert.deepEqual([model.t, tenths(model.progress), model.playing], [0.5, 0.1, true]);
});

// --- text entries ----------------------------------------------------------------------------------------------------

test("the last word typed is completed by the known words that begin as it does", () => {
  const list = { id: "", options: /** @type {string[]} */ ([]), replaceChildren(/** @type {any[]} */ ...options) { this.options = options.map(({ value }) => value); } };
  Object.assign(globalThis, { document: { createElement: () => list }, Option: class { constructor(/** @type {string} */ _, /** @type {string} */ value) { this.value = value; } } });
  const input = element({ param: "prompt" }, { value: "", after() {} });
  completeWords(input, ["red", "ring", "right of", "square"]);
  assert.equal(input.attributes.list, list.id);
  /** @param {string} typed */
  const offered = (typed) => {
    input.value = typed;
    input.fire("input");
    return list.options;
  };
  assert.deepEqual(offered("large R"), ["large red", "large ring", "large right of"]);
  assert.deepEqual(offered("square,ri"), ["square,ring", "square,right of"]);
  assert.deepEqual(offered("red"), [], "a word that is complete needs no proposal");
  assert.equal(offered("").length, 4);
});

test("the description is on the first picture that is shown, and the others have their titles", () => {
  const [first, second, third] = ["first", "second", "third"].map((title) => element({ title }));
  const panes = [first, second, third].map((figure) => ({ hidden: false, querySelector: () => figure }));
  const panel = /** @type {any} */ ({ querySelectorAll: () => panes });
  const labels = () => [first, second, third].map(({ attributes }) => attributes["aria-label"]);
  labelPictures(panel, "all of it");
  assert.deepEqual(labels(), ["all of it", "second", "third"]);
  panes[0].hidden = true;
  labelPictures(panel, "the rest");
  assert.deepEqual(labels(), ["first", "the rest", "third"]);
});
