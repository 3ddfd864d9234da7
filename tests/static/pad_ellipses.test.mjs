/** The editor of a mixture: its text, what pulls and keys make of a Gaussian, and its words. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { added, keyed, pulled, read, words, written } from "../../static/js/page/pad_ellipses.js";

const RANGE = { extent: 3.2, sds: /** @type {[number, number]} */ ([0.05, 1.55]) };
const G = { x: -1, y: 0.5, along: 0.8, across: 0.2, angle: 0.7, weight: 0.5 };
/** @param {string} key @param {boolean} [shiftKey] @returns {any} */
const press = (key, shiftKey = false) => ({ key, shiftKey });

test("a text is read as it was written, to the last digit", () => {
  const text = written([G, { ...G, x: 2, angle: 3.1 }], RANGE);
  assert.equal(text.length, 24);
  assert.equal(written(read(text, RANGE), RANGE), text);
  const [back] = read(text, RANGE);
  for (const key of /** @type {const} */ (["x", "y", "along", "across", "angle", "weight"]))
    assert.ok(Math.abs(back[key] - G[key]) < 0.003, key);
});

test("what is out of bounds is moved into them, and an angle by half-turns", () => {
  const [far] = read(written([{ ...G, x: 9, y: -9, along: 7, across: -1, angle: G.angle - 3 * Math.PI, weight: 2 }], RANGE), RANGE);
  assert.deepEqual([far.x, far.y, far.along, far.across, far.weight].map((value) => Number(value.toFixed(6))), [3.2, -3.2, 1.55, 0.05, 1]);
  assert.ok(Math.abs(far.angle - G.angle) < 0.003);
  assert.deepEqual(read("", RANGE), []);
});

test("a knob at the centre moves, one at an axis stretches and turns", () => {
  assert.deepEqual(pulled(G, "centre", 1, 2, 0.1), { ...G, x: 1, y: 2 });
  const along = pulled(G, "along", -1, 0.5 + 1.1, 0.1);
  assert.ok(Math.abs(along.along - 0.5) < 1e-9 && Math.abs(along.angle - Math.PI / 2) < 1e-9);
  const across = pulled(G, "across", -1, 0.5 + 1.1, 0.1);
  assert.ok(Math.abs(across.across - 0.5) < 1e-9 && Math.abs(across.angle) < 1e-9);
  assert.equal(across.along, G.along);
});

test("arrow keys move, stretch and turn; plus and minus weigh; other keys are the page's", () => {
  assert.equal(keyed(G, "centre", press("ArrowRight"))?.x, -0.95);
  assert.equal(keyed(G, "centre", press("ArrowDown", true))?.y, 0);
  assert.ok((keyed(G, "along", press("ArrowUp"))?.along ?? 0) > G.along);
  assert.ok((keyed(G, "across", press("ArrowDown"))?.across ?? 1) < G.across);
  assert.ok((keyed(G, "across", press("ArrowLeft"))?.angle ?? 0) > G.angle);
  assert.ok((keyed(G, "centre", press("+"))?.weight ?? 0) > G.weight);
  assert.equal(keyed({ ...G, weight: 0.02 }, "centre", press("-"))?.weight, 0);
  assert.equal(keyed(G, "centre", press("Tab")), null);
});

test("a new Gaussian lies away from the others, with their mean weight", () => {
  const others = [{ ...G, x: -1.5, y: -1.5, weight: 0.2 }, { ...G, x: -1.5, y: 1.5, weight: 0.4 }];
  const made = added(others, 3.2);
  assert.ok(made.x > 1);
  assert.ok(Math.abs(made.weight - 0.3) < 1e-9);
});

test("a Gaussian is said with its place, shape and share", () => {
  const said = words([G, { ...G, weight: 0 }], 0, "drag it");
  assert.equal(said, "Gaussian 1 of 2: at (-1.00, 0.50), standard deviations 0.80 and 0.20, turned 40°, weight 100 %; drag it");
});
