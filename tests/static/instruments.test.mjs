/** Instruments: while Python is busy the newest value of each Param waits, and all older ones are dropped. */
import assert from "node:assert/strict";
import { register } from "node:module";
import { beforeEach, test } from "node:test";

// The bundle of Bokeh, which runs in pages only, is what this test puts on `window`.
const bokeh = `
  export const Bokeh = new Proxy({}, { get: (_, name) => window.Bokeh[name] });
  export const Document = { from_json: () => {} };
  export const provideModels = async () => {};`;
const resolve = `export const resolve = (name, context, next) =>
  /^.\\/bokeh(_core)?\\.js$/.test(name)
    ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(bokeh)}`)}, shortCircuit: true }
    : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);

const { openInstruments } = await import("../../static/js/page/instruments.js");

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
    /** The values or events of each change that was sent. */
    changes() {
      const changes = this.sent.filter(({ type }) => type === "set" || type === "patch");
      return changes.map((message) => message.values ?? message.patch);
    },
  };
}

/** @type {ReturnType<typeof python>} */ let line;
/** A change on the page, as Bokeh tells its document. @type {(event: object) => void} */ let change;
/** @type {any[]} */ let applied;
/** A figure within the view that Bokeh has made. */
const figure = { throttled_paint: async () => {}, drawings: 0, repaint: () => void figure.drawings++, children: () => [] };

const settings = {
  query: "",
  setv(/** @type {object} */ values) {
    for (const [attr, value] of Object.entries(values)) {
      applied.push({ [attr]: value });
      change(set(attr, value)); // Bokeh tells of what it has taken in, too
    }
  },
};
const set = (/** @type {string} */ attr, /** @type {unknown} */ value) => ({ model: settings, attr, value });
/** Python answers all that it is asked, until it has been sent so many messages, the last of which it leaves. @param {number} count */
async function answeredUntil(count) {
  for (let heard = line.sent.length; line.sent.length < count; ) {
    await taskOver();
    if (line.sent.length === heard || line.sent.length === count) continue;
    heard = line.sent.length;
    line.says({ type: "idle", slot: "a" });
  }
}
/** Changes leave after the task that made them. */
const taskOver = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(async () => {
  applied = [];
  const bokehDocument = {
    create_json_patch: (/** @type {any[]} */ events) => events.map(({ msg }) => msg),
    apply_json_patch(/** @type {any} */ patch) {
      applied.push(patch);
      change(set("echo", patch)); // Bokeh tells of what it has taken in, too
    },
    on_change: (/** @type {any} */ callback) => (change = callback),
  };
  const model = { document: bokehDocument, data: settings };
  const view = { ready: Promise.resolve(), has_finished: () => true, model, children: () => [figure], remove() {} };
  Object.assign(globalThis, {
    location: { search: "", hash: "", pathname: "/chapters/x.html", href: "http://lab/chapters/x.html" },
    window: { Bokeh: { set_log_level() {}, documents: [bokehDocument], embed: { add_document_standalone: async () => ({ roots: [view] }) } } },
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
  await line.says({ type: "document", slot: "a", docs: "{}", roots: '["r"]', problems: [] });
});

test("an instrument is opened with its state and the page's theme, and told when it is drawn", () => {
  assert.deepEqual(line.sent, [
    { type: "open", slot: { slot: "a", name: "a", state: { t: "0.5" }, theme: "dark" } },
    { type: "drawn", slot: "a" },
  ]);
});

test("nothing leaves before Python is ready for it", async () => {
  change(set("t", 1));
  await taskOver();
  assert.deepEqual(line.changes(), []);
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes(), [{ t: 1 }]);
});

test("what is changed in one task leaves together, and is the only message on its way", async () => {
  line.says({ type: "idle", slot: "a" });
  change(set("x", 1));
  change(set("y", 2));
  await taskOver();
  assert.deepEqual(line.changes(), [{ x: 1, y: 2 }]);
  change(set("x", 3));
  await taskOver();
  assert.equal(line.changes().length, 1);
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes(), [{ x: 1, y: 2 }, { x: 3 }]);
  line.says({ type: "idle", slot: "a" });
  assert.equal(line.changes().length, 2);
});

test("where Python is quick a change may follow before the answer is heard, no more than one and no event", async () => {
  const idle = (/** @type {number} */ ms) => line.says({ type: "idle", slot: "a", ms });
  line.says({ type: "idle", slot: "a" });
  change(set("t", 1));
  await taskOver();
  change(set("t", 2));
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }], "nothing is known of Python yet");
  idle(3);
  assert.deepEqual(line.changes(), [{ t: 1 }, { t: 2 }]);
  change(set("t", 3));
  await taskOver();
  change(set("t", 4));
  change({ msg: "run" });
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 1 }, { t: 2 }, { t: 3 }]);
  idle(3);
  assert.deepEqual(line.changes().slice(3), [{ t: 4 }]);
  idle(30);
  assert.equal(line.changes().length, 4, "an answer is owed, and Python has been slow");
  idle(3);
  assert.deepEqual(line.changes().slice(4), [["run"]]);
  change(set("t", 5));
  await taskOver();
  assert.equal(line.changes().length, 5, "a button may take any time");
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes().slice(5), [{ t: 5 }]);
});

test("a Python that ends with two changes on their way has both taken in by the next", async () => {
  line.says({ type: "idle", slot: "a" });
  settings.query = "";
  change(set("t", 1));
  await taskOver();
  change(set("t", 2));
  line.says({ type: "idle", slot: "a", ms: 1 });
  change(set("x", 3));
  await taskOver();
  line.says({ type: "replaced" });
  line.sent.length = 0;
  line.says({ type: "document", slot: "a", docs: "{}", roots: '["r"]', problems: [] });
  await answeredUntil(3);
  assert.deepEqual(line.sent.at(-1), { type: "set", slot: "a", values: { t: 2, x: 3 } });
});

test("the newest value of a Param waits, older ones are dropped; what is no Param stays on the page", () => {
  for (const value of [1, 2, 3]) change(set("t", value));
  change(set("mode", "reverse"));
  change(set("t", 4));
  change({ model: { name: "figure" }, attr: "inner_width", value: 9 });
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes(), [{ t: 4, mode: "reverse" }]);
});

test("events, such as a pressed button, are never dropped, and follow the values", () => {
  for (const msg of ["run", "run", "step"]) change({ msg });
  change(set("t", 1));
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes(), [{ t: 1 }]);
  line.says({ type: "idle", slot: "a" });
  assert.deepEqual(line.changes(), [{ t: 1 }, ["run", "run", "step"]]);
});

test("what came from Python does not go back", async () => {
  line.says({ type: "idle", slot: "a" });
  line.says({ type: "patch", slot: "a", values: '{"t":7}', patch: '{"events":["moved"]}', buffers: new Map() });
  await taskOver();
  assert.deepEqual(applied, [{ t: 7 }, { events: ["moved"] }]);
  assert.deepEqual(line.changes(), []);
  change(set("t", 8));
  await taskOver();
  assert.deepEqual(line.changes(), [{ t: 8 }]);
});

test("a page without instruments says so", () => {
  /** @type {any} */ (globalThis).document.querySelectorAll = () => [];
  const other = python();
  openInstruments(/** @type {any} */ (other));
  assert.deepEqual(other.sent, [{ type: "nothing_to_draw" }]);
});

test("an instrument comes back in a new Python as it was, with what the old one had not taken in", async () => {
  line.says({ type: "idle", slot: "a" });
  settings.query = "t=0.5";
  change(set("t", 1));
  await taskOver(); // it is never answered
  change(set("mode", "reverse"));
  change({ msg: "run" });
  line.says({ type: "replaced" });
  line.sent.length = 0;
  change(set("seed", 3)); // moved while there is no Python
  await taskOver();
  assert.deepEqual(line.sent, []);
  line.says({ type: "document", slot: "a", docs: "{}", roots: '["r"]', problems: [] });
  await answeredUntil(3);
  assert.deepEqual(line.sent, [
    { type: "drawn", slot: "a" },
    { type: "resume", slot: "a", query: "t=0.5" },
    { type: "set", slot: "a", values: { t: 1, mode: "reverse", seed: 3 } },
  ]);
});

test("a state at which Python ends is not brought back twice", async () => {
  line.says({ type: "idle", slot: "a" });
  line.says({ type: "replaced" });
  const document = { type: "document", slot: "a", docs: "{}", roots: '["r"]', problems: [] };
  line.sent.length = 0;
  line.says(document);
  await answeredUntil(2);
  assert.equal(line.sent.at(-1).type, "resume");
  line.says({ type: "replaced" });
  line.sent.length = 0;
  line.says(document);
  await answeredUntil(1);
  line.says({ type: "idle", slot: "a" });
  for (let turns = 0; turns < 5; turns++) await taskOver();
  assert.deepEqual(line.sent, [{ type: "drawn", slot: "a" }]);
});

test("a figure is drawn once in the next frame, however often it is asked to, and again in the one after", async () => {
  for (const drawings of [1, 2]) {
    await Promise.all([figure.throttled_paint(), figure.throttled_paint()]);
    assert.equal(figure.drawings, drawings);
  }
});
