/** The protocol: stages in order, and a probe that is what it says it is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { STAGES, unsupported } from "../../static/js/page/protocol.js";

test("each stage is further than the one before, and the last is the end", () => {
  const done = Object.values(STAGES).map((stage) => stage.done);
  assert.deepEqual(done, [...done].sort((a, b) => a - b));
  assert.equal(new Set(done).size, done.length);
  assert.ok(done[0] > 0);
  assert.equal(done.at(-1), 1);
  assert.equal(Object.keys(STAGES).at(-1), "live");
  assert.ok(Object.values(STAGES).every((stage) => stage.words.length > 0));
});

/** The bytes that `unsupported` asks the engine about. */
function probe() {
  const { validate } = WebAssembly;
  /** @type {Uint8Array | undefined} */
  let bytes;
  WebAssembly.validate = (given) => ((bytes = new Uint8Array(/** @type {Uint8Array} */ (given))), true);
  unsupported();
  WebAssembly.validate = validate;
  return /** @type {Uint8Array} */ (bytes);
}

test("an engine with SIMD is supported", () => assert.equal(unsupported(), ""));

test("the probe is a valid module that uses v128", () => {
  const bytes = probe();
  assert.equal(WebAssembly.validate(bytes), true);
  assert.doesNotThrow(() => new WebAssembly.Module(bytes));
  assert.ok(bytes.includes(0x7b), "the type v128");
  assert.ok(bytes.includes(0xfd), "the prefix of SIMD instructions");
});

test("a broken probe is not valid: every byte of its code counts", () => {
  const bytes = probe();
  const size = bytes.length - 9; // the last section: one function's size, its locals, its five instructions
  const immediate = size + 3; // of `i32.const`: any number will do
  for (let at = size; at < bytes.length; at++) {
    const broken = Uint8Array.from(bytes);
    broken[at] ^= 1;
    assert.equal(WebAssembly.validate(broken), at === immediate, `byte ${at}`);
  }
  assert.equal(WebAssembly.validate(bytes.subarray(0, -1)), false);
});

test("an engine without SIMD is told apart", (context) => {
  const script = `
    import { unsupported } from ${JSON.stringify(new URL("../../static/js/page/protocol.js", import.meta.url).href)};
    process.stdout.write(unsupported());`;
  const flags = ["--no-enable-sse4-1", "--no-enable-sse3", "--no-enable-ssse3", "--no-enable-avx", "--no-enable-avx2"];
  const said = execFileSync(process.execPath, [...flags, "--input-type=module", "-e", script], { encoding: "utf8" });
  if (process.arch !== "x64") return context.skip("the flags are those of x64");
  assert.match(said, /^This browser has no WebAssembly SIMD, .*has it\.$/);
});

test("an engine without WebAssembly is told apart", () => {
  const { WebAssembly: kept } = globalThis;
  // @ts-expect-error: what a browser without it has
  globalThis.WebAssembly = undefined;
  try {
    assert.equal(unsupported(), "This browser has no WebAssembly, which the live instruments need.");
  } finally {
    globalThis.WebAssembly = kept;
  }
});
