/** Embedded pages: messages, options of the address, heights, and the code to paste. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { elementCode, iframeCode, LISTENER, SAFE_HEIGHT } from "../../static/js/embed/code.js";
import { GREETINGS, heightIn, understood } from "../../static/js/embed/dialects.js";
import { heightTable, nearestHeight, shortened } from "../../static/js/embed/height_table.js";
import { Heights } from "../../static/js/embed/heights.js";
import { isMisspelt, readOptions } from "../../static/js/embed/options.js";
import { checkState, queryOf, readRequest, SCHEMA, stateOf } from "../../static/js/embed/schema.js";

/** @type {any[]} */
const SETTINGS = [
  { name: "t", kind: "number", low: 0, high: 1, default: 0.18 },
  { name: "seed", kind: "whole", low: 0, high: 9999, default: 4 },
  { name: "show_field", kind: "switch", default: true },
  { name: "view", kind: "choice", options: [["clean", "Clean"], ["forward", "Forward"]], default: "forward" },
  { name: "given", kind: "text", pattern: "^[a-z]*$", default: "" },
];
const message = (/** @type {any} */ fields) => ({ schema: SCHEMA, ...fields });

test("messages that are not ours are ignored", () => {
  for (const data of [undefined, null, 1, "getState", [], {}, { type: "getState" }, { schema: "diffusion-lab/2", type: "getState" }])
    assert.equal(readRequest(data), undefined);
});

test("a request is read with its id", () => {
  assert.deepEqual(readRequest(message({ type: "getState", id: 3 })), { request: message({ type: "getState", id: 3 }), id: 3 });
  assert.equal(/** @type {any} */ (readRequest(message({ type: "hello", id: {} }))).id, undefined, "only numbers and texts");
});

test("a malformed message of ours is answered by a sentence", () => {
  const wrong = [{}, { type: "toString" }, { type: "__proto__" }, { type: "setState" }, { type: "setState", settings: [] },
    { type: "setState", settings: "t=1" }, { type: "setTheme", theme: "blue" }, { type: { a: 1 } }]; // prettier-ignore
  for (const fields of wrong) assert.ok("problem" in /** @type {any} */ (readRequest(message(fields))), JSON.stringify(fields));
});

test("values within the bounds are accepted, as values and as texts", () => {
  const asked = { t: 0.5, seed: "7", show_field: false, view: "clean", given: "abc" };
  assert.deepEqual(checkState(SETTINGS, asked), {
    values: { t: "0.5", seed: "7", show_field: "false", view: "clean", given: "abc" }, problems: [],
  });
  assert.deepEqual(checkState(SETTINGS, { t: 0 }).values, { t: "0" });
  assert.deepEqual(checkState(SETTINGS, { t: 1 }).values, { t: "1" });
});

test("values out of bounds, of a wrong kind and of no setting get a sentence each", () => {
  const wrong = [["t", 1.01], ["t", -1], ["t", NaN], ["t", ""], ["t", null], ["t", {}], ["t", "x"], ["t", true], ["seed", 1.5], ["seed", Infinity],
    ["show_field", 1], ["show_field", "yes"], ["view", "reverse"], ["view", {}], ["given", "a1"], ["given", 5], ["given", "a".repeat(6000)],
    ["tee", 1], ["constructor", 1], ["__proto__", 1]]; // prettier-ignore
  for (const [name, value] of wrong) {
    const { values, problems } = checkState(SETTINGS, Object.fromEntries([[name, value]]));
    assert.deepEqual(values, {}, `${name} = ${String(value)}`);
    assert.equal(problems.length, 1);
    assert.ok(problems[0].length < 200);
  }
});

test("a state has all settings with typed values, and becomes a query and back", () => {
  const state = stateOf(SETTINGS, "t=0.4&show_field=false&nonsense=1&seed=x");
  assert.deepEqual(state, { t: 0.4, seed: 4, show_field: false, view: "forward", given: "" });
  assert.deepEqual(stateOf(SETTINGS, queryOf(state)), state);
});

test("options are read, and wrong ones get a sentence", () => {
  const names = SETTINGS.map(({ name }) => name);
  const { options, problems } = readOptions("?t=0.4&theme=dark&lock=t,seed&hide=reset&menu=0&start=paused&title=A%20ring&utm_source=x&v=2", names);
  assert.deepEqual(problems, []);
  assert.deepEqual([options.theme, options.lock, options.hide, options.menu, options.measures, options.paused, options.title], ["dark", ["t", "seed"], ["reset"], false, true, true, "A ring"]);
  assert.equal(options.show, undefined);
  for (const search of ["theme=blue", "menu=no", "lock=tt", "hide=t,everything", "lokc=t", "Theme=dark", "measure=0", "origin=course.example", "origin=javascript:1"])
    assert.equal(readOptions(search, names).problems.length, 1, search);
});

test("lock=all locks settings and buttons, show=none shows no setting", () => {
  const { options } = readOptions("lock=all&show=none", ["t"]);
  assert.deepEqual(options.lock, ["t", "run", "play", "step", "reset"]);
  assert.ok(options.show && !options.show.includes("t"));
});

test("a word is misspelt by one letter more, less, changed or swapped", () => {
  for (const word of ["lokc", "loc", "llock", "lick", "LOCK"]) assert.ok(isMisspelt(word, "lock"), word);
  for (const word of ["lock", "l", "block1", "time", "clok"]) assert.ok(!isMisspelt(word, "lock"), word);
});

/** A host that gives the frame the height that it reports. @param {Heights} heights @param {(frame: number) => number} content */
function hosted(heights, content, width = 736) {
  let frame = 480;
  const reports = [];
  for (let turn = 0; turn < 1000; turn++) {
    const next = heights.next(content(frame), width, frame === heights.sent);
    if (next === undefined) break;
    reports.push((frame = next));
  }
  return reports;
}

test("a content whose height depends on its width is reported once", () => {
  assert.deepEqual(hosted(new Heights(), () => 1435.2), [1436]);
});

test("a content that follows the frame's height is reported a few times, not for ever", () => {
  assert.deepEqual(hosted(new Heights(), (frame) => frame + 40), [520, 560, 600, 640]);
  const bounded = hosted(new Heights(), (frame) => Math.min(640, frame - 260) + 500);
  assert.deepEqual(bounded, [720, 960, 1140], "a picture that the window bounds grows to its own bound");
});

test("a content that swings by itself ends at its greatest height", () => {
  const heights = new Heights();
  const reports = Array.from({ length: 99 }, (_, k) => heights.next(k % 2 ? 900 : 700, 736)).filter(Boolean);
  assert.equal(reports.length, 12);
  assert.equal(reports.at(-1), 900);
  heights.renew();
  assert.equal(heights.next(640, 736), 640, "the reader's hand allows new heights");
});

test("another width starts anew, a press does not let an echo grow on", () => {
  const heights = new Heights();
  hosted(heights, (frame) => frame + 40);
  heights.renew();
  assert.equal(heights.next(2000, 736), undefined);
  assert.equal(heights.next(300, 390), 300);
});

test("the height does not fall while the reader moves a slider", () => {
  const heights = new Heights();
  assert.equal(heights.next(900, 736), 900);
  heights.renew(true);
  assert.deepEqual([880, 920, 900].map((height) => heights.next(height, 736)), [undefined, 920, undefined]);
  heights.renew();
  assert.equal(heights.next(880, 736), 880, "another control, such as a choice of views, changes the content");
  heights.renew(true);
  assert.equal(heights.next(700, 900), 700, "another width has another height");
});

test("a course system is told heights in its words once it has shown that it knows them", () => {
  assert.equal(understood({ context: "h5p", action: "hello" }), "h5p");
  assert.equal(understood({ subject: "lti.capabilities.response", supported_messages: [{ subject: "lti.close" }, { subject: "lti.frameResize" }] }), "lti");
  const others = [undefined, null, "h5p", {}, ...GREETINGS.slice(1), { context: "h5p", action: "resize" },
    { subject: "lti.capabilities.response" }, { subject: "lti.capabilities.response", supported_messages: [null, { subject: "lti.close" }] }]; // prettier-ignore
  for (const data of others) assert.equal(understood(data), undefined);
  assert.deepEqual(heightIn("h5p", 900), { context: "h5p", action: "resize", scrollHeight: 900 });
  assert.deepEqual(heightIn("lti", 900), { subject: "lti.frameResize", height: 900 });
});

const EMBED = { address: "https://lab.example/embed/ring.html", element: "https://lab.example/embed.js", name: "ring",
  title: 'A "ring" & <more>', query: "t=0.4&seed=7", options: "lock=t,seed", height: undefined, heights: "390:991 736:755" }; // prettier-ignore

test("a table of heights has those of phones and of a text column, and gives the nearest", () => {
  const table = heightTable((width) => 2 * width);
  for (const width of [320, 390, 736, 1200]) assert.equal(nearestHeight(table, width), 2 * width);
  assert.equal(nearestHeight(table, 100), 640);
  assert.equal(nearestHeight(table, 1800), 2848);
  assert.ok(Math.abs(nearestHeight(table, 745) - 1490) < 20);
  assert.equal(nearestHeight("", 736), undefined);
});

test("a shortened table gives the same heights with fewer pairs", () => {
  const code = heightTable((width) => (width < 500 ? 520 : width < 800 ? 430 : 402));
  const short = shortened(code, 10);
  assert.equal(short.split(" ").length, 4, "three heights, two widths at most at each step");
  for (const pair of code.split(" ")) assert.ok(Math.abs(nearestHeight(short, Number(pair.split(":")[0])) - Number(pair.split(":")[1])) <= 10, pair);
  assert.equal(shortened("390:100 736:100", 0), "736:100");
});

test("the pasted script gives frames that have not loaded the height of the nearest width, and leaves others alone", () => {
  const frame = (/** @type {number} */ clientWidth, height = "") => ({ clientWidth, dataset: { heights: EMBED.heights }, style: { height } });
  const frames = [frame(734), frame(400), frame(0), frame(736, "900px")];
  const page = { querySelectorAll: () => frames };
  /** @type {(() => void)[]} */
  const watched = [];
  class Watch {
    constructor(/** @type {() => void} */ told) {
      this.observe = () => watched.push(told);
    }
  }
  new Function("document", "addEventListener", "ResizeObserver", LISTENER.replace(/<\/?script>/g, ""))(page, () => {}, Watch);
  for (const told of watched) told();
  assert.deepEqual(frames.map(({ style }) => style.height), ["755px", "991px", "", "900px"]);
  frames[2].clientWidth = 700; // its tab has been opened
  for (const told of watched) told();
  assert.deepEqual(frames.map(({ style }) => style.height), ["755px", "991px", "755px", "900px"]);
});

test("the code of a frame that fits has its heights and a listener of four lines, one of a fixed height has none", () => {
  const fitting = iframeCode(EMBED);
  assert.ok(fitting.startsWith('<iframe src="https://lab.example/embed/ring.html?t=0.4&amp;seed=7&amp;lock=t,seed" title="A &quot;ring&quot; &amp; &lt;more>"'));
  for (const part of [`height="${SAFE_HEIGHT}"`, 'loading="lazy"', 'allow="clipboard-write"', LISTENER, 'data-heights="390:991 736:755"></iframe>']) assert.ok(fitting.includes(part), part);
  assert.equal(LISTENER.split("\n").length, 4);
  const fixed = iframeCode({ ...EMBED, height: 400 });
  assert.ok(fixed.includes('height="400"') && !fixed.includes("<script") && !fixed.includes("data-heights"));
  const unmeasured = iframeCode({ ...EMBED, heights: "" });
  assert.ok(unmeasured.includes('allow="clipboard-write"></iframe>') && !unmeasured.includes('data-heights="'));
});

test("the code of the element has settings and options as attributes", () => {
  const code = elementCode({ ...EMBED, height: 400 });
  assert.ok(code.includes('<instrument-lab name="ring" t="0.4" seed="7" lock="t,seed" height="400">'));
  assert.ok(elementCode(EMBED).includes('lock="t,seed" heights="390:991 736:755">'));
  const link = '<a href="https://lab.example/embed/ring.html?t=0.4&amp;seed=7&amp;lock=t,seed" target="_blank" rel="noopener">A &quot;ring&quot; &amp; &lt;more></a></instrument-lab>';
  assert.ok(code.endsWith(link), "where no script of another site runs");
});
