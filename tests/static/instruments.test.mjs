/** Instruments: while Python is busy the newest value of each property waits, and all else is dropped. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openInstruments } from "../../static/js/instruments.js";

/** An element of the page that takes whatever is done to it, and is asked for nothing. @returns {any} */
const element = (dataset = {}) =>
  new Proxy(function () {}, {
    get(target, name) {
      if (name === "dataset") return dataset;
      if (name === "then") return undefined; // no promise
      if (name === Symbol.iterator) return [][Symbol.iterator];
      if (name === Symbol.toPrimitive) return () => "";
      return Reflect.has(target, name) ? Reflect.get(target, name) : () => element();
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });

/** Python's side: what it was sent, and `says` to let it speak. */
function python() {
  /** @type {Map<string, (message: any) => unknown>} */
  const listeners = new Map();
  return {
    health: "live",
    sent: /** @type {any[]} */ ([]),
    send(/** @type {any} */ message) {
      this.sent.push(message);
    },
    on: (/** @type {string} */ kind, /** @type {(message: any) => unknown} */ listener) => listeners.set(kind, listener),
    says: (/** @type {any} */ message) => listeners.get(message.type)?.(message),
    /** The events of each patch that was sent. */
    patches() {
      return this.sent.filter((message) => message.type === "patch").map((message) => message.patch);
    },
  };
}

/** @type {ReturnType<typeof python>} */ let line;
/** A change on the page, as Bokeh tells its document. @type {(event: object) => void} */ let change;
/** @type {any[]} */ let applied;

const model = { name: "model" };
const set = (/** @type {string} */ attr, /** @type {unknown} */ value) => ({ model, attr, value });

beforeEach(async () => {
  applied = [];
  const bokehDocument = {
    create_json_patch: (/** @type {any[]} */ events) => events.map(({ attr, value, msg }) => msg ?? `${attr}=${value}`),
    apply_json_patch(/** @type {any} */ patch) {
      applied.push(patch);
      change(set("echo", patch)); // Bokeh tells of what it has taken in, too
    },
    on_change: (/** @type {any} */ callback) => (change = callback),
  };
  const view = { ready: Promise.resolve(), has_finished: () => true, model: { document: bokehDocument } };
  Object.assign(globalThis, {
    location: { search: "", hash: "", pathname: "/chapters/x.html", href: "http://lab/chapters/x.html" },
    window: { Bokeh: { set_log_level() {}, embed: { embed_items: async () => [{ roots: [view] }] } } },
    document: {
      documentElement: { dataset: { theme: "dark" } },
      body: { dataset: {} },
      querySelectorAll: () => [element({ instrument: "a", state: '{"t":"0.5"}' })],
      createElement: () => element(),
      addEventListener() {},
    },
    requestAnimationFrame: setImmediate,
  });
  line = python();
  openInstruments(/** @type {any} */ (line));
  await line.says({ type: "document", slot: "a", docs: "{}", items: "[{}]", roots: '["r"]', problems: [] });
});

test("an instrument is opened with its state and the page's theme, and told when it is drawn", () => {
  assert.deepEqual(line.sent, [
    { type: "open", slot: { slot: "a", name: "a", state: { t: "0.5" }, theme: "dark" } },
    { type: "drawn", slot: "a" },
  ]);
});

test("nothing leaves before Python is ready for it", () => {
  change(set("t", 1));
  assert.deepEqual(line.patches(), []);
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.patches(), [["t=1"]]);
});

test("a change leaves at once when Python is idle, and is the only one on its way", () => {
  line.says({ type: "idle", slot: "a" });
  change(set("t", 1));
  change(set("t", 2));
  assert.deepEqual(line.patches(), [["t=1"]]);
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.patches(), [["t=1"], ["t=2"]]);
  line.says({ type: "idle", slot: "a" });
  assert.equal(line.patches().length, 2);
});

test("the newest value of a property waits, older ones are dropped; others are kept in order", () => {
  for (const value of [1, 2, 3]) change(set("t", value));
  change(set("mode", "reverse"));
  change(set("t", 4));
  change({ model: { name: "other" }, attr: "t", value: 9 });
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.patches(), [["mode=reverse", "t=4", "t=9"]]);
});

test("messages, such as a pressed button, are never dropped", () => {
  for (const msg of ["run", "run", "step"]) change({ msg });
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.patches(), [["run", "run", "step"]]);
});

test("what came from Python does not go back", () => {
  line.says({ type: "idle", slot: "a" });
  line.says({ type: "patch", slot: "a", patch: "t=7", buffers: new Map() });
  assert.deepEqual(applied, ["t=7"]);
  assert.deepEqual(line.patches(), []);
  change(set("t", 8));
  assert.deepEqual(line.patches(), [["t=8"]]);
});

test("a page without instruments says so", () => {
  /** @type {any} */ (globalThis).document.querySelectorAll = () => [];
  const other = python();
  openInstruments(/** @type {any} */ (other));
  assert.deepEqual(other.sent, [{ type: "nothing_to_draw" }]);
});

test("what waited for a worker that has died is dropped", async () => {
  change(set("t", 1)); // Python is busy, and never idle again: it is started anew
  await line.says({ type: "document", slot: "a", docs: "{}", items: "[{}]", roots: '["r"]', problems: [] });
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.patches(), []);
});
