/** The service worker: what it keeps, and what it answers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";

const SCOPE = "https://host.example/courses/lab/";
const digest = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** What the host has. @type {Record<string, string>} */
let files;
/** name of a cache → its entries. @type {Map<string, Map<string, Response>>} */
let stores;
/** @type {Record<string, (event: any) => void>} */
let heard;
let preload = "";
let version = 0;

const cacheOf = (/** @type {Map<string, Response>} */ entries) => ({
  match: async (/** @type {string} */ url) => entries.get(url)?.clone(),
  put: async (/** @type {string} */ url, /** @type {Response} */ answer) => void entries.set(url, answer),
  delete: async (/** @type {any} */ request) => entries.delete(request.url ?? request),
  keys: async () => Array.from(entries.keys(), (url) => ({ url })),
});

/** Runs the script of a version whose files are the host's. @param {{agent?: string, lazy?: string[]}} [options] */
async function run({ agent = "Chrome/150.0", lazy = [] } = {}) {
  const listed = Object.entries(files).map(([path, text]) => [path, digest(text)]);
  const isAsset = (/** @type {string[]} */ [path]) => path.startsWith("assets/");
  heard = {};
  Object.defineProperty(globalThis, "navigator", { value: { userAgent: `Mozilla/5.0 ${agent}`, onLine: true }, configurable: true });
  Object.assign(globalThis, {
    LAB_SITE: {
      build: String(version), lazy,
      assets: Object.fromEntries(listed.filter(isAsset)),
      pages: Object.fromEntries(listed.filter((file) => !isAsset(file))),
    },
    self: {
      registration: { scope: SCOPE, navigationPreload: { enable: () => (preload = "on"), disable: () => (preload = "off") } },
      clients: { claim() {} },
      skipWaiting() {},
      addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => (heard[name] = listener),
    },
  });
  await import(`../../static/js/page/service_worker.js?${version++}`);
}

/** @param {string} name @param {object} [event] @returns {Promise<any>} */
async function tell(name, event = {}) {
  /** @type {any} */ let result;
  heard[name]({ ...event, waitUntil: (/** @type {any} */ done) => (result = done), respondWith: (/** @type {any} */ answer) => (result = answer) });
  return result;
}

/** @param {string} path @param {string} [mode] @returns {Promise<string | undefined>} the text, undefined where it is left to the browser */
async function ask(path, mode = "cors") {
  const answer = await tell("fetch", { request: { method: "GET", url: SCOPE + path, mode, cache: "default" } });
  return answer?.text();
}

const online = () => {
  globalThis.fetch = async (/** @type {any} */ request) => {
    const text = files[String(request.url ?? request).slice(SCOPE.length)];
    return text === undefined ? new Response(null, { status: 404 }) : new Response(text);
  };
};

beforeEach(async () => {
  stores = new Map();
  files = { "index.html": "front", "a.html": "chapter a", "assets/x.js": "x", "assets/editor.js": "editor" };
  Object.assign(globalThis, {
    caches: {
      open: async (/** @type {string} */ name) => {
        if (!stores.has(name)) stores.set(name, new Map());
        return cacheOf(/** @type {any} */ (stores.get(name)));
      },
      keys: async () => [...stores.keys()],
      delete: async (/** @type {string} */ name) => stores.delete(name),
    },
  });
  online();
  await run({ lazy: ["assets/editor.js"] });
  await tell("install");
  await tell("activate");
});

const offline = () => (globalThis.fetch = async () => Promise.reject(new TypeError("offline")));

test("without a network every page and file is answered, by any of its addresses", async () => {
  offline();
  assert.equal(await ask("", "navigate"), "front");
  for (const path of ["a.html", "a"]) assert.equal(await ask(path, "navigate"), "chapter a");
  assert.equal(await ask("assets/x.js"), "x");
});

test("with a network only what is loaded later is answered", async () => {
  await ask("a.html", "navigate");
  assert.equal(await ask("assets/x.js"), undefined);
  assert.equal(await ask("assets/editor.js"), "editor");
});

test("what somebody else has written into the cache is not answered", async () => {
  for (const entries of stores.values()) for (const url of entries.keys()) entries.set(url, new Response("other"));
  offline();
  await assert.rejects(ask("a.html", "navigate"), /offline/);
  await assert.rejects(ask("assets/x.js"), /offline/);
});

test("a login page is not kept in the place of a file, and what the host changes is not kept", async () => {
  files = { "a.html": "chapter a", "assets/y.js": "y" };
  await run();
  globalThis.fetch = async () => new Response("<html>Sign in</html>");
  await assert.rejects(tell("install"), /assets\/y.js is damaged/);
  online();
  await run();
  files = { "a.html": "chapter a, with advertisements", "assets/y.js": "y" };
  await tell("install");
  await tell("activate");
  offline();
  await assert.rejects(ask("a.html", "navigate"), /offline/);
  assert.equal(await ask("assets/y.js"), "y");
});

test("the files of the last version stay, those before it go, and other labs keep theirs", async () => {
  const other = "https://host.example/courses/lab/v1/";
  stores.set(`lab-assets ${new URL(other).pathname}`, new Map([[`${other}assets/z.js`, new Response("z")]]));
  stores.set(`lab-pages ${new URL(other).pathname} 7`, new Map());
  const before = stores.size;
  for (const name of ["y", "z"]) {
    files = { "a.html": `chapter ${name}`, [`assets/${name}.js`]: name };
    await run();
    await tell("install");
    await tell("activate");
    if (name === "y") {
      await ask("a.html", "navigate");
      assert.equal(await ask("assets/x.js"), "x", "of a page that is still open");
    }
  }
  assert.equal(stores.size, before);
  const own = [...(stores.get("lab-assets /courses/lab/") ?? new Map()).keys()];
  assert.deepEqual(own, [`${SCOPE}assets/y.js`, `${SCOPE}assets/z.js`]);
});

for (const [agent, state] of [["Chrome/150.0", "on"], ["Gecko/20100101 Firefox/150.0", "off"]])
  test(`requests ahead are ${state} in ${agent}`, async () => {
    await run({ agent });
    await tell("activate");
    assert.equal(preload, state);
  });
