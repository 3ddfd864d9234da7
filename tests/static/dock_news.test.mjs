/** What a preset has changed decides what the dock shows. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { markNews, News } from "../../static/js/page/dock_news.js";

/** An element with these parts. @returns {any} */
const element = (/** @type {Record<string, string>} */ dataset, /** @type {any[]} */ parts = []) => ({
  dataset, hidden: false, marked: false, querySelectorAll: () => parts,
  toggleAttribute(/** @type {string} */ _, /** @type {boolean} */ yes) { this.marked = yes; },
});

/** A panel with a picture, two charts of which one is shown for `shows=b` only, and two measures. */
function panel() {
  const always = element({}, [element({ scene: "always" })]);
  const sometimes = element({ when: "shows:b|c;model:learned" }, [element({ scene: "sometimes" })]);
  const measures = [element({}, [element({ reading: "loss" }), element({ reading: "loss_true" })]), element({}, [element({ bars: "shares" })])];
  const found = /** @type {Record<string, any[]>} */ ({
    ".pane": [element({}, [element({ scene: "plane" })])], ".chart": [always, sometimes], ".measures > *": measures,
  });
  return { measures, sometimes, panel: /** @type {any} */ ({ querySelectorAll: (/** @type {string} */ selector) => found[selector] }) };
}

/** @param {Partial<import("../../static/js/page/dock_news.js").Changes>} changes */
function newsOf(changes) {
  const news = new News();
  news.add({ settings: {}, layers: {}, ranges: {}, texts: {}, ...changes });
  return news;
}

const layers = (/** @type {string[]} */ ...addresses) => ({ layers: Object.fromEntries(addresses.map((address) => [address, {}])) });

test("measures whose reading changed are marked, by either of their numbers", () => {
  const { panel: made, measures } = panel();
  markNews(made, newsOf({ texts: { loss_true: "1" } }));
  assert.deepEqual(measures.map(({ marked }) => marked), [true, false]);
  markNews(made, newsOf({ texts: { shares: [1] } }));
  assert.deepEqual(measures.map(({ marked }) => marked), [false, true]);
});

test("where the picture changes, it is shown, and a change of the chart is reported", () => {
  const { panel: made } = panel();
  assert.deepEqual(markNews(made, newsOf(layers("plane.points", "always.lines"))), { look: "picture", charts: true });
  assert.deepEqual(markNews(made, newsOf(layers("plane.points"))), { look: "picture", charts: false });
});

test("the chart is shown where only its data or its axes changed", () => {
  const { panel: made } = panel();
  assert.deepEqual(markNews(made, newsOf(layers("always.lines"))), { look: "chart", charts: true });
  assert.deepEqual(markNews(made, newsOf({ ranges: { always: [[0, 1], [0, 1]] } })), { look: "chart", charts: true });
});

test("the chart is shown where a setting has brought it, whatever the picture does", () => {
  const { panel: made } = panel();
  assert.deepEqual(markNews(made, newsOf({ settings: { shows: "b" }, ...layers("plane.points") })), { look: "chart", charts: true });
  assert.deepEqual(markNews(made, newsOf({ settings: { model: "learned" } })), { look: "chart", charts: true });
});

test("a chart that a setting has taken away is no news", () => {
  const { panel: made, sometimes } = panel();
  sometimes.hidden = true;
  assert.deepEqual(markNews(made, newsOf({ settings: { shows: "a" }, ...layers("plane.points") })), { look: "picture", charts: false });
});
