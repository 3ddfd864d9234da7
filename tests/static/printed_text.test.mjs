/** Printed text: pieces of any length, and carriage returns within and between them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { PrintedText } from "../../static/js/cells/printed_text.js";

/** Writes pieces into a block; returns the text that it then shows. @param {string[]} pieces */
function shown(...pieces) {
  /** @type {(string | {data: string})[]} */
  const block = [];
  const node = { data: "", before: (/** @type {string} */ text) => block.splice(-1, 0, text) };
  globalThis.document = /** @type {any} */ ({ createTextNode: () => node });
  const text = new PrintedText(/** @type {any} */ ({ append: (/** @type {any} */ part) => block.push(part) }));
  for (const piece of pieces) text.write(piece);
  return block.map((part) => (typeof part === "string" ? part : part.data)).join("");
}

test("text is appended, wherever it was divided", () => {
  assert.equal(shown("a", "b\nc", "\n", "\nd"), "ab\nc\n\nd");
});

test("a carriage return overwrites its line, and only as far as the new text goes", () => {
  assert.equal(shown("first\n", " 10 %", "\r 20 %", "\r100 %\n", "done"), "first\n100 %\ndone");
  assert.equal(shown("abcdef\rxy"), "xycdef");
});

test("a carriage return at the end of a piece counts for the next one", () => {
  assert.equal(shown("50 %\r", "60 %\r"), "60 %");
});

test("a line that ends with a carriage return and a line feed stays", () => {
  assert.equal(shown("a\r\nb"), "a\nb");
});

test("a carriage return alone erases nothing", () => {
  assert.equal(shown("100 %\r", "", "\n", "done"), "100 %\ndone");
});
