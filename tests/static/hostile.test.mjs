/** What an address or an embedding page may send: any text, any name, any message. Thousands of cases, with seeds. */
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "../../static/node_modules/fast-check/lib/fast-check.js";

import { readOptions } from "../../static/js/embed/options.js";
import { checkState, queryOf, readRequest, SCHEMA, stateOf } from "../../static/js/embed/schema.js";
import { readShared, sharedAddress } from "../../static/js/cells/sharing.js";
import { readNumber } from "../../static/js/page/quizzes.js";

const RUNS = Number(process.env.HOSTILE_RUNS ?? 2000);
fc.configureGlobal({ numRuns: RUNS, seed: 20260 });

/** @type {any[]} */
const SETTINGS = [
  { name: "t", kind: "number", low: 0, high: 1, default: 0.18 },
  { name: "seed", kind: "whole", low: 0, high: 9999, default: 4 },
  { name: "show_field", kind: "switch", default: true },
  { name: "view", kind: "choice", options: [["clean", "Clean"], ["forward", "Forward"]], default: "forward" },
  { name: "given", kind: "text", pattern: "^[0-9a-z:., ]{0,300}$", default: "" },
]; // prettier-ignore
const NAMES = SETTINGS.map(({ name }) => name);

const prototypes = fc.constantFrom("constructor", "__proto__", "toString", "hasOwnProperty", "valueOf");
const name = fc.oneof(fc.constantFrom(...NAMES), prototypes, fc.string({ unit: "binary", maxLength: 12 }));
const text = fc.oneof(
  fc.string({ unit: "binary" }), fc.double().map(String), fc.integer().map(String), prototypes,
  fc.constantFrom("1_000", "４", "0x10", "1e1", "7.0", "NaN", "Infinity", " 7 ", "1\n", "forward", "true", "x".repeat(100_000), "9".repeat(400)),
); // prettier-ignore
const value = fc.oneof(text, fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }));
const record = fc.array(fc.tuple(name, value)).map(Object.fromEntries);
const sentences = (/** @type {string[]} */ problems) => problems.every((problem) => problem.length < 1000) && problems.length <= 6;

/** Whether a setting has a value of its kind, within its bounds. @param {any} setting @param {any} got */
function valid({ kind, low, high, options, pattern }, got) {
  if (kind === "switch") return typeof got === "boolean";
  if (kind === "choice") return options.some((/** @type {any} */ [option]) => option === got);
  if (kind === "text") return typeof got === "string" && new RegExp(pattern).test(got);
  return typeof got === "number" && got >= low && got <= high && (kind === "number" || Number.isInteger(got));
}

test("any settings asked for give valid values and short sentences, and no others", () => {
  fc.assert(
    fc.property(record, (asked) => {
      const { values, problems } = checkState(SETTINGS, asked);
      assert.ok(sentences(problems));
      for (const key of Object.keys(values)) assert.ok(NAMES.includes(key));
      const state = stateOf(SETTINGS, queryOf(values));
      for (const setting of SETTINGS) assert.ok(valid(setting, state[setting.name]), setting.name);
    }),
  );
});

test("any address gives a state, options and short sentences, in short time", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.oneof(name, fc.constantFrom("lock", "hide", "theme", "origin", "lokc", "question")), text)), (pairs) => {
      const search = new URLSearchParams(pairs).toString();
      for (const setting of SETTINGS) assert.ok(valid(setting, stateOf(SETTINGS, search)[setting.name]));
      const { options, problems } = readOptions(search, NAMES);
      assert.ok(sentences(problems), problems.join(" "));
      assert.ok(["", "light", "dark", "auto"].includes(options.theme));
      assert.ok(options.lock.every((word) => [...NAMES, "run", "play", "step", "reset", "all"].includes(word)));
    }),
  );
  for (const part of ["a=1&", "lock=x&", "lokc=1&", "origin=x,", "t=0.5&", "hide=t,", "constructor=1&"]) {
    const before = process.cpuUsage(); // not the clock: the machine may be busy
    const { problems } = readOptions(part.repeat(100_000 / part.length), NAMES);
    assert.ok(sentences(problems) && process.cpuUsage(before).user < 1e6, part);
  }
});

test("any message is ignored, answered by a sentence, or a request with the right fields", () => {
  const type = fc.oneof(fc.constantFrom("hello", "getState", "setState", "describe", "setTheme", "start"), value);
  const message = fc.record({ schema: fc.oneof(fc.constant(SCHEMA), value), type, settings: value, theme: value, id: value }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(message, value), (data) => {
      const read = /** @type {any} */ (readRequest(data));
      if (read === undefined) return;
      assert.ok(read.problem === undefined ? read.request === data : read.problem.length < 300);
      if (read.id !== undefined) assert.ok(String(read.id).length <= 200);
      if (read.request?.type === "setState") assert.ok(sentences(checkState(SETTINGS, read.request.settings).problems));
    }),
  );
});

test("a number that a reader types is a number or none", () => {
  fc.assert(
    fc.property(text, (typed) => {
      const found = readNumber(typed);
      assert.ok(found === null || Number.isFinite(found));
    }),
  );
});

test("any code can be shared, and any other fragment has its sentence", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1 }), fc.string(), async (code, damage) => {
      const { hash } = new URL(await sharedAddress({ label: "a-cell", code }, "https://lab.example/x.html"));
      assert.deepEqual(await readShared(hash), { label: "a-cell", code });
      const shared = await readShared(`#cell=a-cell~${damage}`).catch((error) => assert.match(error.message, /^This link should show/));
      assert.ok(shared === undefined || shared.code.length > 0);
    }),
    { numRuns: RUNS / 10 },
  );
});
