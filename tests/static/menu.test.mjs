/** The addresses that an instrument's menu gives. */
import assert from "node:assert/strict";
import { test } from "node:test";

const { allSettings, stateAddress } = await import("../../static/js/page/menu.js");

const CHAPTER = "http://lab/chapters/x.html";
const PLACE = { view: "reverse", t: "0.05", seed: "4", given: "" };

test("a link in a chapter names the instrument with each setting, and its place in the page", () => {
  assert.equal(stateAddress("ring", "t=0.4&seed=3", CHAPTER, false), `${CHAPTER}?ring.t=0.4&ring.seed=3#instrument-ring`);
});

test("of the address that the page was opened with nothing stays", () => {
  assert.equal(stateAddress("ring", "", `${CHAPTER}?ring.t=0.9&utm=1#quiz`, false), `${CHAPTER}#instrument-ring`);
});

test("a link to a page of one instrument keeps the theme", () => {
  const embed = "http://lab/embed/ring.html";
  assert.equal(stateAddress("ring", "seed=3", `${embed}?t=0.9&theme=dark`, true), `${embed}?theme=dark&seed=3`);
});

test("an embed code holds every setting, those of the place too", () => {
  assert.equal(allSettings(PLACE, "t=0.4"), "view=reverse&t=0.4&seed=4&given=");
  assert.equal(allSettings(PLACE, ""), "view=reverse&t=0.05&seed=4&given=");
});

test("values may hold what an address cannot", () => {
  assert.equal(allSettings({ given: "" }, "given=1%3Aa+b%26"), "given=1%3Aa+b%26");
  assert.equal(stateAddress("u", "given=1%3Aa+b%26", CHAPTER, false), `${CHAPTER}?u.given=1%3Aa+b%26#instrument-u`);
});
