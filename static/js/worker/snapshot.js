/**
 * Memory snapshots, one for each of a page's two interpreters: that of the instruments has imported NumPy and the
 * instruments of the page that made it; that of the cells NumPy, Panel and Bokeh. A snapshot is cached in the browser
 * under the address of this build's worker, and restored by later visits and pages. Its size and time do not depend on
 * how many instruments the lab has.
 *
 * @typedef {"instruments" | "cells"} Role
 * @typedef {import("./interpreter.js").Handles} Handles
 * @typedef {{handles: Handles, length: number, digest: string, failed?: boolean}} About
 * @typedef {{handles: Handles, memory: Promise<ArrayBuffer>, checked: Promise<void>}} Kept  `checked` rejects if the memory's digest is wrong.
 */
import { hexadecimal } from "../files/check.js";
import { caches } from "./confine.js";
import { addInstrument, startFromPacks } from "./interpreter.js";
import { ASSETS, HERE } from "./packs.js";

const STORE = "lab-python";

/** The number of an empty object in Pyodide's table of JavaScript objects (`getExpectedKeys`). */
const EMPTY_OBJECT = 6;

/** The cache key of a part of a snapshot. @param {Role} role @param {string} part */
const entry = (role, part) => `${HERE}?kept=${role}-${part}`;

/** @param {BufferSource} data */
async function digestOf(data) {
  return hexadecimal(new Uint8Array(await crypto.subtle.digest("SHA-256", data))); // where there are caches, there is this
}

/** The snapshot of this build, if this browser has one and can read it. @param {Role} role @returns {Promise<Kept | undefined>} */
export async function findSnapshot(role) {
  try {
    const store = await caches.open(STORE);
    /** @type {About | undefined} */
    const about = await (await store.match(entry(role, "about")))?.json();
    if (!about || about.failed) return undefined;
    const read = async () => {
      const memory = await (await store.match(entry(role, "memory")))?.arrayBuffer();
      if (memory?.byteLength !== about.length) throw new Error("the snapshot is damaged");
      return memory;
    };
    const memory = read();
    const checked = memory.then(async (data) => {
      if ((await digestOf(data)) !== about.digest) throw new Error("the snapshot is damaged");
    });
    checked.catch(() => {}); // reported where it is awaited
    return { handles: about.handles, memory, checked };
  } catch {
    return undefined; // storage is blocked, or its content cannot be read
  }
}

/** Deletes a snapshot from which Python could not start; this build makes no other in this browser. @param {Role} role */
export async function forgetSnapshot(role) {
  try {
    const store = await caches.open(STORE);
    await clear(store, ({ href }) => href.startsWith(entry(role, "")));
    await store.put(entry(role, "about"), Response.json({ failed: true }));
  } catch {
    // storage cannot be written to: the next start is fresh anyway
  }
}

/** Free storage without which no snapshot is made; it takes a fifth of this. */
const ROOM = 400e6;

/** Why no snapshot is made, as a clause; "" if one is. @param {Role} role */
export async function whyNot(role) {
  try {
    const store = await caches.open(STORE);
    /** @type {About | undefined} */
    const about = await (await store.match(entry(role, "about")))?.json();
    if (about) return about.failed ? "Python could not start from an earlier one" : "there is one";
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return quota - usage > ROOM ? "" : "this browser has too little storage left for this site";
  } catch {
    return "this browser stores nothing for this site";
  }
}

/**
 * Makes a snapshot and caches it; true if it succeeds. Runs in a worker that does nothing else, since its Python serves
 * no page.
 * @param {Role} role @param {string[]} instruments  Those on the page.
 */
export async function keepSnapshot(role, instruments) {
  let kept = false;
  await navigator.locks.request(entry(role, ""), { ifAvailable: true }, async (lock) => {
    if (!lock || (await whyNot(role))) return; // another page makes it now, or has made it
    const { memory, handles } = await makeSnapshot(role, instruments);
    const store = await caches.open(STORE);
    const worker = new URL("worker.", HERE).href;
    await clear(store, ({ href }) => href.startsWith(worker) && !href.startsWith(HERE)); // of earlier builds
    await store.put(entry(role, "memory"), new Response(memory));
    /** @type {About} */
    const about = { handles, length: memory.length, digest: await digestOf(memory) };
    await store.put(entry(role, "about"), Response.json(about)); // last: everything it describes is stored by then
    kept = true;
  });
  return kept;
}

/** @param {Role} role @param {string[]} instruments @returns {Promise<{memory: Uint8Array<ArrayBuffer>, handles: Handles}>} */
async function makeSnapshot(role, instruments) {
  const python = await startFromPacks(() => {}, { snapshots: true, cells: role === "cells" });
  // Pyodide expects an empty object here, which Panel happens to put there.
  if (!python._module.__hiwire_get(EMPTY_OBJECT)) python.globals.set("_lab_empty", {});
  for (const name of instruments) await addInstrument(python, name);
  const core = python._module;
  const api = python.globals.get("api");
  const names = python.toPy(instruments);
  api.warm_up(names);
  names.destroy();
  api.fall_asleep();
  api.destroy();
  const linked = Object.keys(core.LDSO.loadedLibsByName).length;
  if (linked !== ASSETS.libraries.length + 1) throw new Error("a module was linked that a snapshot cannot restore");
  fillFreeSlots(python);
  const memory = python.makeMemorySnapshot({
    serializer: (/** @type {any} */ value) => {
      throw new Error(`Python holds ${Object.prototype.toString.call(value)}, which no other worker has`);
    },
  });
  /** @type {Handles} */
  const handles = {};
  for (const [handle, library] of Object.entries(core.LDSO.loadedLibsByHandle))
    if (handle !== "0") handles[handle] = /** @type {any} */ (library).name;
  return { memory, handles };
}

/** Fills gaps in the table of JavaScript objects, which a snapshot does not allow, with an object of every worker. @param {any} python */
function fillFreeSlots(python) {
  let free = 0;
  for (let slot = 0; ; slot++) {
    let value;
    try {
      value = python._module.__hiwire_get(slot);
    } catch {
      break;
    }
    if (typeof value !== "object" && typeof value !== "function") free++;
  }
  python.runPython(`import js, sys; sys._lab_slots = [js.Object for _ in range(${free})]`);
}

/** @param {Cache} store @param {(address: URL) => boolean} outdated */
async function clear(store, outdated) {
  for (const request of await store.keys()) if (outdated(new URL(request.url))) await store.delete(request);
}
