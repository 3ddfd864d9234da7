/**
 * Starts the Python interpreter, fresh or from a memory snapshot. NumPy's compiled modules are linked before Python
 * starts, always in the same order, so that their places in memory and in the function table are the same at each start:
 * a snapshot could not be restored otherwise.
 */
import { loadPyodide } from "pyodide";
import { ASSETS, LIBRARY, address, request, requestModule, requestNow, requestWithProgress, unpack } from "./packs.js";

/** @typedef {[path: string, module: WebAssembly.Module]} Compiled */
/** @typedef {Record<string, string>} Handles  The compiled modules that Python has opened: address in memory → path. */

/** Downloads that every start needs, requested before it is known whether there is a snapshot. */
const core = request(ASSETS.glue).then(() => import(/* webpackIgnore: true */ address(ASSETS.glue))); // checked, now cached
const modules = ASSETS.libraries.map(([, file]) => requestModule(file));
/** @type {Promise<Compiled[]>} */
const libraries = Promise.all(
  ASSETS.libraries.map(async ([path], k) => /** @type {Compiled} */ ([LIBRARY + path, await modules[k].module])),
);
for (const asked of [core, libraries]) asked.catch(() => {}); // reported where they are awaited

/**
 * Checks the WebAssembly of Pyodide, which Pyodide requests itself; it would only log a failure.
 * @returns {Promise<never>} rejects where it cannot be used
 */
function failureOfCore() {
  return new Promise((_, reject) => {
    WebAssembly.instantiateStreaming = async (response, imports) => {
      try {
        const { path, digest } = ASSETS.wasm;
        const requested = requestModule(path, { digest, response: Promise.resolve(response) });
        requested.checked.catch(reject);
        modules.push(requested);
        const module = await requested.module;
        return { module, instance: await WebAssembly.instantiate(module, imports) };
      } catch (error) {
        reject(error);
        return forever();
      }
    };
  });
}

/** @returns {Promise<never>} */
const forever = () => new Promise(() => {});

/** Links the modules as `dlopen` and `dlsym` would do one by one when Python imports them. @param {any} made @param {Compiled[]} compiled */
function link(made, compiled) {
  for (const [path, module] of compiled) {
    const library = made.newDSO(path, undefined, "loading");
    library.global = false;
    const flags = { loadAsync: false, global: false, nodelete: true, allowUndefined: true };
    library.exports = made.loadWebAssemblyModule(module, flags, path, {}, 0);
    for (const [name, value] of Object.entries(library.exports))
      if (name.startsWith("PyInit_")) made.addFunction(value, value.sig);
  }
}

/**
 * Starts Python. A fresh interpreter can at first import only the modules of the pack `start`.
 * @param {{memory?: Promise<ArrayBuffer>, handles?: Handles, snapshots?: boolean}} [from]  A memory snapshot with its
 *   handles; or whether a snapshot of this interpreter will be made.
 * @returns {Promise<any>}
 */
export async function startInterpreter({ memory, handles = {}, snapshots = false } = {}) {
  const library = memory ? undefined : request(ASSETS.start);
  const checks = () => Promise.all(modules.map(({ checked }) => checked));
  /** @type {Promise<never>} */
  const failed = Promise.race([failureOfCore(), Promise.all([libraries, library, checks()]).then(forever)]);
  failed.catch(() => {}); // reported where it is awaited
  /** @param {any} settings */
  const createPyodideModule = async (settings) => {
    settings.preRun.push((/** @type {any} */ made) => {
      made.addRunDependency("libraries");
      libraries.then((compiled) => {
        link(made, compiled);
        made.removeRunDependency("libraries");
      });
    });
    const { default: create } = await core;
    const made = await Promise.race([create(settings), failed]);
    if (memory) made.growMemory((await memory).byteLength);
    for (const [handle, path] of Object.entries(handles))
      made.LDSO.loadedLibsByHandle[handle] = made.LDSO.loadedLibsByName[path];
    return made;
  };
  /** @type {any} */
  const options = {
    indexURL: address(ASSETS.wasm.path.replace(/[^/]*$/, "")),
    stdLibURL: "data:,", // the library is unpacked as files instead of a zip
    fsInit: async (/** @type {any} */ FS) => library && unpack(FS, await library),
    lockFileContents: ASSETS.lock,
    env: { PYTHONPATH: LIBRARY, HOME: "/home/pyodide", PANEL_CDN_ROOT: address(ASSETS.panelRoot) },
    createPyodideModule,
    ...(memory && { _loadSnapshot: memory, _snapshotDeserializer: () => ({}) }),
    ...(snapshots && { _makeSnapshot: true }),
  };
  // A damaged file may also end the start with a message that means nothing to a reader, or end it never.
  const python = await Promise.race([loadPyodide(options).finally(checks), failed]);
  // For `app/browser/on_demand_imports.py`, which cannot wait for a promise: true if this call has added the pack.
  /** @type {any} */ (self).labAddPack = (/** @type {string} */ name) => addPackNow(python, name);
  /** @type {any} */ (self).labWeights = weightsOf; // for `app/browser/downloads.py`
  return python;
}

/**
 * Starts Python with the lab's own modules, from the packs.
 * @param {(stage: import("../page/protocol.js").Stage) => void} reached
 * @param {{snapshots?: boolean, cells?: boolean}} [options] `cells`: with Panel and Bokeh, which instruments do not need
 */
export async function startFromPacks(reached, { snapshots = false, cells = false } = {}) {
  const packs = Promise.all([ASSETS.core, ASSETS.lab].map(request));
  const ofCells = cells ? request(ASSETS.cells) : undefined;
  for (const asked of [packs, ofCells]) asked?.catch(() => {}); // reported where they are awaited
  const python = await startInterpreter({ snapshots });
  reached("interpreter");
  // Garbage collections during the start would scan all imported modules again and again, and find nothing.
  python.runPython("import gc; gc.disable()");
  for (const pack of await packs) add(python, pack);
  python.runPython("from diffusion_lab.app.browser import on_demand_imports; on_demand_imports.install()");
  reached("unpacked");
  python.runPython("import numpy");
  reached("numpy");
  python.runPython("from diffusion_lab.app.browser.worker_api import WorkerApi; api = WorkerApi()");
  if (ofCells) {
    await addPack(python, "cells", await ofCells);
    python.runPython("api.cells");
  }
  reached("imported");
  return python;
}

/** Adds the files of a pack, and clears Python's cache of import paths. @param {any} python @param {Uint8Array<ArrayBuffer>} pack */
function add(python, pack) {
  unpack(python.FS, pack);
  python.runPython("import sys; sys.path_importer_cache.clear()");
}

/** Adds the files of an interpreter that was restored without any. @param {any} python */
export async function addFiles(python) {
  const packs = await Promise.all([ASSETS.start, ASSETS.core, ASSETS.lab].map(request));
  for (const pack of packs) add(python, pack);
}

/** @type {Map<string, Promise<Uint8Array<ArrayBuffer> | undefined>>} */
const instruments = new Map();

/** The pack of an instrument, downloaded once; undefined for an unknown name. @param {string} name */
export function requestInstrument(name) {
  const file = ASSETS.instruments[name];
  const pack = instruments.get(name) ?? (file ? request(file) : Promise.resolve(undefined));
  instruments.set(name, pack);
  return pack;
}

/** @param {any} python @param {string} name */
export async function addInstrument(python, name) {
  const pack = await requestInstrument(name);
  if (pack) add(python, pack);
}

/** The packs added to an interpreter after its start. @type {WeakMap<any, Set<string>>} */
const added = new WeakMap();

/** Whether a pack still has to be added; marks it as added. @param {any} python @param {string} name */
function isNew(python, name) {
  const names = added.get(python) ?? new Set();
  added.set(python, names);
  return !names.has(name) && names.add(name) !== undefined;
}

/** @param {any} python @param {"cells" | "on_demand"} name @param {Uint8Array<ArrayBuffer>} [pack] its bytes, if it has been downloaded */
export async function addPack(python, name, pack) {
  const files = pack ?? (await request(ASSETS[name]));
  if (isNew(python, name)) add(python, files);
}

/** The same, synchronously; whether this call has added the pack. @param {any} python @param {string} name its key in `ASSETS` */
function addPackNow(python, name) {
  const file = name.startsWith("instruments/") ? ASSETS.instruments[name.slice(12)] : ASSETS[/** @type {"cells"} */ (name)];
  if (!file || !isNew(python, name)) return false;
  add(python, requestNow(file));
  return true;
}

/** Downloads of weights, by folder and name. @type {Map<string, {done: number, of: number, data?: Uint8Array, error?: string}>} */
const weights = new Map();

/**
 * The progress of the download of an instrument's weights; the first call starts it. An error is reported once, and the
 * next call retries.
 * @param {string} instrument @param {string} name
 */
function weightsOf(instrument, name) {
  const key = `${instrument}/${name}`;
  let state = weights.get(key);
  if (!state) {
    state = { done: 0, of: 1 };
    weights.set(key, state);
    requestWithProgress(ASSETS.weights[key] ?? key, state);
  } else if (state.error !== undefined) weights.delete(key);
  return state;
}
