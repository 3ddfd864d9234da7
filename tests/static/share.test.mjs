/** Frames find the interpreter of a frame beside them, and are alone where they may not. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** Each frame has the module for itself, as in a browser. */
let modules = 0;

/** Workers that have been made. @type {any[]} */ let workers;
/** Locks that are held, with what waits for their end. @type {Map<string, (() => void)[]>} */ let locks;
/** Windows of the page. @type {any} */ let page;

/** Makes the calls that follow those of one frame. @param {any} frame */
const within = (frame) => Object.assign(globalThis, { window: frame });

/** A frame, with its way to connect. @param {() => void} [lost] */
async function frame(lost = () => {}) {
  const { sharing } = await import(`../../static/js/embed/share.js?${modules++}`);
  const made = { parent: page, connect: sharing(lost, (address, name) => new Worker(address, /** @type {any} */ ({ name }))) };
  page[page.length++] = made;
  const connect = async (name = "instruments", alone = false) => {
    within(made);
    const connection = made.connect("w.js", name, alone);
    await settled();
    return connection;
  };
  return { made, connect };
}

beforeEach(() => {
  workers = [];
  locks = new Map();
  page = { length: 0 };
  Object.assign(globalThis, {
    parent: page,
    MessageChannel: class {
      port1 = { onmessage: null, postMessage() {}, close() {} };
      port2 = {};
    },
    Worker: class {
      constructor(/** @type {string} */ address, /** @type {{name: string}} */ { name }) {
        workers.push(Object.assign(this, { address, name, sent: [], ended: false }));
      }
      postMessage(/** @type {any} */ message) { /** @type {any} */ (this).sent.push(message); }
      terminate() { /** @type {any} */ (this).ended = true; }
    },
  });
  const request = async (/** @type {string} */ id, /** @type {any} */ options, /** @type {any} */ act = options) => {
    if (options.mode !== "shared") locks.set(id, []), act();
    else if (locks.has(id)) locks.get(id)?.push(() => !options.signal?.aborted && act());
  };
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
});

const settled = () => new Promise((resolve) => setTimeout(resolve));
const kinds = (/** @type {any} */ worker) => worker.sent.map((/** @type {any} */ { type, client }) => `${type} ${client ?? ""}`.trim());

test("a frame joins the interpreter of one that has started before it", async () => {
  await (await frame()).connect();
  const joined = await (await frame()).connect();
  assert.equal(workers.length, 1);
  assert.deepEqual(kinds(workers[0]), ["join 1"]);
  assert.ok(joined.isShared?.());
  joined.terminate();
  assert.deepEqual(kinds(workers[0]), ["join 1", "leave 1"]);
  assert.equal(workers[0].ended, false);
});

test("another build, another origin and a browser without locks have interpreters of their own", async () => {
  await (await frame()).connect();
  const other = await frame();
  within(other.made);
  other.made.connect("w2.js", "instruments", false);
  assert.equal(workers.length, 2);
  Object.defineProperty(page[0], "labShare", { get() { throw new Error("SecurityError"); } });
  delete page[1].labShare;
  await (await frame()).connect();
  assert.equal(workers.length, 3);
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  await (await frame()).connect();
  assert.equal(workers.length, 4);
});

test("when the frame with the interpreter goes, the others go on with one of their own", async () => {
  await (await frame()).connect();
  let lost = 0;
  const second = await frame(() => lost++);
  const third = await frame(() => lost++);
  await second.connect();
  (await third.connect()).terminate();
  delete page[0].labShare; // with its window
  for (const gone of [...locks.values()].flat()) gone();
  assert.equal(lost, 1, "who has left does not care");
  await second.connect();
  await third.connect();
  assert.equal(workers.length, 2);
  assert.deepEqual(kinds(workers[1]), ["join 1"]);
});

test("a frame that leaves its own interpreter lets the others have it, until the last has left", async () => {
  const first = await frame();
  const own = await first.connect();
  const joined = await (await frame()).connect();
  own.terminate();
  assert.deepEqual(kinds(workers[0]), ["join 1", "leave 0"]);
  assert.equal(workers[0].ended, false);
  await first.connect("instruments", true);
  await (await frame()).connect();
  assert.deepEqual([workers.length, workers[0].sent.length], [2, 3], "others still join the first, not the one that is alone");
  joined.terminate();
  assert.equal(workers[0].ended, false);
});

test("code of a reader keeps others away: an interpreter that is alone is offered to none after it", async () => {
  const own = await (await frame()).connect();
  assert.equal(own.isShared?.(), false);
  await (await frame()).connect();
  assert.equal(workers.length, 2);
});

test("an interpreter that has crashed is not joined again; the frames share the next one", async () => {
  const [first, second] = [await frame(), await frame()];
  const own = await first.connect();
  const heard = /** @type {string[]} */ ([]);
  own.onmessage = ({ data }) => void heard.push(data.type);
  const joined = await second.connect();
  within(first.made);
  workers[0].onmessage({ data: { type: "broken", message: "crashed" } });
  own.terminate();
  joined.terminate();
  assert.deepEqual([heard, workers[0].ended], [["broken"], true]);
  await first.connect();
  await second.connect();
  assert.equal(workers.length, 2);
});

test("one that must start without its snapshot joins only another such", async () => {
  await (await frame()).connect();
  const second = await frame();
  await second.connect("instruments fresh");
  assert.equal(workers.length, 2);
  await (await frame()).connect("instruments fresh");
  assert.equal(workers.length, 2);
});
