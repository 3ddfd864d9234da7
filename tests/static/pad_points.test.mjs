/** Points that a reader brings: what is read, what is refused in which words, how it is scaled, and dark places of images. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { encoded, fitted, pointsOfImage, pointsOfText, thinned } from "../../static/js/page/pad_points.js";

for (const [name, text] of Object.entries({
  "commas and titles": "x,y\n-1.5,0.5\n2,1\n",
  "a download of the lab": "# Ring of clusters\n# t = 0\nx,y,part\n-1.5,0.5,3\n2,1,0\n",
  "columns in another order": "part,y,x\n0,0.5,-1.5\n1,1,2",
  "tabs": "-1.5\t0.5\n\n2\t1",
  "spaces and Windows' line ends": "  -1.5   0.5\r\n2 1\r\n",
  "semicolons and decimal commas": "x;y\n-1,5;0,5\n2;1",
  "quoted numbers": '"-1.5","0.5"\n"2","1"',
  "JSON pairs": "[[-1.5, 0.5], [2, 1]]",
  "JSON objects": '[{"x": -1.5, "y": 0.5}, {"x": 2, "y": 1}]',
  "JSON columns": '{"x": [-1.5, 2], "y": [0.5, 1]}',
  "a byte order mark": "\uFEFFx,y\n-1.5,0.5\n2,1",
}))
  test(`${name} are read`, () => assert.deepEqual(pointsOfText(text), [[-1.5, 0.5], [2, 1]]));

for (const [text, words] of /** @type {[string, RegExp][]} */ ([
  ["", /There is no text/],
  ["x,y\n", /no line with two numbers/],
  ["1,2\n3,x4\n", /Line 2: “x4” is not a number/],
  ["x,y\n1,2\n\n3\n", /Line 4 needs two numbers, x and y, got “3”/],
  ["1,2\n3,Infinity", /Line 2: “Infinity” is not a number/],
  ["[[1, 2], [3]]", /Point 2 of the list must be two numbers, got \[3\]/],
  ["[1, 2]", /Point 1 of the list must be two numbers, got 1/],
  ["[[1, 2", /not valid JSON/],
  ["[]", /holds no points/],
  ['{"x": [1, 2], "y": [1]}', /"x" has 2 numbers and "y" has 1/],
  ['{"z": 1}', /must be a list of points/],
  ["1".repeat(2e6 + 1), /at most 2000000/],
]))
  test(`refused: ${text.slice(0, 20).replaceAll("\n", " ")}`, () => assert.throws(() => pointsOfText(text), words));

test("points that fit stay where they are; others are scaled into the picture, with their shape", () => {
  const as = fitted([[-1.6, 0], [1.6, 3.2]], 3.2);
  assert.deepEqual([as.scaled, as.shares], [false, [[0.25, 0.5], [0.75, 1]]]);
  const far = fitted([[100, 0], [300, 100]], 3.2);
  assert.ok(far.scaled);
  assert.deepEqual(far.shares.flat().map((share) => Number(share.toFixed(6))), [0.1, 0.3, 0.9, 0.7]);
  assert.ok(fitted([[0.01, 0], [-0.01, 0]], 3.2).scaled, "a speck is made visible");
  assert.deepEqual(fitted([[7, 7], [7, 7]], 3.2).shares[0], [0.5, 0.5]);
  for (const share of fitted([[-1e308, 0], [1e308, 5]], 3.2).shares.flat()) assert.ok(share >= 0 && share <= 1);
});

test("too many points are thinned evenly", () => {
  const points = Array.from({ length: 1000 }, (_, k) => k);
  const kept = thinned(points, 150);
  assert.equal(kept.length, 150);
  assert.ok(kept.every((k, i) => Math.abs(k - (i * 1000) / 150) < 1));
  assert.equal(thinned(points.slice(0, 150), 150).length, 150);
});

test("shares are written as the digits of a drawing", () => {
  assert.equal(encoded([[0, 1], [0.5, 2]]), "00zzi0zz");
});

/** An image with one value of grey for each pixel. @param {number} width @param {number} height @param {(x: number, y: number) => number[]} colour */
const image = (width, height, colour) =>
  new Uint8ClampedArray(Array.from({ length: width * height }, (_, k) => colour(k % width, Math.floor(k / width))).flat());

test("points of an image are where it is dark, upright, and spread over all of it", () => {
  const rgba = image(40, 30, (x, y) => (x >= 20 && y < 10 ? [20, 20, 20, 255] : [250, 250, 250, 255]));
  const points = pointsOfImage(rgba, 40, 50);
  assert.equal(points.length, 50);
  for (const [x, y] of points) assert.ok(x >= 20 && y <= 0 && y > -10, `${x}, ${y}`);
  const nearest = points.map(([x, y]) => Math.min(...points.filter(([a, b]) => a !== x || b !== y).map(([a, b]) => Math.hypot(a - x, b - y))));
  assert.ok(Math.min(...nearest) > 0.8, "2 pixels would be the distance of a regular grid");
  assert.deepEqual(pointsOfImage(rgba, 40, 50), points, "the same image gives the same points");
});

test("darker places get more points, and what is transparent is paper", () => {
  const halves = image(40, 20, (x) => (x < 20 ? [0, 0, 0, 255] : [150, 150, 150, 255]));
  const left = pointsOfImage(halves, 40, 100).filter(([x]) => x < 20).length;
  assert.ok(left > 55 && left < 75, `${left} of 100: in proportion to the dark 71, to its square root 61`);
  const clear = image(10, 10, () => [0, 0, 0, 0]);
  assert.throws(() => pointsOfImage(clear, 10, 50), /no dark pixels/);
  assert.equal(pointsOfImage(image(3, 3, () => [0, 0, 0, 255]), 3, 50).length, 9, "never more points than pixels");
});
