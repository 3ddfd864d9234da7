/** Downloads: checked by digest, requested again past the cache, and failures in one sentence. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";

import { digestIn, digestOf } from "../../static/js/files/check.js";
import { NotDownloaded, download, downloadModule } from "../../static/js/files/download.js";
import { downloadNow } from "../../static/js/files/download_now.js";

const DATA = new TextEncoder().encode("x = 1\n");
const digest = (/** @type {Uint8Array} */ data) => createHash("sha256").update(data).digest("hex").slice(0, 10);
const ADDRESS = `https://lab.example/assets/lab.${digest(DATA)}.bin`;
const FILE = `lab.${digest(DATA)}.bin`;

/** What the host answers, one request after the other; the last for all others. @type {(() => Response | Promise<Response>)[]} */
let answers;
/** The cache modes of the requests. @type {(string | undefined)[]} */
let caches;

beforeEach(() => {
  caches = [];
  globalThis.fetch = async (_, { cache } = {}) => {
    caches.push(cache);
    return (answers.length > 1 ? /** @type {any} */ (answers.shift()) : answers[0])();
  };
});

const good = () => new Response(DATA);
const damaged = () => new Response(DATA.with(2, 7));
const short = () => new Response(DATA.slice(0, 3));
const login = () => new Response("<!doctype html><form>", { headers: { "content-type": "text/html" } });
const cut = () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(DATA.slice(0, 3));
        setImmediate(() => controller.error(new TypeError("network error")));
      },
    }),
  );

/** The sentence of a download that fails. @param {Promise<any>} downloaded */
async function sentence(downloaded) {
  const error = await downloaded.then(() => assert.fail("it did not fail"), (/** @type {any} */ reason) => reason);
  assert.ok(error instanceof NotDownloaded, String(error));
  return error.message;
}

test("the digest in a name is found, and nothing else is taken for one", () => {
  assert.equal(digestIn("https://a/assets/train-weights.0123456789.bin?again=1"), "0123456789");
  assert.equal(digestIn("assets/chunk-editor-5QHK7SYI.js"), "");
  assert.equal(digestIn("assets/pyodide-0123456789/pyodide.asm.wasm"), "");
});

test("without crypto.subtle the digest is the same", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const expected = await digestOf(DATA);
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    assert.equal(await digestOf(DATA), expected);
  } finally {
    Object.defineProperty(globalThis, "crypto", /** @type {any} */ (own));
  }
});

test("a file that comes right is requested once", async () => {
  answers = [good];
  assert.deepEqual(await download(ADDRESS), DATA);
  assert.deepEqual(caches, [undefined]);
});

for (const [name, wrong] of Object.entries({ damaged, short, login, cut, missing: () => new Response(null, { status: 404 }) }))
  test(`after an answer that is ${name}, the file is requested past the cache`, async () => {
    answers = [wrong, good];
    assert.deepEqual(await download(ADDRESS), DATA);
    assert.deepEqual(caches, [undefined, "reload"]);
  });

for (const [wrong, words] of /** @type {[() => Response, string][]} */ ([
  [damaged, `What lab.example sent as ${FILE} (1 kB) is cut off or damaged; try again.`],
  [short, `What lab.example sent as ${FILE} (1 kB) is cut off or damaged; try again.`],
  [login, `lab.example sent a web page, perhaps its login page, in place of ${FILE}; open the site in another tab, log in there, then try again.`],
  [cut, `lab.example sent only the first 1 kB of ${FILE}; check the connection, then try again.`],
  [() => new Response(null, { status: 404 }), `${FILE} is not on lab.example (404); if the site has just been updated, reload the page.`],
  [() => new Response(null, { status: 503 }), `lab.example answered 503 to the request for ${FILE}; try again later.`],
]))
  test(`for good: ${words}`, async () => {
    answers = [wrong];
    assert.equal(await sentence(download(ADDRESS)), words);
    assert.equal(caches.length, 2);
  });

test("a host that does not answer is asked once", async () => {
  answers = [() => Promise.reject(new TypeError("Failed to fetch"))];
  assert.match(await sentence(download(ADDRESS)), /^lab.example did not answer the request for lab/);
  assert.equal(caches.length, 1);
});

test("nothing for twenty seconds is the end; pieces now and then are not", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  /** @type {ReadableStreamDefaultController} */ let pieces;
  answers = [() => new Response(new ReadableStream({ start: (controller) => void (pieces = controller) }))];
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  let over = false;
  const downloaded = download(ADDRESS).finally(() => (over = true));
  downloaded.catch(() => {});
  await turns();
  for (let piece = 0; piece < 10; piece++) {
    context.mock.timers.tick(15_000);
    /** @type {any} */ (pieces).enqueue(DATA);
    await turns();
  }
  assert.equal(over, false);
  context.mock.timers.tick(20_000);
  assert.equal(
    await sentence(downloaded),
    `Of ${FILE}, 1 kB came from lab.example, then nothing for 20 seconds; check the connection, then try again.`,
  );
});

// The smallest module.
const WASM = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const MODULE = `https://lab.example/assets/core.${digest(WASM)}.wasm`;
const asWasm = { headers: { "content-type": "application/wasm" } };

for (const [name, options] of Object.entries({ right: asWasm, wrong: {} }))
  test(`a module with a ${name} type is compiled`, async () => {
    answers = [() => new Response(WASM, options)];
    const { module, checked } = downloadModule(MODULE);
    assert.ok((await module) instanceof WebAssembly.Module);
    await checked;
  });

test("a damaged module that can be compiled is not accepted, and the next start has the right one", async () => {
  const other = new Uint8Array([...WASM, 0, 2, 1, 97]); // with an empty section “a”
  answers = [() => new Response(other, asWasm), () => new Response(WASM, asWasm)];
  const { module, checked } = downloadModule(MODULE);
  assert.ok((await module) instanceof WebAssembly.Module);
  const error = await checked.then(() => undefined, (/** @type {any} */ reason) => reason);
  assert.equal(error?.renewed, true);
  assert.deepEqual(caches, [undefined, "reload"]);
});

test("a damaged module that cannot be compiled is replaced by the right one", async () => {
  answers = [() => new Response(WASM.with(1, 0), asWasm), () => new Response(WASM, asWasm)];
  const { module, checked } = downloadModule(MODULE);
  assert.ok((await module) instanceof WebAssembly.Module);
  await checked;
});

test("a synchronous download is checked too", () => {
  /** @type {string[]} */ const asked = [];
  let data = DATA.with(0, 0);
  Object.assign(globalThis, {
    XMLHttpRequest: class {
      status = 200;
      open(/** @type {string} */ _, /** @type {string} */ address) {
        asked.push(address);
      }
      send() {
        this.response = data.slice().buffer;
      }
    },
  });
  assert.throws(() => downloadNow(ADDRESS), /is cut off or damaged/);
  assert.equal(asked.length, 2);
  data = DATA;
  assert.deepEqual(downloadNow(ADDRESS), DATA);
});
