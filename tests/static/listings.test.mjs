/** Listings: the button copies the code; where that is forbidden the code is selected, to be copied by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { openListings } from "../../static/js/page/listings.js";

/** Opens a page with one listing and presses its button. @param {(...text: string[]) => Promise<void>} writeText */
async function pressed(writeText, text = "import torch\n", times = 1) {
  const code = { textContent: text };
  const output = { textContent: "" };
  /** @type {() => Promise<void>} */
  let press = async () => {};
  const button = {
    dataset: { copy: "listing-unet" },
    disabled: true,
    addEventListener: (/** @type {string} */ _name, /** @type {() => Promise<void>} */ listener) => (press = listener),
  };
  /** @type {Record<string, any>} */
  const parts = { code, output };
  const listing = { querySelector: (/** @type {string} */ name) => parts[name] };
  /** @type {unknown[]} */
  const selected = [];
  Object.defineProperty(globalThis, "navigator", { value: { clipboard: { writeText } }, configurable: true });
  Object.assign(globalThis, {
    document: {
      querySelectorAll: () => [button],
      getElementById: (/** @type {string} */ id) => (id === "listing-unet" ? listing : null),
    },
    getSelection: () => ({ selectAllChildren: (/** @type {unknown} */ node) => selected.push(node) }),
  });
  openListings();
  for (let k = 0; k < times; k++) await press();
  return { button, code, output, selected };
}

test("the button copies the code and says so", async () => {
  /** @type {string[]} */
  const written = [];
  const { button, output, selected } = await pressed(async (/** @type {string} */ ...text) => void written.push(...text));
  assert.equal(button.disabled, false);
  assert.deepEqual(written, ["import torch\n"]);
  assert.equal(output.textContent, "Copied.");
  assert.deepEqual(selected, []);
});

test("where the clipboard is closed the code is selected", async () => {
  const { code, output, selected } = await pressed(async () => {
    throw new Error("not allowed");
  });
  assert.equal(output.textContent, "");
  assert.deepEqual(selected, [code]);
});

test("code is copied as it is read, not as HTML", async () => {
  /** @type {string[]} */
  const written = [];
  await pressed(async (...text) => void written.push(...text), 'x = "<b>" if a < b & c else None\n');
  assert.deepEqual(written, ['x = "<b>" if a < b & c else None\n']);
});

test("a second press copies again", async () => {
  /** @type {string[]} */
  const written = [];
  await pressed(async (...text) => void written.push(...text), "import torch\n", 2);
  assert.equal(written.length, 2);
});

test("a page without listings stays as it is", () => {
  Object.assign(globalThis, { document: { querySelectorAll: () => [], getElementById: () => assert.fail("asked for one") } });
  openListings();
});
