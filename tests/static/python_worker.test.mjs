/** The page's line to Python: health, stages, and what a new worker is told again. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Python } from "../../static/js/page/python_worker.js";

// The watch of a worker that a test leaves behind would keep this process for a minute.
const { setInterval } = globalThis;
globalThis.setInterval = /** @type {any} */ ((/** @type {[() => void, number]} */ ...watch) => setInterval(...watch).unref());

/** A worker that only notes what it is sent. */
function worker() {
  return {
    sent: /** @type {any[]} */ ([]),
    ended: false,
    onmessage: (/** @type {{data: any}} */ _event) => {},
    onerror: (/** @type {any} */ _event) => {},
    postMessage(/** @type {any} */ message) {
      if (message.type === "watch") this.lock = message.lock;
      else if (message.type === "signal") this.signal = message.signal;
      else this.sent.push(message);
    },
    lock: "",
    signal: /** @type {any} */ (undefined),
    onmessageerror: () => {},
    terminate() {
      this.ended = true;
    },
  };
}

/** A started Python on a worker that the page's head has made, with what that has said so far. @param {any[]} early */
function started(early = []) {
  const first = worker();
  /** @type {ReturnType<typeof worker>[]} */
  const later = [];
  Object.assign(globalThis, {
    window: { labWorker: { worker: first, early: early.map((data) => ({ data })) } },
    Worker: function () {
      later.push(worker());
      return later.at(-1);
    },
  });
  const python = new Python(ADDRESS);
  return { python, first, later };
}

const ADDRESS = "http://lab/assets/worker.js";
const at = performance.timeOrigin + 1234;

test("what the worker said before the page listened is heard, in order", () => {
  const { python, first } = started([{ type: "stage", stage: "worker", at }, { type: "stage", stage: "numpy", at: at + 1 }]);
  /** @type {string[]} */ const heard = [];
  python.on("stage", ({ stage }) => heard.push(stage));
  python.start();
  first.onmessage({ data: { type: "stage", stage: "live", at: at + 2 } });
  assert.deepEqual(heard, ["worker", "numpy", "live"]);
  assert.equal(python.health, "live");
  assert.equal(Math.round(python.stages.worker), 1234);
});

test("a stage keeps the time it was first reached", () => {
  const { python, first } = started();
  python.start();
  for (const later of [0, 500]) first.onmessage({ data: { type: "stage", stage: "built", at: at + later } });
  assert.equal(Math.round(python.stages.built), 1234);
});

test("every listener hears its own kind of message", () => {
  const { python, first } = started();
  /** @type {string[]} */ const heard = [];
  python.on("idle", ({ slot }) => heard.push(`one ${slot}`));
  python.on("idle", ({ slot }) => heard.push(`two ${slot}`));
  python.on("failed", () => heard.push("failed"));
  python.start();
  first.onmessage({ data: { type: "idle", slot: "a" } });
  assert.deepEqual(heard, ["one a", "two a"]);
});

test("only a failure of the start ends Python", () => {
  const { python, first } = started();
  python.start();
  first.onmessage({ data: { type: "stage", stage: "live", at } });
  first.onmessage({ data: { type: "failed", where: "instrument", slot: "a", message: "no" } });
  assert.equal(python.health, "live");
  first.onmessage({ data: { type: "failed", where: "start", message: "no" } });
  assert.equal(python.health, "failed");
});

/** After all that waits for promises. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What the listeners hear of failures. @param {Python} python */
function failures(python) {
  /** @type {string[]} */ const heard = [];
  python.on("failed", ({ where, message }) => heard.push(`${where}: ${message}`));
  python.on("broken", ({ message }) => heard.push(`broken: ${message}`));
  return heard;
}

test("a worker's script that does not run is downloaded past the cache, and started once more", async () => {
  const { python, first, later } = started();
  /** @type {any[]} */ const asked = [];
  Object.assign(globalThis, { fetch: async (/** @type {any[]} */ ...request) => (asked.push(request), new Response("script")) });
  const heard = failures(python);
  python.start();
  first.onerror({ message: "" });
  await settled();
  await settled();
  assert.deepEqual([asked.length, asked[0][0], asked[0][1].cache, first.ended, later.length], [1, ADDRESS, "reload", true, 1]);
  later[0].onerror({ message: "SyntaxError" });
  await settled();
  assert.deepEqual(heard, ["start: SyntaxError"]);
  assert.equal(later.length, 1);
  python.retry();
  assert.equal(later.length, 2);
});

test("a worker's script that does not come is said", async () => {
  const { python, first } = started();
  Object.assign(globalThis, { fetch: async () => new Response("<html>", { status: 404 }) });
  const heard = failures(python);
  python.start();
  first.onerror({ message: "" });
  await settled();
  await settled();
  assert.deepEqual(heard, ["start: worker.js is not on lab (404); if the site has just been updated, reload the page."]);
});

test("an error that came before the page listened is heard", async () => {
  const { python, first } = started();
  /** @type {any} */ (globalThis).window.labWorker.early.push({ type: "error", message: "SyntaxError" });
  Object.assign(globalThis, { fetch: async () => new Response(null, { status: 503 }) });
  const heard = failures(python);
  python.start();
  await settled();
  await settled();
  assert.equal(first.ended, true);
  assert.match(heard[0], /lab answered 503/);
});

/** Locks, of which those that a worker holds can be released by its death. */
function locks() {
  /** @type {Map<string, () => void>} */ const waiting = new Map();
  const request = (/** @type {string} */ name, /** @type {{signal: AbortSignal}} */ { signal }, /** @type {() => void} */ act) =>
    new Promise((resolve, reject) => {
      waiting.set(name, () => resolve(act()));
      signal.addEventListener("abort", () => (waiting.delete(name), reject(new Error("aborted"))));
    });
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
  return waiting;
}

test("a worker that ends while Python is live is the end of its interpreter", async () => {
  const waiting = locks();
  const { python, first, later } = started();
  const heard = failures(python);
  python.start();
  first.onmessage({ data: { type: "watched" } });
  first.onmessage({ data: { type: "stage", stage: "live", at } });
  waiting.get(first.lock)?.();
  await settled();
  assert.match(heard[0], /^broken: The browser ended Python/);
  python.replace();
  assert.equal(later.length, 1);
  assert.notEqual(later[0].lock, first.lock);
});

test("a worker that the page itself ends is not missed", async () => {
  const waiting = locks();
  const { python, first } = started();
  const heard = failures(python);
  python.start();
  first.onmessage({ data: { type: "watched" } });
  python.replace();
  assert.equal(waiting.has(first.lock), false);
  await settled();
  assert.deepEqual(heard, []);
});

test("a start that makes no progress has failed; one that downloads slowly has not", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { python, first } = started();
  const heard = failures(python);
  python.start();
  first.onmessage({ data: { type: "stage", stage: "worker", at } });
  for (let minute = 0; minute < 5; minute++) {
    context.mock.timers.tick(50_000);
    first.onmessage({ data: { type: "downloading" } });
  }
  assert.deepEqual(heard, []);
  context.mock.timers.tick(60_000);
  assert.match(heard[0], /^start: nothing has happened for a minute/);
  assert.equal(first.ended, true);
});

test("a live Python may be silent for as long as it likes", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { python, first } = started();
  const heard = failures(python);
  python.start();
  first.onmessage({ data: { type: "stage", stage: "live", at } });
  context.mock.timers.tick(600_000);
  assert.deepEqual(heard, []);
});

test("a new worker after a failure is told what had been opened, and nothing else", () => {
  const { python, first, later } = started();
  python.start();
  const open = { type: "open", slot: { slot: "a", name: "a", state: {}, theme: "light" } };
  python.send(/** @type {any} */ (open));
  python.send({ type: "set", slot: "a", values: { t: 1 } });
  python.send({ type: "run_cell", run: 1, label: "c", code: "1" });
  first.onmessage({ data: { type: "failed", where: "start", message: "no" } });
  python.retry();
  assert.equal(first.ended, true);
  assert.equal(python.health, "starting");
  assert.deepEqual(later[0].sent, [open]);
});

test("a new worker opens an instrument with the settings that it is to restore; one that is closed is not opened", () => {
  const { python, later } = started();
  python.start();
  const slot = { slot: "a", name: "ring", state: { t: "0.5" } };
  python.send({ type: "open", slot });
  python.send({ type: "open", slot: { ...slot, slot: "a-pinned" } });
  python.send({ type: "close", slot: "a-pinned" });
  python.restore("a", "t=0.7");
  python.retry();
  assert.deepEqual(later[0].sent, [{ type: "open", slot: { ...slot, query: "t=0.7" } }]);
  python.restore("a", undefined);
  python.retry();
  assert.deepEqual(later[1].sent, [{ type: "open", slot: { ...slot, query: undefined } }]);
});

test("a page with cells only can start again", () => {
  const { python, later } = started();
  python.start();
  python.send({ type: "nothing_to_draw" });
  python.retry();
  assert.deepEqual(later[0].sent, [{ type: "nothing_to_draw" }]);
});

test("without SIMD no worker is started", () => {
  const { python, later } = started();
  delete (/** @type {any} */ (globalThis).window.labWorker);
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    python.start();
  } finally {
    WebAssembly.validate = validate;
  }
  assert.equal(python.health, "failed");
  assert.equal(later.length, 0);
});

test("a Python that is asleep starts when it is woken, once; one that has failed is restarted", () => {
  const { python, first, later } = started();
  python.wake();
  python.wake();
  assert.deepEqual([python.worker === first, later.length], [true, 0]);
  first.onmessage({ data: { type: "failed", where: "start", message: "no" } });
  python.wake();
  assert.deepEqual([first.ended, later.length], [true, 1]);
});

test("an error of a live worker is the end of its interpreter, not of the start", () => {
  const { python, first } = started();
  /** @type {string[]} */ const heard = [];
  python.on("broken", ({ message }) => heard.push(message));
  python.start();
  first.onmessage({ data: { type: "stage", stage: "live", at } });
  first.onerror({ message: "out of memory" });
  assert.deepEqual(heard, ["out of memory"]);
  assert.equal(python.health, "live");
});

test("the worker of the page's head is the instruments' alone", () => {
  const { first, later } = started();
  const cells = new Python(ADDRESS, "cells");
  cells.start();
  assert.equal(cells.worker, later[0]);
  assert.notEqual(cells.worker, first);
});

test("a Python is interrupted once its worker has said that it hears it; another Python has another signal", () => {
  const { python, first, later } = started();
  assert.equal(python.interrupt(), false, "it has not started");
  python.start();
  assert.equal(python.interrupt(), false);
  const given = first.signal;
  first.onmessage({ data: { type: "interruptible" } });
  assert.equal(python.interrupt(), true);
  assert.notEqual(first.signal, given, "for the next time");
  python.replace();
  assert.ok(later[0].signal && later[0].signal !== first.signal);
  assert.equal(python.interrupt(), false);
});
