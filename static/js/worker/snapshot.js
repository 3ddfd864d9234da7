/**
 * Memory snapshots: a Python with all that has been imported and the instruments of all pages made ahead, kept in the
 * reader's browser under the address of this build's worker, and restored by later visits and pages.
 *
 * @typedef {import("./interpreter.js").Handles} Handles
 * @typedef {import("../page/protocol.js").Slot} Slot
 * @typedef {[docs: string, items: string, roots: string, problems: string[]]} View  What the page draws.
 * @typedef {{handles: Handles, length: number, digest: string, failed?: boolean}} About
 * @typedef {{handles: Handles, memory: Promise<ArrayBuffer>, checked: Promise<void>,
 *   view(key: string): Promise<View | undefined>}} Kept  `checked` rejects if the memory is not what was kept.
 */
import { addInstrument, startFromPacks } from "./interpreter.js";
import { ASSETS } from "./packs.js";

const STORE = "lab-python";

/** Where a part of the snapshot is kept. @param {string} part */
const entry = (part) => `${self.location.href}?kept=${encodeURIComponent(part)}`;

/** What tells one view from another. @param {Omit<Slot, "slot">} view */
export const viewKey = ({ name, state, theme }) => JSON.stringify([name, state, theme]);

/** @param {BufferSource} data */
async function digestOf(data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The snapshot of this build, if this browser has one that can be read. @returns {Promise<Kept | undefined>} */
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
    return { handles: about.handles, memory, checked, view: async (key) => (await store.match(entry(key)))?.json() };
  } catch {
    return undefined; // storage is blocked, or what is in it cannot be read
  }
}

/** Lets go of a snapshot that could not be started from; this build does not try again in this browser. */
export async function forgetSnapshot() {
  try {
    const store = await caches.open(STORE);
    await clear(store, self.location.href);
    await store.put(entry("about"), Response.json({ failed: true }));
  } catch {
    // storage that cannot be written to: the next start is told not to look
  }
}

/** Whether a snapshot can and should be made. */
export async function wantsSnapshot() {
  try {
    const store = await caches.open(STORE);
    if (await store.match(entry("about"))) return false;
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return quota - usage > 400e6; // a snapshot is a fifth of it
  } catch {
    return false;
  }
}

/**
 * Makes a snapshot and keeps it; true if it is there then. For a worker that does nothing else, since the page of its
 * Python belongs to no page.
 * @param {string} theme  What the views are drawn in.
 */
export async function keepSnapshot(theme) {
  let kept = false;
  await navigator.locks.request(`${STORE} ${self.location.href}`, { ifAvailable: true }, async (lock) => {
    if (!lock || !(await wantsSnapshot())) return; // another page is at it, or was sooner
    const { memory, handles, views } = await makeSnapshot(theme);
    const store = await caches.open(STORE);
    await clear(store, new URL("worker.", self.location.href).href); // those of earlier builds
    for (const [key, view] of views) await store.put(entry(key), Response.json(view));
    await store.put(entry("memory"), new Response(memory));
    /** @type {About} */
    const about = { handles, length: memory.length, digest: await digestOf(memory) };
    await store.put(entry("about"), Response.json(about)); // last: what it speaks of is there
    kept = true;
  });
  return kept;
}

/** @param {string} theme @returns {Promise<{memory: Uint8Array<ArrayBuffer>, handles: Handles, views: [string, View][]}>} */
async function makeSnapshot(theme) {
  const python = await startFromPacks(() => {}, { snapshots: true });
  for (const name of Object.keys(ASSETS.instruments)) await addInstrument(python, name);
  const core = python._module;
  const api = python.globals.get("api");
  const views = ASSETS.views.map(({ name, state }) => {
    const key = viewKey({ name, state, theme });
    const made = api.prepare(key, name, state, theme);
    return /** @type {[string, View]} */ ([key, [...made]]);
  });
  api.fall_asleep();
  api.destroy();
  const linked = Object.keys(core.LDSO.loadedLibsByName).length;
  if (linked !== ASSETS.libraries.length + 1) throw new Error("a module was linked whose place would not be kept");
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
  return { memory, handles, views };
}

/** A snapshot's list of JavaScript objects may have no gaps: they are filled with what every worker has. @param {any} python */
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
