/**
 * The worker: starts Pyodide, unpacks the lab's Python and answers the page. It knows messages and files, nothing
 * of figures or controls.
 *
 * @typedef {import("./protocol.js").ToWorker} ToWorker
 * @typedef {import("./protocol.js").FromWorker} FromWorker
 * @typedef {import("./protocol.js").Stage} Stage
 * @typedef {[slot: string, values: string, patch: string, buffers: Map<string, ArrayBuffer>]} PatchParts
 */
import { startInterpreter } from "./interpreter.js";
import { ASSETS, download, unpack } from "./packs.js";

/** @param {FromWorker} message @param {Transferable[]} [transfer] */
const send = (message, transfer = []) => self.postMessage(message, /** @type {any} */ (transfer));

/** @type {Set<Stage>} */
const told = new Set();

/** Tells the page, once, that a stage of the start is over. @param {Stage} stage */
function reached(stage) {
  if (told.has(stage)) return;
  told.add(stage);
  send({ type: "stage", stage, at: performance.timeOrigin + performance.now() });
}

async function start() {
  reached("worker");
  const packs = Promise.all([download(ASSETS.core), download(ASSETS.lab)]);
  packs.catch(() => {}); // reported where it is awaited
  const python = await startInterpreter();
  reached("interpreter");
  // A collection during the start would go through all that has been imported, again and again, and find nothing.
  python.runPython("import gc; gc.disable()");
  for (const pack of await packs) unpack(python.FS, pack);
  python.runPython("import importlib; importlib.invalidate_caches()");
  reached("unpacked");
  python.runPython("import numpy");
  reached("numpy");
  const boot = python.pyimport("diffusion_lab.app.runtime.boot");
  reached("panel");

  let run = 0;
  const page = boot.Page(
    (/** @type {PatchParts} */ ...[slot, values, patch, buffers]) =>
      send({ type: "patch", slot, values, patch, buffers }, [...buffers.values()]),
    (/** @type {string} */ _label, /** @type {any} */ kind, /** @type {string} */ body, /** @type {number} */ line) =>
      send({ type: "output", run, kind, body, line }),
  );

  /** The rest of the library: what only a reader's cell may import; fetched when Python is live. @type {Promise<void> | undefined} */
  let rest;
  const wholeLibrary = () =>
    (rest ??= download(ASSETS.rest).then((pack) => {
      unpack(python.FS, pack);
      python.runPython("import importlib; importlib.invalidate_caches()");
    }));

  /** @type {{[K in ToWorker["type"]]: (message: Extract<ToWorker, {type: K}>) => void | Promise<void>}} */
  const answer = {
    open({ slot: { slot, name, state, theme } }) {
      const made = page.open(slot, name, state, theme);
      reached("built");
      send({ type: "document", slot, docs: made[0], items: made[1], roots: made[2], problems: made[3] });
    },
    close({ slot }) {
      page.close(slot);
    },
    nothing_to_draw() {
      reached("live");
    },
    drawn({ slot }) {
      page.link(slot);
      send({ type: "idle", slot });
      reached("live");
    },
    set({ slot, values }) {
      try {
        page.set(slot, values);
      } finally {
        send({ type: "idle", slot });
      }
    },
    patch({ slot, patch }) {
      try {
        page.patch(slot, patch);
      } finally {
        send({ type: "idle", slot });
      }
    },
    export({ slot }) {
      send({ type: "exported", slot, csv: page.export(slot) });
    },
    set_state({ slot, values }) {
      page.set_state(slot, values);
    },
    async run_cell(message) {
      await wholeLibrary();
      run = message.run;
      const began = performance.now();
      const ok = page.run_cell(message.label, message.code);
      send({ type: "cell_done", run, ok, ms: performance.now() - began });
    },
  };

  /** @param {ToWorker} message */
  const receive = async (message) => {
    try {
      await /** @type {any} */ (answer[message.type])(message);
    } catch (error) {
      const where = message.type === "run_cell" ? "cell" : "instrument";
      const slot = "slot" in message ? (typeof message.slot === "string" ? message.slot : message.slot.slot) : undefined;
      send({ type: "failed", where, slot, message: lastLine(error) });
    }
  };
  let queue = Promise.resolve();
  self.onmessage = (event) => (queue = queue.then(() => receive(event.data)));
  for (const event of early.splice(0)) queue = queue.then(() => receive(event.data));
}

/** The last line of a Python traceback says what happened. @param {any} error */
function lastLine(error) {
  return String(error?.message ?? error).trim().split("\n").at(-1) ?? "";
}

/** @type {MessageEvent<ToWorker>[]} */
const early = [];
self.onmessage = (event) => early.push(event);
start().catch((error) => send({ type: "failed", where: "start", message: lastLine(error) }));
