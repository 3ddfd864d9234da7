/** Frames that share one interpreter: what each is sent, under the names of its own places. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Clients } from "../../static/js/worker/clients.js";

const port = () => ({ heard: /** @type {any[]} */ ([]), postMessage(/** @type {any} */ message) { this.heard.push(message); } });

/** @type {ReturnType<typeof port>} */ let page;
/** @type {Clients} */ let clients;

beforeEach(() => {
  page = port();
  clients = new Clients(page);
});

test("two frames with the same instrument are answered apart", () => {
  const other = port();
  const client = clients.join(1, other);
  const opened = client.read({ type: "open", slot: { slot: "ring", name: "ring" } });
  const set = client.read({ type: "set", slot: "ring", values: { t: 1 } });
  assert.deepEqual([/** @type {any} */ (opened).slot.slot, /** @type {any} */ (set).slot], ["1/ring", "1/ring"]);
  assert.equal(/** @type {any} */ (clients.first.read({ type: "close", slot: "ring" })).slot, "ring");
  clients.send({ type: "idle", slot: "1/ring" });
  clients.send({ type: "idle", slot: "ring" });
  assert.deepEqual([other.heard, page.heard], [[{ type: "idle", slot: "ring" }], [{ type: "idle", slot: "ring" }]]);
});

test("a place whose name has a stroke is the first page's", () => {
  clients.send({ type: "idle", slot: "a/b" });
  assert.deepEqual(page.heard, [{ type: "idle", slot: "a/b" }]);
});

test("who joins later hears how far the interpreter is, and reaches its own stages by itself", () => {
  clients.reached("numpy");
  clients.reached("built");
  clients.reached("live");
  clients.send({ type: "snapshot", state: "restored" });
  const other = port();
  const client = clients.join(1, other);
  assert.deepEqual(other.heard.map(({ stage, state }) => stage ?? state), ["numpy", "restored"]);
  clients.reached("live", client);
  clients.reached("live", client);
  assert.equal(other.heard.filter(({ stage }) => stage === "live").length, 1);
  assert.equal(page.heard.filter(({ stage }) => stage === "live").length, 1);
});

test("all hear of the interpreter's end, one alone of its instrument's", () => {
  const other = port();
  clients.join(1, other);
  clients.send({ type: "failed", where: "instrument", slot: "1/ring", message: "no" });
  clients.send({ type: "broken", message: "crashed" });
  assert.deepEqual(other.heard.map(({ message }) => message), ["no", "crashed"]);
  assert.deepEqual(page.heard.map(({ message }) => message), ["crashed"]);
});

test("who has left is sent nothing more", () => {
  const other = port();
  clients.join(1, other);
  assert.equal(clients.leave(1)?.number, 1);
  clients.send({ type: "idle", slot: "1/ring" });
  clients.send({ type: "broken", message: "crashed" });
  assert.deepEqual([other.heard, page.heard.length], [[], 1]);
});

test("what runs for a reader is answered to the first page", () => {
  const other = port();
  clients.join(1, other);
  clients.send({ type: "cell_done", run: 1, ok: true, ms: 1 });
  assert.deepEqual([other.heard.length, page.heard.length], [0, 1]);
});
