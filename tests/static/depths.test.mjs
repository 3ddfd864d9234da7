/** Depths of reading: which parts a reader sees. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { below, shownAt } from "../../static/js/page/depths.js";

/** @type {[string, string[]][]} */
const SEEN = [
  ["idea", ["idea"]],
  ["mathematics", ["idea", "mathematics"]],
  ["engineering", ["idea", "mathematics", "engineering"]],
];
for (const [reader, parts] of SEEN)
  test(`${reader}: the parts of this depth and of those before it`, () => {
    assert.deepEqual(["idea", "mathematics", "engineering"].filter((part) => shownAt(part, reader)), parts);
  });

/** @type {[string, string][]} */
const LESS = [["engineering", "mathematics"], ["mathematics", "idea"], ["idea", "idea"]];
for (const [depth, less] of LESS) test(`less deep than ${depth} is ${less}`, () => assert.equal(below(depth), less));
