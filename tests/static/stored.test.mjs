/** What a browser has stored may be damaged, or from another version: nothing that is read is used unchecked. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";

import { keyOf, refusalWords, store, stored, storedKey } from "../../static/js/page/local_store.js";
import { noteProgress, progress } from "../../static/js/page/progress.js";

const GARBAGE = ["", "Dark", "dark\n", "dark light", '"><script>alert(1)</script>', "constructor", "x".repeat(1e5)];

/** @type {Map<string, string>} */ let kept;
/** @type {string} */ let problem;

beforeEach(() => {
  kept = new Map();
  problem = "";
  const use = (/** @type {() => any} */ act) => {
    if (problem) throw Object.assign(new Error(problem), { name: problem });
    return act();
  };
  Object.assign(globalThis, {
    localStorage: {
      getItem: (/** @type {string} */ key) => use(() => kept.get(key) ?? null),
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => use(() => kept.set(key, value)),
      removeItem: (/** @type {string} */ key) => use(() => kept.delete(key)),
    },
  });
});

/** The theme that the script in a page's head gives the page. @param {string} template @param {string} search */
function themeOf(template, search = "") {
  const html = readFileSync(new URL(`../../app/build/templates/${template}`, import.meta.url), "utf-8");
  const script = /<script>(.*?)<\/script>/s.exec(html)?.[1].replace(/\{% if .*?\{% endif %\}|\{% include .*? %\}/gs, "");
  const dataset = /** @type {Record<string, string>} */ ({});
  const document = { documentElement: { dataset, classList: { add() {} } } };
  const page = { location: { search, protocol: "http:" }, self: { origin: "http://lab" }, document, addEventListener() {}, innerHeight: 900 };
  const names = [...Object.keys(page), "parent"];
  new Function(...names, String(script))(...Object.values(page), page.self);
  return dataset.theme;
}

for (const template of ["base.html", "embed_base.html"])
  test(`a stored theme is taken in ${template}, and nothing else that is stored there`, () => {
    kept.set("lab:theme", "dark");
    assert.equal(themeOf(template), "dark");
    assert.equal(themeOf(template, "?theme=light"), "light");
    for (const value of GARBAGE) {
      kept.set("lab:theme", value);
      assert.equal(themeOf(template), undefined, value.slice(0, 40));
    }
    problem = "SecurityError";
    assert.equal(themeOf(template), undefined);
  });

test("progress is one of two words", () => {
  for (const value of GARBAGE) {
    kept.set("lab:progress:01:quiz", value);
    assert.equal(progress("01", "quiz"), undefined);
    noteProgress("01", "quiz", false);
    assert.equal(progress("01", "quiz"), "tried");
  }
  noteProgress("01", "quiz", true);
  noteProgress("01", "quiz", false);
  assert.equal(progress("01", "quiz"), "done");
});

test("a value that is not stored has a sentence that says why", () => {
  assert.equal(refusalWords(store("a", "1")), "");
  problem = "QuotaExceededError";
  assert.match(refusalWords(store("a", "2")), /full/);
  problem = "NS_ERROR_DOM_QUOTA_REACHED"; // Firefox's
  assert.match(refusalWords(store("a", "2")), /full/);
  problem = "SecurityError";
  assert.match(refusalWords(store("a", "2")), /stores nothing/);
  assert.equal(stored("a"), null);
});

test("a browser without storage is one that stores nothing", () => {
  delete (/** @type {any} */ (globalThis).localStorage);
  assert.equal(store("a", "1"), "blocked");
  assert.equal(stored("a"), null);
});

test("labs in several folders of a host have their own keys, and one theme", () => {
  assert.equal(storedKey("lab:cell:a:b", ""), "lab:cell:a:b");
  assert.equal(storedKey("lab:cell:a:b", "/v1/"), "lab:/v1/ cell:a:b");
  assert.equal(storedKey("lab:theme", "/v1/"), "lab:theme");
  for (const folder of ["", "/v1/"]) assert.equal(keyOf(storedKey("lab:cell:a:b", folder), folder), "lab:cell:a:b");
  assert.equal(keyOf("lab:cell:a:b", "/v1/"), "");
  assert.equal(keyOf("lab:/v1/ cell:a:b", "/v2/"), "");
});
