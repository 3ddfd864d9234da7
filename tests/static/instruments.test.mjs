/** Instruments: what leaves for Python and when, what is done with its answers, and what outlives an interpreter. */
import assert from "node:assert/strict";
import { register } from "node:module";
import { beforeEach, test } from "node:test";

// The bundle of Bokeh, which runs in pages only, is what this test puts on `window`.
const bokeh = `
  export const Bokeh = new Proxy({}, { get: (_, name) => window.Bokeh[name] });
  export const Document = { from_json: () => window.bokehDocument };
  export const ndarray = (array, { shape }) => ({ array, shape });
  export const provideModels = async () => {};`;
const resolve = `export const resolve = (name, context, next) =>
  /^.\\/bokeh(_core)?\\.js$/.test(name)
    ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(bokeh)}`)}, shortCircuit: true }
    : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);

const { openInstruments } = await import("../../static/js/page/instruments.js");

// States are stored when the page is left, not after a while, when another test may have begun.
const { setTimeout: after } = globalThis;
const STORED_AFTER_MS = 300;
globalThis.setTimeout = /** @type {any} */ ((/** @type {any} */ act, /** @type {number} */ ms) => (ms === STORED_AFTER_MS ? 0 : after(act, ms)));

/** An element of the page that takes whatever is done to it; what it is asked for is another, the same each time. @returns {any} */
function element(dataset = {}) {
  /** @type {Record<string, ((event: any) => void)[]>} */
  const listeners = {};
  /** @type {Map<string, any>} */
  const found = new Map();
  const own = {
    dataset,
    addEventListener: (/** @type {string} */ name, /** @type {(event: any) => void} */ listener) =>
      (listeners[name] ??= []).push(listener),
    dispatchEvent: (/** @type {any} */ event) => (listeners[event.type] ?? []).forEach((listener) => listener(event)),
    querySelector(/** @type {string} */ selector) {
      if (selector === ".still .front-panel") return null; // no frames: see `still_frames`
      if (!found.has(selector)) found.set(selector, element());
      return found.get(selector);
    },
    querySelectorAll: () => [],
    getBoundingClientRect: () => ({ top: 0, bottom: 100, height: 100 }),
  };
  return new Proxy(Object.assign(function () {}, own), {
    get(target, name) {
      if (name === "then") return undefined; // no promise
      if (name === Symbol.iterator) return [][Symbol.iterator];
      if (name === Symbol.toPrimitive) return () => "";
      return Reflect.has(target, name) ? Reflect.get(target, name) : () => element();
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}

/** What a browser stores. */
function storage() {
  /** @type {Map<string, string>} */ const kept = new Map();
  return {
    kept,
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value),
    removeItem: (/** @type {string} */ key) => void kept.delete(key),
  };
}

/** Python's side: what it was sent, and `says` to let it speak. */
function python() {
  /** @type {Record<string, ((message: any) => unknown)[]>} */
  const listeners = {};
  return {
    health: "live",
    sent: /** @type {any[]} */ ([]),
    queries: /** @type {any[]} */ ([]),
    problems: /** @type {any[]} */ ([]),
    send(/** @type {any} */ message) {
      this.sent.push(message);
    },
    restore(/** @type {string} */ slot, /** @type {string | undefined} */ query) {
      this.queries.push([slot, query]);
    },
    report(/** @type {string} */ slot, /** @type {string} */ message) {
      this.problems.push([slot, message]);
    },
    on: (/** @type {string} */ kind, /** @type {(message: any) => unknown} */ listener) => void (listeners[kind] ??= []).push(listener),
    says: (/** @type {any} */ message) => Promise.all((listeners[message.type] ?? []).map((listener) => listener(message))),
    /** The values or actions of each change that was sent. */
    changes() {
      const changes = this.sent.filter(({ type }) => ["set", "act", "preset"].includes(type));
      return changes.map(({ type, slot, message, ...rest }) => message?.action ?? (type === "set" ? rest.values : rest));
    },
  };
}

/** What Python answers: what has changed, and nothing else. */
const state = (changed = {}, slot = "a", /** @type {any[]} */ arrays = []) => ({
  type: "state",
  slot,
  arrays,
  head: JSON.stringify({
    settings: {}, layers: {}, visible: {}, ranges: {}, texts: {}, numbers: {},
    status: null, description: null, query: null, pale: [], progress: null, ...changed,
  }),
});
const idle = (/** @type {number | undefined} */ ms = undefined) => line.says({ type: "idle", slot: "a", ms });

/** @type {ReturnType<typeof python>} */ let line;
/** A change on the page, as Bokeh tells its document. @type {(event: object) => void} */ let change;
/** Where the instrument stands. @type {any} */ let place;
/** @type {any} */ let settings;
/** A model with colours of both themes. @type {any} */ let coloured;
/** Elements that the page has made. @type {any[]} */ let made;
/** Listeners of the document. @type {Record<string, (event: any) => void>} */ let onDocument;
/** Listeners of the window. @type {Record<string, (event: any) => void>} */ const onWindow = {};
/** What the pages of the tests so far do when they are left. @type {(() => void)[]} */ const leaving = [];
/** Told when an element comes into the window. @type {(() => void)[]} */ let comes;
/** What the server answers. @type {() => any} */ let download;
/** A figure within the view that Bokeh has made. */
const figure = { throttled_paint: async () => {}, drawings: 0, repaint: () => void figure.drawings++, children: () => [] };

const moved = (/** @type {string} */ attr, /** @type {unknown} */ value) => change({ model: settings, attr, value });
const pressed = (/** @type {string} */ action) => change({ msg_data: { data: { action } } });

/** Changes leave after the task that made them. */
const taskOver = () => new Promise((resolve) => setImmediate(resolve));
const BOKEH = "./bokeh.js";
/** After all that waits for frames, tasks and imports, which a thread of their own resolves one after the other. */
async function settled() {
  for (let turns = 0; turns < 12; turns++) {
    await import(BOKEH);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

beforeEach(async () => {
  await settled(); // else what the test before has begun would take this test's changes
  for (const leave of leaving.splice(0)) leave(); // else the page of the test before stores its state later
  coloured = { type: "Scatter", tags: new Map(), applied: {}, setv: (/** @type {object} */ values) => Object.assign(coloured.applied, values) };
  coloured.tags = ["a name", new Map([["light", new Map([["fill_color", "#111"]])], ["dark", new Map([["fill_color", "#eee"]])]])];
  const bokehDocument = {
    on_change: (/** @type {any} */ callback) => (change = callback),
    _all_models: new Map(/** @type {[string, any][]} */ ([["1", coloured]])),
    views_manager: { clear() {} },
    _cancel_recompute_all_models() {},
  };
  settings = {
    query: "",
    readings_shown: {},
    numbers: {},
    applied: /** @type {any[]} */ ([]),
    setv(/** @type {Record<string, unknown>} */ values) {
      for (const [attr, value] of Object.entries(values)) {
        if (attr in { pale: 0, waiting: 0 }) continue;
        settings.applied.push({ [attr]: value });
        settings[attr] = value;
        moved(attr, value); // Bokeh tells of what it has taken in, too
      }
    },
  };
  const model = { document: bokehDocument, data: settings };
  const view = { ready: Promise.resolve(), has_finished: () => true, model, children: () => [figure], remove() {} };
  made = [];
  comes = [];
  onDocument = {};
  place = element({ instrument: "a", document: "a.json", state: '{"t":"0.5"}' });
  download = () => Response.json({ doc: {}, roots: ["r"] });
  Object.assign(globalThis, {
    location: { search: "", hash: "", pathname: "/chapters/x.html", href: "http://lab/chapters/x.html" },
    innerHeight: 800,
    HTMLAnchorElement: Object,
    fetch: async () => download(),
    window: { bokehDocument, Bokeh: { set_log_level() {}, documents: [bokehDocument], embed: { add_document_standalone: async () => ({ roots: [view] }) } } },
    document: {
      baseURI: "http://lab/chapters/x.html",
      documentElement: { dataset: { theme: "dark" } },
      body: { dataset: {} },
      querySelector: () => null,
      querySelectorAll: () => [place],
      createElement: () => made[made.push(element()) - 1],
      addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => (onDocument[name] = listener),
    },
    IntersectionObserver: class {
      constructor(/** @type {(entries: object[]) => void} */ act) {
        comes.push(() => act([{ isIntersecting: true }]));
      }
      observe() {}
      disconnect() {}
    },
    requestAnimationFrame: setImmediate,
    addEventListener(/** @type {string} */ name, /** @type {any} */ listener) {
      onWindow[name] = listener;
      if (name === "pagehide") leaving.push(listener);
    },
    localStorage: storage(),
    sessionStorage: storage(),
  });
  line = python();
  openInstruments(/** @type {any} */ (line));
});

/** Python's first answer has come and is shown. */
async function live(first = {}) {
  line.says(state(first));
  await drawn();
}

/** The figures have replaced the still picture. */
async function drawn() {
  for (let turns = 0; turns < 9 && !line.sent.some(({ type }) => type === "drawn"); turns++) await settled();
  assert.ok(line.sent.some(({ type }) => type === "drawn"));
}

// --- opening ---------------------------------------------------------------------------------------------------------

test("an instrument is opened in its state at once, and told as drawn when the first answer is shown", async () => {
  assert.deepEqual(line.sent, [{ type: "open", slot: { slot: "a", name: "a", state: { t: "0.5" }, asked: {}, embedded: false } }]);
  await settled();
  assert.equal(line.sent.length, 1);
  await live({ settings: { t: 0.5 }, query: "t=0.5" });
  assert.deepEqual(line.sent.slice(1), [{ type: "drawn", slot: "a" }]);
  assert.deepEqual(settings.applied, [{ t: 0.5 }, { query: "t=0.5" }]);
});

test("the address asks for settings of one instrument of a chapter, or of the only one", () => {
  const opened = (/** @type {string} */ search, embed = false) => {
    /** @type {any} */ (globalThis).location.search = search;
    /** @type {any} */ (globalThis).document.body.dataset = embed ? { embed: "" } : {};
    const other = python();
    const frame = { started: Promise.resolve(), notSettings: ["theme"], differing: {}, options: { lock: ["t"] } };
    openInstruments(/** @type {any} */ (other), embed ? frame : undefined);
    assert.deepEqual(other.sent[0].slot.state, { t: "0.5" });
    assert.equal(other.sent[0].slot.embedded, embed);
    assert.deepEqual(other.sent[0].slot.locked, embed ? ["t"] : undefined);
    return other.sent[0].slot.asked;
  };
  assert.deepEqual(opened("?a.t=0.7&b.t=1&t=2"), { t: "0.7" });
  assert.deepEqual(opened("?t=0.7&theme=dark&view=b", true), { t: "0.7", view: "b" });
});

test("a page without instruments says so", () => {
  /** @type {any} */ (globalThis).document.querySelectorAll = () => [];
  const other = python();
  openInstruments(/** @type {any} */ (other));
  assert.deepEqual(other.sent, [{ type: "nothing_to_draw" }]);
});

test("what an address could not set is said", () => {
  const notice = place.querySelector(".notice");
  /** @type {string[]} */
  let said = [];
  notice.replaceChildren = (/** @type {string[]} */ ...texts) => (said = texts);
  line.says({ type: "opened", slot: "a", problems: ["No `x`.", "No `y`."] });
  assert.deepEqual(said, ["No `x`.", " ", "No `y`.", " "], "a text each, which is translated alone");
  assert.equal(notice.hidden, false);
  line.says({ type: "opened", slot: "a", problems: [] });
  assert.equal(notice.hidden, true);
  line.says({ type: "opened", slot: "unknown", problems: ["nobody hears it"] });
});

test("answers that come before the picture is drawn are shown in order", async () => {
  line.says(state({ settings: { t: 1 } }));
  line.says(state({ settings: { t: 2 } }));
  await live({ settings: { t: 3 } });
  assert.deepEqual(settings.applied, [{ t: 1 }, { t: 2 }, { t: 3 }]);
  assert.equal(line.sent.filter(({ type }) => type === "drawn").length, 1);
});

test("the still picture is kept while Python computes what it shows", async () => {
  line.says(state({ settings: { step: 0 }, progress: [100, 300, "steps"] }));
  await settled();
  assert.equal(line.sent.length, 1);
  await live({ settings: { step: 300 } });
  assert.deepEqual(settings.applied, [{ step: 0 }, { step: 300 }]);
});

test("a still picture of another state is replaced at once", async () => {
  /** @type {any} */ (globalThis).location.search = "?a.t=0.7";
  line = python();
  openInstruments(/** @type {any} */ (line));
  await live({ progress: [100, 300, "steps"] });
});

test("a document that cannot be downloaded is reported, and asked for again with a new Python", async () => {
  download = () => new Response(null, { status: 503 });
  line = python();
  openInstruments(/** @type {any} */ (line));
  await settled();
  assert.deepEqual(line.problems, [
    ["a", "the picture could not be drawn: lab answered 503 to the request for a.json; try again later."],
  ]);
  line.says(state());
  await settled();
  assert.equal(line.sent.some(({ type }) => type === "drawn"), false);
  download = () => Response.json({ doc: {}, roots: ["r"] });
  line.says({ type: "replaced" });
  await live();
});

test("the figures have the page's theme before they come into sight", async () => {
  await live();
  assert.deepEqual(coloured.applied, { fill_color: "#eee" });
});

// --- what leaves -----------------------------------------------------------------------------------------------------

test("nothing leaves before the picture is in sight", async () => {
  await settled();
  moved("t", 1);
  await taskOver();
  assert.deepEqual(line.changes(), []);
  await live();
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }]);
});

test("what is changed in one task leaves together, and is the only message on its way", async () => {
  await live();
  moved("x", 1);
  moved("y", 2);
  await taskOver();
  assert.deepEqual(line.changes(), [{ x: 1, y: 2 }]);
  moved("x", 3);
  await taskOver();
  assert.equal(line.changes().length, 1);
  idle();
  assert.deepEqual(line.changes(), [{ x: 1, y: 2 }, { x: 3 }]);
  idle();
  assert.equal(line.changes().length, 2);
});

test("where Python is quick a change may follow before the answer is heard, no more than one and no action", async () => {
  await live();
  moved("t", 1);
  await taskOver();
  moved("t", 2);
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }], "nothing is known of Python yet");
  idle(3);
  assert.deepEqual(line.changes(), [{ t: 1 }, { t: 2 }]);
  moved("t", 3);
  await taskOver();
  moved("t", 4);
  pressed("run");
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }, { t: 2 }, { t: 3 }]);
  idle(3);
  assert.deepEqual(line.changes().slice(3), [{ t: 4 }]);
  idle(30);
  assert.equal(line.changes().length, 4, "an answer is owed, and Python has been slow");
  idle(3);
  assert.deepEqual(line.changes().slice(4), ["run"]);
  moved("t", 5);
  await taskOver();
  assert.equal(line.changes().length, 5, "a button may take any time");
  idle();
  assert.deepEqual(line.changes().slice(5), [{ t: 5 }]);
});

test("the newest value of a setting waits, older ones are dropped; what figures report stays on the page", async () => {
  await live();
  moved("seed", 1);
  await taskOver();
  for (const value of [1, 2, 3]) moved("t", value);
  moved("view", "reverse");
  moved("t", 4);
  change({ model: { name: "figure" }, attr: "inner_width", value: 9 });
  change({ msg_data: { data: "no action" } });
  await taskOver();
  idle();
  assert.deepEqual(line.changes(), [{ seed: 1 }, { t: 4, view: "reverse" }]);
});

test("actions are never dropped, and changes leave in the order in which they were made", async () => {
  await live();
  moved("seed", 1);
  await taskOver();
  moved("t", 1);
  for (const action of ["reset", "run", "step"]) pressed(action);
  moved("t", 2);
  moved("t", 3);
  await taskOver();
  for (let answers = 0; answers < 6; answers++) idle(1);
  assert.deepEqual(line.changes(), [{ seed: 1 }, { t: 1 }, "reset", "run", "step", { t: 3 }]);
});

test("a tap leaves with its place", async () => {
  await live();
  change({ msg_data: { data: { action: "tap", x: 0.5, y: -1 } } });
  await taskOver();
  assert.deepEqual(line.sent.at(-1), { type: "act", slot: "a", message: { action: "tap", x: 0.5, y: -1 } });
});

test("what came from Python does not go back", async () => {
  await live();
  line.says(state({ settings: { t: 7 }, texts: { sum: "1" }, status: "done" }));
  await taskOver();
  assert.deepEqual(settings.applied, [{ t: 7 }, { readings_shown: { sum: "1" } }, { status: "done" }]);
  assert.deepEqual(line.changes(), []);
  moved("t", 8);
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 8 }]);
});

test("slices of long work are shown as they come, and say nothing of being asked", async () => {
  await live();
  moved("t", 1);
  await taskOver();
  line.says(state({ status: "1 of 2" }));
  moved("t", 2);
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }], "an answer is still owed");
  idle();
  line.says(state({ status: "2 of 2" }));
  assert.deepEqual(settings.applied, [{ status: "1 of 2" }, { status: "2 of 2" }]);
});

test("a setting that the reader has moved since is not moved back by an answer", async () => {
  await live();
  moved("seed", 1);
  await taskOver();
  moved("t", 0.9);
  line.says(state({ settings: { t: 0.4, view: "b" } }));
  assert.deepEqual(settings.applied, [{ view: "b" }]);
  idle();
  assert.deepEqual(line.changes(), [{ seed: 1 }, { t: 0.9 }]);
});

test("the theme is the page's own business", async () => {
  await live();
  moved("theme", "light");
  await taskOver();
  assert.deepEqual(coloured.applied, { fill_color: "#111" });
  assert.deepEqual(line.changes(), []);
});

test("a picture that waits too long for Python is marked, until Python has answered", async (context) => {
  await live();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  moved("t", 1);
  await taskOver();
  context.mock.timers.tick(1999);
  assert.equal("stuck" in place.dataset, false);
  context.mock.timers.tick(1);
  assert.equal("stuck" in place.dataset, true);
  idle();
  assert.equal("stuck" in place.dataset, false);
});

test("data are exported on request", async () => {
  /** @type {any[]} */ const heard = [];
  place.addEventListener("lab:exported", (/** @type {any} */ event) => heard.push(event.detail));
  place.dispatchEvent({ type: "lab:export", detail: { kind: "svg", address: "https://lab/?t=1" } });
  assert.deepEqual(line.sent.at(-1), { type: "export", slot: "a", kind: "svg", theme: "dark", address: "https://lab/?t=1" });
  globalThis.CustomEvent ??= /** @type {any} */ (class { constructor(/** @type {string} */ type, /** @type {any} */ options) { Object.assign(this, { type }, options); } });
  line.says({ type: "exported", slot: "a", text: "x\n1\n" });
  assert.deepEqual(heard, [{ text: "x\n1\n" }]);
});

/** Presses a preset of the prose. @param {object} dataset of its link */
function press(dataset, preventDefault = () => {}) {
  const link = { hash: "#instrument-a", dataset };
  onDocument.click({ target: { closest: () => link }, preventDefault });
}

test("a preset of the prose sets several settings as texts, or none", async () => {
  await live();
  let followed = true;
  press({ set: "view=reverse t=0.4" }, () => (followed = false));
  assert.deepEqual(line.sent.at(-1), { type: "preset", slot: "a", values: { view: "reverse", t: "0.4" }, keep: false });
  assert.equal(followed, false);
  idle();
  press({ set: "t=1", keep: "" });
  assert.deepEqual(line.sent.at(-1), { type: "preset", slot: "a", values: { t: "1" }, keep: true });
  idle();
  press({ set: "" });
  assert.deepEqual(line.sent.at(-1), { type: "preset", slot: "a", values: {}, keep: false });
  line.health = "failed";
  press({ set: "t=1" }, () => assert.fail("without Python it is a link"));
});

test("a preset ends the wait for what the still picture shows", async () => {
  line.says(state({ progress: [100, 300, "steps"] }));
  await settled();
  assert.equal(line.sent.length, 1);
  press({ set: "t=0.1" });
  await drawn();
  assert.deepEqual(line.sent.slice(1).map(({ type }) => type), ["drawn", "preset"]);
});

test("a preset follows what was moved before it, ends playing, and waits for the picture", async () => {
  press({ set: "t=0.1" });
  await settled();
  assert.deepEqual(line.changes(), []);
  await live();
  assert.deepEqual(line.changes(), [{ values: { t: "0.1" }, keep: false }]);
  settings.playing = true;
  moved("t", 0.7);
  await taskOver();
  press({ set: "t=0.2" });
  moved("seed", 3);
  await taskOver();
  for (let answers = 0; answers < 4; answers++) idle();
  assert.equal(settings.playing, false);
  assert.deepEqual(line.changes().slice(1), [{ t: 0.7, playing: false }, { values: { t: "0.2" }, keep: false }, { seed: 3 }]);
});

// --- what is kept for the next visit ----------------------------------------------------------------------------------

const KEY = "lab:state:undefined:a";
const visit = (/** @type {string} */ search = "", /** @type {string} */ kind = "navigate") => {
  /** @type {any} */ (globalThis).location.search = search;
  /** @type {any} */ (performance).getEntriesByType = () => [{ type: kind }];
  place.dataset = { instrument: "a", document: "a.json", state: '{"t":"0.5"}' };
  line = python();
  openInstruments(/** @type {any} */ (line));
  return line.sent[0].slot;
};
/** The reader moves t, and Python answers. */
async function move(/** @type {number} */ t) {
  moved("t", t);
  await taskOver();
  line.says(state({ settings: { t }, query: `t=${t}` }));
  idle();
  onWindow.pagehide({});
}

test("a reload and a later visit begin in the state that the reader has left", async () => {
  await live({ query: "" });
  onWindow.pagehide({});
  assert.equal(localStorage.getItem(KEY), null, "nothing has been moved");
  await move(0.7);
  assert.equal(localStorage.getItem(KEY), "t=0.7");
  assert.equal(visit("", "reload").query, "t=0.7");
  sessionStorage.removeItem(KEY);
  assert.equal(visit().query, "t=0.7");
  await live({ query: "t=0.7" });
  await move(0.5);
  line.says(state({ query: "" }));
  onWindow.pagehide({});
  assert.equal(localStorage.getItem(KEY), null);
  assert.equal(visit().query, undefined);
});

test("each tab begins in its own state", async () => {
  await live();
  await move(0.7);
  localStorage.setItem(KEY, "t=0.1"); // by another tab
  assert.equal(visit("", "reload").query, "t=0.7");
});

test("a link's state wins, and the reader's own is a press away", async () => {
  await live();
  await move(0.7);
  const opened = visit("?a.t=0.2");
  assert.deepEqual([opened.asked, opened.query], [{ t: "0.2" }, undefined]);
  await live({ query: "t=0.2" });
  onWindow.pagehide({});
  assert.equal(localStorage.getItem(KEY), "t=0.7", "a link that has only been looked at changes nothing");
  const back = made.find((one) => one.textContent === "Back to mine");
  back.dispatchEvent({ type: "click" });
  await taskOver();
  assert.deepEqual(line.changes(), [{ values: { t: "0.7" }, keep: false }]);
});

test("what the reader makes of a link's state is there after a reload; the same link opened again shows its own", async () => {
  await live();
  await move(0.7);
  visit("?a.t=0.2");
  await live({ query: "t=0.2" });
  await move(0.3);
  assert.equal(visit("?a.t=0.2", "reload").query, "t=0.3");
  assert.deepEqual(JSON.parse(String(localStorage.getItem(`${KEY}:more`))).others.map((/** @type {any} */ { text }) => text), ["t=0.7"]);
  const again = visit("?a.t=0.2");
  assert.deepEqual([again.asked, again.query], [{ t: "0.2" }, undefined]);
});

test("a page of one instrument begins in the state of its address", async () => {
  localStorage.setItem(KEY, "t=0.7");
  const other = python();
  /** @type {any} */ (globalThis).document.body.dataset = { embed: "" };
  openInstruments(/** @type {any} */ (other), { started: Promise.resolve(), notSettings: [], differing: {}, options: { lock: [] } });
  assert.equal(other.sent[0].slot.query, undefined);
});

/** Opens a page on which the instrument stands twice. @param {string} search of its address @param {object} [rect] where the first stands */
const visitTwo = (search, rect = { top: 0, bottom: 100 }) => {
  const late = element({ instrument: "a", slot: "a-late", document: "b.json", state: '{"t":"0.9"}' });
  place.getBoundingClientRect = () => rect;
  late.getBoundingClientRect = () => ({ top: 700, bottom: 1500 });
  /** @type {any} */ (globalThis).document.querySelectorAll = () => [place, late];
  visit(search);
};
const slots = () => line.sent.filter(({ type }) => type === "open").map(({ slot: { slot } }) => slot);

test("two slots of one instrument are two instruments, each with its part of the address and its own state", async () => {
  localStorage.setItem("lab:state:undefined:a-late", "seed=3");
  visitTwo("?a.t=0.2&a-late.x=1");
  comes[0]();
  await settled();
  assert.deepEqual(line.sent.map(({ slot: { slot, name, asked } }) => [slot, name, asked]), [
    ["a", "a", { t: "0.2" }],
    ["a-late", "a", { x: "1" }],
  ]);
  comes = [];
  visitTwo("");
  comes[0]();
  await settled();
  assert.deepEqual(line.sent.map(({ slot: { slot, state: at, query } }) => [slot, at, query]), [
    ["a", { t: "0.5" }, undefined],
    ["a-late", { t: "0.9" }, "seed=3"],
  ]);
});

test("the first instrument in the window is opened at once, the others when it lives", async () => {
  visitTwo("");
  await settled();
  assert.deepEqual(slots(), ["a"]);
  line.says({ type: "stage", stage: "live" });
  await settled();
  assert.deepEqual(slots(), ["a", "a-late"]);
  visitTwo("", { top: -900, bottom: -800 });
  await settled();
  assert.deepEqual(slots(), ["a-late"]);
});

test("no instrument is drawn while the reader holds a slider of another", async () => {
  visitTwo("");
  const { pointerdown, pointerup } = onWindow;
  pointerdown({});
  line.says({ type: "stage", stage: "live" });
  await settled();
  assert.deepEqual(slots(), ["a"]);
  for (const listener of [pointerup, onWindow.pointerup]) listener({});
  await settled();
  assert.deepEqual(slots(), ["a", "a-late"]);
});

test("an instrument that fails does not hold up the others", async () => {
  visitTwo("");
  line.says({ type: "failed", where: "instrument", slot: "a", message: "no" });
  await settled();
  assert.deepEqual(slots(), ["a", "a-late"]);
});

// --- a copy beside it ------------------------------------------------------------------------------------------------

test("a pinned copy is named by what differs from the instrument beside it", async () => {
  await live();
  place.dispatchEvent({ type: "lab:pin", detail: { query: "t=0.3" } });
  const [copy] = made.filter((one) => one.className === "instrument");
  line.sent.length = 0;
  line.says(state({ beside: "t = 0.3 (here 0.5)" }, "a:pinned"));
  await drawn();
  assert.equal(copy.querySelector(".instrument-title").textContent, "t = 0.3 (here 0.5)");
  line.says(state({ texts: { sum: "1" } }, "a:pinned"));
  assert.equal(copy.querySelector(".instrument-title").textContent, "t = 0.3 (here 0.5)");
  line.says(state({ beside: "" }, "a:pinned"));
  assert.equal(copy.querySelector(".instrument-title").textContent, "the same as here");
});

test("a pinned copy is an instrument of its own, and is closed with its button", async () => {
  await live();
  place.dispatchEvent({ type: "lab:pin", detail: { query: "t=0.3&view=b" } });
  const slot = { slot: "a:pinned", name: "a", state: { t: "0.5" }, asked: { t: "0.3", view: "b" }, embedded: false, beside: "a" };
  assert.deepEqual(line.sent.at(-1), { type: "open", slot });
  place.dispatchEvent({ type: "lab:pin", detail: { query: "" } });
  assert.equal(line.sent.filter(({ type }) => type === "open").length, 2, "there is one copy at most");
  line.says(state({}, "a:pinned"));
  await settled();
  const [button] = made.filter((one) => one.className === "unpin");
  button.dispatchEvent({ type: "click" });
  assert.deepEqual(line.sent.at(-1), { type: "close", slot: "a:pinned" });
  line.says(state({ settings: { t: 1 } }, "a:pinned"));
  place.dispatchEvent({ type: "lab:pin", detail: { query: "" } });
  assert.equal(line.sent.at(-1).type, "open", "and can be made again");
});

// --- another interpreter ---------------------------------------------------------------------------------------------

test("an instrument comes back in a new Python as it was, with what the old one had not taken in", async () => {
  await live({ query: "t=0.5&seed=1" });
  moved("t", 1);
  await taskOver(); // it is never answered
  moved("view", "reverse");
  moved("playing", true);
  pressed("run");
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", "t=1&seed=1&view=reverse"]]);
});

test("a preset that has not been sent is not lost with Python, nor what follows it", async () => {
  await live({ query: "seed=1" });
  moved("t", 1);
  await taskOver(); // it is never answered
  moved("view", "reverse");
  press({ set: "t=0.2 seed=4" });
  moved("seed", 5);
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", "seed=1&t=1&view=reverse"]]);
  line.says(state());
  assert.deepEqual(line.changes(), [{ t: 1 }, { values: { t: "0.2", seed: "4" }, keep: false }]);
  idle();
  assert.deepEqual(line.changes().at(-1), { seed: 5 });
});

test("a preset pressed before Python's first answer is not lost when its start is repeated", async () => {
  press({ set: "t=0.2" });
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", undefined]]);
  await live();
  assert.deepEqual(line.changes(), [{ values: { t: "0.2" }, keep: false }]);
});

test("links and codes have what the address asks for before Python has answered", () => {
  /** @type {any} */ (globalThis).location.search = "?a.t=0.7&a.nonsense=1&b.t=2";
  const heard = /** @type {string[]} */ ([]);
  place.addEventListener("lab:state", (/** @type {any} */ { detail }) => heard.push(detail.query));
  openInstruments(/** @type {any} */ (python()));
  assert.deepEqual(heard, ["t=0.7"]);
});

test("of two changes on their way both are restored", async () => {
  await live();
  moved("t", 1);
  await taskOver();
  moved("t", 2);
  idle(1);
  moved("x", 3);
  await taskOver();
  assert.equal(line.changes().length, 3);
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", "t=2&x=3"]]);
});

test("what is moved while there is no Python is sent when the new one has answered, and stays as the reader left it", async () => {
  await live();
  line.says({ type: "replaced" });
  settings.applied.length = 0;
  moved("seed", 3);
  pressed("step");
  await taskOver();
  assert.deepEqual(line.changes(), []);
  line.says(state({ settings: { seed: 1, t: 0.5 } }));
  assert.deepEqual(settings.applied, [{ t: 0.5 }]);
  assert.deepEqual(line.changes(), [{ seed: 3 }]);
  idle();
  assert.deepEqual(line.changes(), [{ seed: 3 }, "step"]);
});

test("a state at which Python ends is not restored twice, and the instrument goes on from where it began", async () => {
  await live({ query: "t=1" });
  line.says({ type: "replaced" });
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", "t=1"], ["a", undefined]]);
  line.says(state({ query: "" }));
  moved("t", 0.2);
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 0.2 }]);
  idle();
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries.at(-1), ["a", "t=0.2"], "after an answer it may be restored again");
});

test("an instrument that was never in sight is opened as at first", async () => {
  line.says({ type: "replaced" });
  assert.deepEqual(line.queries, [["a", undefined]]);
  await live();
});

test("a figure is drawn once in the next frame, however often it is asked to, and again in the one after", async () => {
  await live();
  figure.drawings = 0;
  for (const drawings of [1, 2]) {
    await Promise.all([figure.throttled_paint(), figure.throttled_paint()]);
    assert.equal(figure.drawings, drawings);
  }
});
