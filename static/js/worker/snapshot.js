/**
 * Memory snapshots: the memory of a Python that has imported NumPy, Panel, Bokeh and the instruments of the page that
 * made it. A snapshot is cached in the browser under the address of this build's worker, and restored by later visits and
 * pages. Its size and time depend on that page, not on how many instruments the lab has.
 *
 * @typedef {import("./interpreter.js").Handles} Handles
 * @typedef {{handles: Handles, length: number, digest: string, failed?: boolean}} About
 * @typedef {{handles: Handles, memory: Promise<ArrayBuffer>, checked: Promise<void>}} Kept  `checked` rejects if the memory's digest is wrong.
 */
import { addInstrument, startFromPacks } from "./interpreter.js";
import { ASSETS } from "./packs.js";

const STORE = "lab-python";

/** The cache key of a part of the snapshot. @param {string} part */
const entry = (part) => `${self.location.href}?kept=${encodeURIComponent(part)}`;

/** @param {BufferSource} data */
async function digestOf(data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The snapshot of this build, if this browser has one and can read it. @returns {Promise<Kept | undefined>} */
export async function findSnapshot() {
  try {
    const store = await caches.open(STORE);
    /** @type {About | undefined} */
    const about = await (await store.match(entry("about")))?.json();
    if (!about || about.failed) return undefined;
    const read = async () => {
      const memory = await (await store.match(entry("memory")))?.arrayBuffer();
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

/** Deletes a snapshot from which Python could not start; this build makes no other in this browser. */
export async function forgetSnapshot() {
  try {
    const store = await caches.open(STORE);
    await clear(store, self.location.href);
    await store.put(entry("about"), Response.json({ failed: true }));
  } catch {
    // storage cannot be written to: the next start is fresh anyway
  }
}

/** Whether a snapshot can and should be made. */
export async function wantsSnapshot() {
  try {
    const store = await caches.open(STORE);
    if (await store.match(entry("about"))) return false;
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return quota - usage > 400e6; // a snapshot takes a fifth of this
  } catch {
    return false;
  }
}

/**
 * Makes a snapshot and caches it; true if it succeeds. Runs in a worker that does nothing else, since its Python serves
 * no page.
 * @param {string[]} instruments  Those on the page.
 */
export async function keepSnapshot(instruments) {
  let kept = false;
  await navigator.locks.request(`${STORE} ${self.location.href}`, { ifAvailable: true }, async (lock) => {
    if (!lock || !(await wantsSnapshot())) return; // another page makes it now, or has made it
    const { memory, handles } = await makeSnapshot(instruments);
    const store = await caches.open(STORE);
    await clear(store, new URL("worker.", self.location.href).href); // those of earlier builds
    await store.put(entry("memory"), new Response(memory));
    /** @type {About} */
    const about = { handles, length: memory.length, digest: await digestOf(memory) };
    await store.put(entry("about"), Response.json(about)); // last: everything it describes is stored by then
    kept = true;
  });
  return kept;
}

/** @param {string[]} instruments @returns {Promise<{memory: Uint8Array<ArrayBuffer>, handles: Handles}>} */
async function makeSnapshot(instruments) {
  const python = await startFromPacks(() => {}, { snapshots: true, cells: true });
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

/** @param {Cache} store @param {string} prefix */
async function clear(store, prefix) {
  for (const request of await store.keys()) if (request.url.startsWith(prefix)) await store.delete(request);
}
