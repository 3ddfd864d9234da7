/** Texts in a PNG: chunks between its header and the rest, with the right checks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibs, deflateSync, inflateSync } from "node:zlib";

import { crc32 } from "../../static/js/page/crc32.js";
import { pngOf, withTexts } from "../../static/js/page/png.js";

const bytes = (/** @type {string} */ text) => [...Buffer.from(text, "latin1")];
const word = (/** @type {number} */ value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const part = (/** @type {string} */ type, /** @type {number[]} */ data) => [...word(data.length), ...bytes(type), ...data, ...word(zlibs(Buffer.from([...bytes(type), ...data])))];

const HEADER = [...word(1), ...word(1), 8, 0, 0, 0, 0];
const PNG = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, ...part("IHDR", HEADER), ...part("IDAT", [...deflateSync(Buffer.from([0, 7]))]), ...part("IEND", [])]);

/** Type and data of each chunk; a wrong length or check fails. @param {Uint8Array} png @returns {[string, Buffer][]} */
function chunks(png) {
  const found = /** @type {[string, Buffer][]} */ ([]);
  const view = Buffer.from(png);
  for (let at = 8; at < view.length; ) {
    const length = view.readUInt32BE(at);
    const body = view.subarray(at + 4, at + 8 + length);
    assert.equal(view.readUInt32BE(at + 8 + length), zlibs(body));
    found.push([body.subarray(0, 4).toString("latin1"), body.subarray(4)]);
    at += 12 + length;
  }
  return found;
}

test("the check is that of zlib", () => {
  for (const text of ["", "a", "IEND", "Ring of clusters"]) assert.equal(crc32(bytes(text)), zlibs(Buffer.from(text)));
});

test("texts follow the header, and the picture is the same", () => {
  const made = chunks(withTexts(PNG, { Title: "Ring", Source: "https://lab/?t=0.4", Settings: "σ = ½" }));
  assert.deepEqual(made.map(([type]) => type), ["IHDR", "tEXt", "tEXt", "tEXt", "IDAT", "IEND"]);
  assert.deepEqual(made.slice(1, 4).map(([, data]) => data.toString("latin1")), ["Title\0Ring", "Source\0https://lab/?t=0.4", "Settings\0? = ½"]);
  assert.deepEqual([...inflateSync(made[4][1])], [0, 7]);
});

test("without texts nothing is added", () => {
  assert.deepEqual(withTexts(PNG, {}), PNG);
});

test("a long text is kept whole", () => {
  const text = "a=1&".repeat(20000);
  assert.equal(chunks(withTexts(PNG, { Settings: text }))[1][1].length, "Settings".length + 1 + text.length);
});

test("the picture is twice the size of the drawing", async () => {
  /** @type {any[]} */ const drawn = [];
  const canvas = {
    width: 0, height: 0,
    getContext: () => ({ drawImage: (/** @type {any[]} */ ...given) => drawn.push(given.slice(1)) }),
    toBlob: (/** @type {(blob: any) => void} */ made) => made(new Blob([PNG])),
  };
  /** @type {any} */ let blob;
  Object.assign(globalThis, {
    Image: class { naturalWidth = 300; naturalHeight = 200; src = ""; async decode() { assert.match(this.src, /^data:image\/svg\+xml;charset=utf-8,%3Csvg/); } },
    document: { createElement: () => canvas },
  });
  URL.createObjectURL = (made) => ((blob = made), "blob:1");
  assert.equal(await pngOf("<svg/>", { Title: "Ring" }), "blob:1");
  assert.deepEqual([canvas.width, canvas.height, drawn], [600, 400, [[0, 0, 600, 400]]]);
  assert.equal(blob.type, "image/png");
  assert.deepEqual(chunks(new Uint8Array(await blob.arrayBuffer())).map(([type]) => type), ["IHDR", "tEXt", "IDAT", "IEND"]);
});
