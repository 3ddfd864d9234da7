/** Code in an address: what is shared comes back, and a hostile or damaged link costs nothing. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { readShared, sharedAddress } from "../../static/js/cells/sharing.js";

/** Unpacks in one go whatever it is given, as the browsers' own does; that of Node does not. @type {any} */
const { Inflate } = createRequire(new URL("../../static/package.json", import.meta.url))("fflate");

const BASE = "http://lab/chapters/x.html?theme=dark#old";
const hash = (/** @type {Uint8Array} */ packed) => `#cell=a~${Buffer.from(packed).toString("base64url")}`;
const refused = (/** @type {string} */ link) => assert.rejects(readShared(link), /^Error: This link should show a cell’s code, but a part/);

test("code comes back as it was", async () => {
  for (const code of ["x = 1\n", "print('δ' * 3)\n", "a = 1\n".repeat(5000), Array.from({ length: 3000 }, (_, k) => `x${k} = ${(k * k) % 97}\n`).join("")]) {
    const address = await sharedAddress({ label: "a-1", code }, BASE);
    assert.match(address, /^http:\/\/lab\/chapters\/x\.html\?theme=dark#cell=a-1~[\w-]+$/);
    assert.deepEqual(await readShared(new URL(address).hash), { label: "a-1", code });
  }
});

test("an address without code is none", async () => {
  for (const link of ["", "#instrument-ring", "#cel=a~AA"]) assert.equal(await readShared(link), undefined);
});

test("a damaged link says so", async () => {
  for (const link of ["#cell=a", "#cell=a~", "#cell=A~AAAA", "#cell=a~!!", "#cell=a~AAAA", hash(deflateRawSync("x")).slice(0, -1)]) await refused(link);
});

test("text that is not UTF-8 is refused", () => refused(hash(deflateRawSync(Buffer.from([0xff, 0xfe, 0x41])))));

test("a link that unpacks to a hundred megabytes is refused after a few pieces", async () => {
  const packed = deflateRawSync(Buffer.alloc(1e8));
  assert.ok(packed.length < 150_000);
  let unpacked = 0;
  const Native = DecompressionStream;
  globalThis.DecompressionStream = /** @type {any} */ (
    class {
      constructor() {
        const inflate = new Inflate();
        return new TransformStream({
          transform(/** @type {Uint8Array} */ piece, controller) {
            inflate.ondata = (/** @type {Uint8Array} */ part) => {
              unpacked += part.length;
              controller.enqueue(part);
            };
            inflate.push(piece);
          },
        });
      }
    }
  );
  try {
    await refused(hash(packed));
  } finally {
    globalThis.DecompressionStream = Native;
  }
  assert.ok(unpacked < 1e6, `${unpacked} bytes were unpacked`);
});

test("a link that is itself too long is not unpacked", () => refused(`#cell=a~${"A".repeat(1e6)}`));

test("code that no link could give back makes no link", async () => {
  assert.equal(await sharedAddress({ label: "a", code: "x".repeat(200_001) }, BASE), "");
  const address = await sharedAddress({ label: "a", code: "x".repeat(200_000) }, BASE);
  assert.equal((await readShared(new URL(address).hash))?.code.length, 200_000);
});
