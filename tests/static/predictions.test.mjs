/** Predictions: what the reader commits to is kept, and shown beside the answer. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openPredictions } from "../../static/js/page/predictions.js";

/** @type {Map<string, string>} */ let kept;

beforeEach(() => {
  kept = new Map();
  Object.assign(globalThis, {
    location: { pathname: "/chapters/01-forward.html" },
    localStorage: {
      getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
      removeItem: (/** @type {string} */ key) => kept.delete(key),
    },
  });
});

/** Opens a page with one block, number `predict`. @param {string} predict */
function open(predict = "1") {
  /** @type {() => void} */
  let submit;
  const form = {
    addEventListener: (/** @type {string} */ _name, /** @type {any} */ listener) => {
      submit = () => listener({ preventDefault() {} });
    },
  };
  /** @type {Record<string, any>} */
  const parts = {
    form,
    input: { value: "" },
    output: { textContent: "" },
    button: { disabled: true },
    ".wrote": { textContent: "", hidden: true },
  };
  const section = { dataset: { predict }, querySelector: (/** @type {string} */ name) => parts[name] };
  Object.assign(globalThis, { document: { querySelectorAll: () => [section] } });
  openPredictions();
  return {
    ...parts,
    wrote: parts[".wrote"],
    commit(/** @type {string} */ text) {
      parts.input.value = text;
      submit();
    },
  };
}

test("the button works once the script is there, and nothing is shown before a commitment", () => {
  const block = open();
  assert.equal(block.button.disabled, false);
  assert.deepEqual([block.wrote.hidden, block.wrote.textContent], [true, ""]);
});

test("what is committed is shown beside the answer", () => {
  const block = open();
  block.commit("  near 0.1 ");
  assert.deepEqual([block.wrote.hidden, block.wrote.textContent], [false, "You wrote: near 0.1"]);
  assert.equal(block.output.textContent, "Kept. You will see it beside the answer.");
});

test("it is kept for the next visit, by chapter and number", () => {
  open("2").commit("at once");
  assert.deepEqual([...kept], [["lab:predict:01-forward.html:2", "at once"]]);
  const later = open("2");
  assert.deepEqual([later.input.value, later.wrote.textContent], ["at once", "You wrote: at once"]);
  assert.equal(open("1").input.value, "");
});

test("nothing written deletes what was kept", () => {
  const block = open();
  block.commit("yes");
  block.commit(" ");
  assert.deepEqual([...kept], []);
  assert.deepEqual([block.wrote.hidden, block.wrote.textContent, block.output.textContent], [true, "", ""]);
});

test("a browser that keeps nothing still shows it", () => {
  const block = open();
  delete (/** @type {any} */ (globalThis).localStorage);
  block.commit("yes");
  assert.equal(block.wrote.textContent, "You wrote: yes");
  assert.match(block.output.textContent, /stores nothing/);
});
