/** Interrupts: shared memory where a page may share it, elsewhere the address of a blob that is revoked. */
import assert from "node:assert/strict";
import { test } from "node:test";

/** Addresses that can be requested, and how many requests there were. */
const blobs = { alive: new Set(), requests: 0, forbidden: false };
Object.assign(globalThis, {
  XMLHttpRequest: class {
    open(/** @type {string} */ _, /** @type {string} */ address) {
      this.address = address;
    }
    send() {
      blobs.requests++;
      if (blobs.forbidden || !blobs.alive.has(this.address)) throw new Error("NetworkError");
    }
  },
});
let made = 0;
URL.createObjectURL = () => {
  blobs.alive.add(`blob:${++made}`);
  return `blob:${made}`;
};
URL.revokeObjectURL = (address) => blobs.alive.delete(address);

const { Interrupts } = await import("../../static/js/page/interrupts.js");
const { RevocableSignal } = await import("../../static/js/worker/revocable_signal.js");

let clock = 0;
performance.now = () => clock;

/** The page's side and what it has given, the worker's side of the last of it. */
function both() {
  /** @type {any[]} */ const given = [];
  const page = new Interrupts((signal) => given.push(signal));
  return { page, given, worker: () => new RevocableSignal(given.at(-1)) };
}

test("an isolated page shares a byte, and sets it", () => {
  Object.assign(globalThis, { crossOriginIsolated: true });
  try {
    const { page, given } = both();
    assert.equal(given.length, 1);
    assert.equal(page.send(), true);
    assert.deepEqual([...given[0]], [2]);
  } finally {
    Object.assign(globalThis, { crossOriginIsolated: false });
  }
});

test("without shared memory nothing can be interrupted until the worker has said that it can", () => {
  const { page, given } = both();
  assert.deepEqual([page.send(), given.length], [false, 1]);
  page.usable = true;
  assert.deepEqual([page.send(), given.length], [true, 2]);
});

test("an interrupt is heard once, and the next address can be requested", () => {
  const { page, worker } = both();
  page.usable = true;
  const first = worker();
  clock += 300;
  assert.equal(first[0], 0);
  page.send();
  clock += 300;
  assert.deepEqual([first[0], first[0]], [2, 0]);
  assert.equal(worker().canBeRequested(), true);
});

test("a short computation makes no request, a long one few", () => {
  const signal = both().worker();
  blobs.requests = 0;
  for (let k = 0; k < 100; k++) {
    signal.begin();
    clock += 150;
    assert.equal(signal[0], 0);
  }
  assert.equal(blobs.requests, 0);
  signal.begin();
  for (let k = 0; k < 1000; k++) {
    clock += 1;
    signal[0] = 0; // as Python does
    assert.equal(signal[0], 0);
  }
  assert.equal(blobs.requests, 5);
});

test("where a policy forbids the request, the address cannot be requested from the beginning", () => {
  blobs.forbidden = true;
  assert.equal(both().worker().canBeRequested(), false);
  blobs.forbidden = false;
});

test("a page that is isolated and has no shared memory uses a blob", () => {
  const { SharedArrayBuffer } = globalThis;
  Object.assign(globalThis, { crossOriginIsolated: true, SharedArrayBuffer: undefined });
  try {
    assert.equal(typeof both().given[0], "string");
  } finally {
    Object.assign(globalThis, { SharedArrayBuffer, crossOriginIsolated: false });
  }
});
