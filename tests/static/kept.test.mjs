/** What the reader has made is kept: a link, another tab and a full storage lose none of it. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** What two tabs share. @type {Map<string, string>} */ let shared;
/** The largest number of characters that fit. */ let room = Infinity;
let blocked = false;
/** Listeners of the window, of each tab. @type {Record<string, ((event: any) => void)[]>} */ const onWindow = {};

Object.assign(globalThis, {
  localStorage: {
    getItem: (/** @type {string} */ key) => (refuse(), shared.get(key) ?? null),
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      refuse();
      const used = [...shared].reduce((sum, [name, text]) => sum + (name === key ? 0 : text.length), 0);
      if (used + value.length > room) throw Object.assign(new Error("full"), { name: "QuotaExceededError" });
      shared.set(key, value);
    },
    removeItem: (/** @type {string} */ key) => (refuse(), shared.delete(key)),
  },
  addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => (onWindow[name] ??= []).push(listener),
});
function refuse() {
  if (blocked) throw Object.assign(new Error("blocked"), { name: "SecurityError" });
}

/** A tab has a module of its own. @param {string} name @returns {Promise<typeof import("../../static/js/page/kept.js")>} */
const tab = (name) => import(`../../static/js/page/kept.js?tab=${name}`);
const [one, two] = [await tab("one"), await tab("two")];
const KEY = "lab:cell:01:a";
const ORIGINAL = "x = 1\n";

/** A text in a tab, and what the tab shows. */
function open(/** @type {typeof one} */ where = one) {
  const shown = /** @type {string[]} */ ([]);
  const kept = new where.Kept(KEY, ORIGINAL, { show: (text) => void shown.push(text) });
  return {
    kept, shown,
    labels: () => kept.offers().map(({ label }) => label),
    press: (/** @type {string} */ label) => kept.offers().find((offer) => offer.label === label)?.act(),
  };
}

beforeEach(() => {
  shared = new Map();
  room = Infinity;
  blocked = false;
  for (const { everyKept } of [one, two]) everyKept.clear();
});

test("a text is kept until it is the original again", () => {
  const { kept } = open();
  assert.equal(kept.text, ORIGINAL);
  kept.write("x = 2\n");
  assert.equal(shared.get(KEY), "x = 2\n");
  assert.equal(open().kept.text, "x = 2\n");
  kept.put(ORIGINAL);
  assert.deepEqual([...shared], []);
});

// --- links -----------------------------------------------------------------------------------------------------------

test("a link's text is shown and not stored; what is typed on it is there after a reload, and so is one's own", () => {
  open().kept.write("mine\n");
  const visit = open();
  assert.equal(visit.kept.arrive("shared\n", false), true);
  assert.equal(shared.get(KEY), "mine\n");
  assert.deepEqual(visit.labels(), ["Back to mine"]);
  visit.kept.write("shared, typed\n");

  const reload = open();
  assert.equal(reload.kept.arrive("shared\n", true), false, "the page shows what was typed last");
  assert.equal(reload.kept.text, "shared, typed\n");
  assert.deepEqual(reload.labels(), ["Back to mine", "Keep only this"]);
  reload.press("Back to mine");
  assert.equal(reload.kept.text, "mine\n");
  assert.deepEqual(reload.shown, ["mine\n"]);
  reload.press("Show the other text");
  assert.equal(reload.kept.text, "shared, typed\n", "nothing has been dropped");
  reload.press("Back to mine");
  reload.press("Show the other text");
  assert.deepEqual(reload.labels(), ["Show the other text", "Keep only this"], "texts are exchanged, not multiplied");
});

test("a link that is opened again shows its own text, and keeps what was typed on it", () => {
  const first = open();
  first.kept.arrive("shared\n", false);
  first.kept.write("typed\n");
  const again = open();
  assert.equal(again.kept.arrive("shared\n", false), true);
  assert.deepEqual(again.labels(), ["Back to mine"]);
  again.press("Back to mine");
  assert.equal(again.kept.text, "typed\n");
  assert.equal(open().kept.arrive("shared\n", true), false, "and a reload stays there");
});

test("a second link does not replace what was typed on the first", () => {
  const visit = open();
  visit.kept.write("mine\n");
  visit.kept.arrive("first\n", false);
  visit.kept.write("first, typed\n");
  visit.kept.arrive("second\n", false);
  visit.kept.write("second, typed\n");
  assert.deepEqual(visit.labels(), ["Back to mine", "Back to mine (2)", "Keep only this"]);
  assert.deepEqual(visit.kept.more.others.map(({ text }) => text), ["first, typed\n", "mine\n"]);
});

test("an unchanged text of a link is not kept beside another: the link has it", () => {
  const visit = open();
  visit.kept.arrive("shared\n", false);
  assert.deepEqual(visit.labels(), ["Back to the chapter’s"]);
  visit.press("Back to the chapter’s");
  assert.equal(visit.kept.text, ORIGINAL);
  assert.deepEqual(visit.labels(), []);
});

test("other texts are dropped only when the reader says so", () => {
  const visit = open();
  visit.kept.write("mine\n");
  visit.kept.arrive("shared\n", false);
  visit.kept.write("typed\n");
  visit.press("Keep only this");
  assert.deepEqual(visit.labels(), []);
  assert.deepEqual(open().labels(), []);
});

// --- two tabs --------------------------------------------------------------------------------------------------------

/** The browser tells the other tabs of a change. */
const told = () => {
  for (const listener of onWindow.storage) listener({ key: KEY });
};

test("another tab is told of a change, and has both texts", () => {
  const [a, b] = [open(one), open(two)];
  a.kept.write("from a\n");
  told();
  assert.equal(b.kept.elsewhere, true);
  assert.equal(b.kept.text, ORIGINAL, "its own text stays in sight");
  assert.deepEqual(b.labels(), ["Show that text"]);
  b.kept.write("from b\n");
  assert.deepEqual(b.labels(), ["Show the other tab’s", "Keep only this"]);
  told();
  assert.equal(a.kept.elsewhere, true);
  a.press("Show that text");
  assert.equal(a.kept.text, "from b\n");
  b.press("Show the other tab’s");
  assert.equal(b.kept.text, "from a\n");
});

test("a text of a tab that has closed in the meantime is there after all, though this tab was told nothing", () => {
  const [a, b] = [open(one), open(two)];
  a.kept.write("from a\n");
  b.kept.write("from b\n");
  const later = open(one);
  assert.equal(later.kept.text, "from b\n");
  assert.deepEqual(later.kept.more.others.map(({ text }) => text), ["from a\n"]);
});

test("two tabs that type in turn keep one text each, the last one", () => {
  const [a, b] = [open(one), open(two)];
  for (let k = 0; k < 20; k++) {
    a.kept.write(`a ${k}\n`);
    b.kept.write(`b ${k}\n`);
  }
  assert.deepEqual(open(one).kept.more.others.map(({ text }) => text), ["a 19\n"]);
  assert.equal(open(one).kept.text, "b 19\n");
});

test("two cells of one page with the same text keep both versions", () => {
  const [a, b] = [open(one), open(one)];
  a.kept.write("from a\n");
  b.kept.write("from b\n");
  assert.deepEqual(open(one).kept.more.others.map(({ text }) => text), ["from a\n"]);
});

// --- a storage that is full, blocked or damaged ----------------------------------------------------------------------

/** Whether leaving the page would be asked about. */
function asks() {
  let asked = false;
  for (const listener of onWindow.beforeunload) listener({ preventDefault: () => (asked = true) });
  return asked;
}

test("a full storage is said, what was stored stays, and leaving the page is asked about", () => {
  const { kept } = open();
  kept.write("short\n");
  assert.equal(asks(), false);
  room = 80;
  kept.write("long ".repeat(40));
  assert.equal(kept.refused, "full");
  assert.equal(asks(), true);
  assert.equal(kept.text, "long ".repeat(40));
  assert.equal(shared.get(KEY), "short\n");
  kept.write("short again\n");
  assert.equal(kept.refused, "");
  assert.equal(asks(), false);
});

test("a text of another tab is not replaced where it cannot be kept beside the new one", () => {
  const [a, b] = [open(one), open(two)];
  a.kept.write("from a\n");
  room = 100;
  b.kept.write("from b, longer\n");
  assert.equal(b.kept.refused, "full");
  assert.equal(shared.get(KEY), "from a\n");
});

test("a blocked storage is said", () => {
  blocked = true;
  const { kept } = open();
  kept.write("typed\n");
  assert.equal(kept.refused, "blocked");
  assert.equal(asks(), true);
  kept.arrive("shared\n", false);
  assert.deepEqual(kept.offers().map(({ label }) => label), ["Back to mine"]);
});

test("damaged records are no texts", () => {
  for (const raw of ["{", "null", "7", '"a"', '{"others": {}}', '{"others": [1, {"text": 3, "maker": "mine"}, {"text": "a", "maker": "constructor"}], "link": 3}'])
    assert.deepEqual(one.readMore(raw), { by: "", link: "", others: [] }, raw);
});

test("who follows is told of each text and of each change", () => {
  let told = 0;
  one.followKept(() => void told++);
  const visit = open();
  assert.equal(told, 1);
  assert.equal(visit.kept.own, false);
  visit.kept.write("mine\n");
  assert.equal(told, 2);
  assert.equal(visit.kept.own, true);
  visit.kept.arrive("shared\n", false);
  assert.equal(visit.kept.own, false, "a link's text is nothing that the reader has made");
});
