/** The search: what is found, in which order, and what a result shows. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { excerpt, makeFinder, MOST, pieces } from "../../static/js/search/find.js";
import { counted } from "../../static/js/search/dialog.js";

const PARTS = [
  { at: "a.html#one", kind: "section", group: "1. First", heading: "Langevin by hand", text: "Each step goes uphill, with a random kick of ᾱ_t." },
  { at: "a.html#two", kind: "section", group: "1. First", heading: "Which schedule?", text: "A schedule for Langevin dynamics. The score points uphill." },
  { at: "b.html#one", kind: "section", group: "2. Second", heading: "Guidance", text: "The guidance scale exaggerates the condition." },
  { at: "g.html#score", kind: "term", group: "Glossary", heading: "score", text: "The gradient of the log density." },
  { at: "b.html#two", kind: "section", group: "2. Second", heading: "About the score", text: "The gradient of the log density." },
];
const find = makeFinder(PARTS);

/** @param {string} typed */
const found = (typed) => find(typed).groups.flatMap(({ results }) => results.map(({ at }) => at));

/** @param {import("../../static/js/search/find.js").Piece[]} list */
const shown = (list) => list.map((piece) => (piece.found ? `[${piece.text}]` : piece.text)).join("");

test("a heading counts more than the text", () => assert.deepEqual(found("langevin"), ["a.html#one", "a.html#two"]));

test("a definition comes first", () => assert.equal(found("score")[0], "g.html#score"));

test("all words must be there, if a part has them all", () => assert.deepEqual(found("uphill kick"), ["a.html#one"]));

test("else parts with some of them are found", () => assert.deepEqual(found("guidance zebra"), ["b.html#one"]));

test("beginnings, misspelt words, case and accents", () => {
  for (const typed of ["guid", "guidence", "GUIDANCE", "guídance"]) assert.deepEqual(found(typed), ["b.html#one"], typed);
  assert.deepEqual(found("xylophone"), []);
});

test("Greek letters are found by their names and as themselves", () => {
  for (const typed of ["alpha", "α", "ᾱ_t"]) assert.deepEqual(found(typed), ["a.html#one"], typed);
});

test("common words are not looked for", () => {
  assert.deepEqual(found("what is the guidance of it"), ["b.html#one"]);
  assert.deepEqual(find("the"), { count: 0, groups: [] });
});

test("results are grouped by chapter, the group with the best result first", () => {
  const { count, groups } = find("langevin condition gradient");
  assert.equal(count, 5);
  assert.deepEqual(new Set(groups.map(({ name }) => name)), new Set(["1. First", "2. Second", "Glossary"]));
  assert.equal(groups.flatMap(({ results }) => results).length, 5);
});

test("found words are marked, as they are written", () => {
  const [{ results }] = find("lang kick").groups;
  assert.equal(shown(results[0].heading), "[Langevin] by hand");
  assert.equal(shown(results[0].snippet), "Each step goes uphill, with a random [kick] of ᾱ_t.");
  assert.equal(shown(pieces("ᾱ_t and α", new Set(["alpha_t"]))), "[ᾱ_t] and α");
});

test("an excerpt is where most of the words are, and consists of whole words", () => {
  const text = `${"filler ".repeat(60)}score here ${"other ".repeat(60)}the score of noise, the noise of the score ${"end ".repeat(60)}`;
  const cut = excerpt(text, new Set(["score", "noise"]));
  assert.match(cut, /score of noise, the noise of the score/);
  assert.ok(cut.length < 170 && cut.startsWith("… ") && cut.endsWith(" …"), cut);
  for (const word of cut.split(" ")) assert.ok(` ${text} …`.includes(` ${word}`), word);
});

test("an excerpt without a found word is the beginning", () => {
  assert.equal(excerpt("Short text.", new Set(["no"])), "Short text.");
  assert.match(excerpt("word ".repeat(80), new Set()), /^word .* …$/);
});

test("no more than the best are listed, and it says so", () => {
  const many = makeFinder(Array.from({ length: MOST + 5 }, (_, at) => ({ ...PARTS[0], at: String(at) })));
  const { count, groups } = many("langevin");
  assert.equal(count, MOST + 5);
  assert.equal(groups[0].results.length, MOST);
  assert.equal(counted(count), `${MOST + 5} results; the best ${MOST} are shown.`);
  assert.equal(counted(1), "1 result");
  assert.equal(counted(MOST), `${MOST} results`);
  assert.match(counted(0), /^Nothing found/);
});
