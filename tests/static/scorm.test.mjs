/** SCORM packages: what is kept between sessions, in the words and lengths of SCORM 1.2, and how the API is found. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { findApi, Session } from "../../static/js/scorm/api.js";
import { LearnerRecord, MOST_DATA, timespan } from "../../static/js/scorm/record.js";

const TASKS = ["quiz-a", "quiz-b", "quiz-c", "exercise-a"];

test("score and status follow what is done, and never fall", () => {
  const record = new LearnerRecord(TASKS);
  assert.deepEqual([record.score, record.status], [0, "incomplete"]);
  record.note("quiz-a", false, "1");
  assert.deepEqual([record.done, record.score], [0, 0]);
  record.note("quiz-a", true, " 0.25 ");
  record.note("quiz-a", false, "9");
  record.note("quiz-of-another-chapter", true, "1");
  assert.deepEqual([record.done, record.score, record.status, record.tried.get("quiz-a")], [1, 25, "incomplete", { done: true, answer: "0.25" }]);
  for (const task of TASKS) record.note(task, true);
  assert.deepEqual([record.score, record.status], [100, "completed"]);
});

test("a third of the tasks is a whole number of hundredths", () => {
  const record = new LearnerRecord(["quiz-a", "quiz-b", "quiz-c"]);
  record.note("quiz-a", true);
  assert.equal(record.score, 33);
});

test("a chapter without tasks is complete when it has been opened", () => {
  assert.equal(new LearnerRecord([]).status, "completed");
});

/** Random numbers from 0 to below 1, the same in each run. @param {number} seed */
function random(seed) {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

test("random records are taken up as they were left, in at most 4096 ASCII characters", () => {
  const next = random(7);
  const signs = [..."0123456789./-eé→😀\"\\\n\u0000 "];
  const text = (/** @type {number} */ most) => Array.from({ length: Math.floor(next() * most) }, () => signs[Math.floor(next() * signs.length)]).join("");
  for (let trial = 0; trial < 500; trial++) {
    const tasks = Array.from({ length: Math.floor(next() * 45) }, (_, number) => `${next() < 0.7 ? "quiz" : "exercise"}-${"label".repeat(number % 9)}-${number}`);
    const record = new LearnerRecord(tasks);
    for (const task of tasks) if (next() < 0.8) record.note(task, next() < 0.5, next() < 0.8 ? text(60) : "");
    const others = Object.fromEntries(Array.from({ length: Math.floor(next() * 6) }, (_, number) => [`lab:cell:x:${number}`, text(trial % 2 ? 60 : 3000)]));
    const data = record.suspended(others);
    assert.ok(data.length <= MOST_DATA && /^[\x20-\x7e]*$/.test(data));
    const later = new LearnerRecord(tasks);
    const kept = later.resume(data);
    for (const [key, value] of Object.entries(kept)) assert.equal(value, others[key]);
    assert.deepEqual(later.tried.size, record.tried.size);
    for (const [task, { done, answer }] of record.tried) {
      assert.equal(later.tried.get(task)?.done, done, "what counts is never left out");
      if (tasks.length < 20) assert.equal(later.tried.get(task)?.answer, answer);
    }
    assert.deepEqual([later.score, later.status], [record.score, record.status]);
  }
});

test("what does not fit is left out, the longest first", () => {
  const record = new LearnerRecord(TASKS);
  record.note("quiz-a", true, "0.25");
  const kept = new LearnerRecord(TASKS).resume(record.suspended({ long: "x".repeat(5000), large: "y".repeat(3900), note: "about two" }));
  assert.deepEqual(Object.keys(kept), ["note", "large"]);
});

test("data that are not ours hold nothing", () => {
  for (const text of ["", "x", "null", "[]", "{}", '{"v":2,"done":["quiz-a"]}', '{"v":1,"done":5,"answers":[1]}', '{"v":1,"done":"quiz-a"}']) {
    const record = new LearnerRecord(TASKS);
    assert.deepEqual(record.resume(text), {});
    assert.equal(record.tried.size, 0);
  }
});

test("times are those of a CMITimespan", () => {
  assert.equal(timespan(0), "0000:00:00.00");
  assert.equal(timespan(723_456), "0000:12:03.45");
  assert.equal(timespan(3_600_000 * 25 + 61_999), "0025:01:01.99");
  assert.equal(timespan(1e15), "9999:59:59.99");
  assert.equal(timespan(-5), "0000:00:00.00");
});

/** A window. @param {any} parts */
function page(parts = {}) {
  const made = { opener: null, ...parts };
  made.parent ??= made;
  return made;
}
/** A window of another origin: only the windows around it can be seen. @param {any} parts */
const foreign = (parts) =>
  Object.defineProperty(page(parts), "API", {
    get() {
      throw new Error("cross-origin");
    },
  });
const API = { LMSInitialize: () => "true" };

test("the API is found in the window, above it, past other origins, and at the opener", () => {
  assert.equal(findApi(page({ API })), API);
  const player = page({ API });
  assert.equal(findApi(page({ parent: page({ parent: page({ parent: player }) }) })), API);
  assert.equal(findApi(page({ parent: foreign({ parent: player }) })), API);
  assert.equal(findApi(page({ opener: page({ parent: player }) })), API);
  assert.equal(findApi(page({ parent: page({ opener: player }) })), API);
});

test("where there is no API, the search ends", () => {
  assert.equal(findApi(page()), undefined);
  assert.equal(findApi(page({ API: {} })), undefined);
  const [first, second] = [page(), page()];
  Object.assign(first, { opener: second });
  Object.assign(second, { opener: first });
  assert.equal(findApi(first), undefined);
  let deep = page();
  for (let level = 0; level < 1000; level++) deep = page({ parent: deep });
  assert.equal(findApi(deep), undefined);
});

test("a try is added to the list of answers, where there is one", () => {
  /** @type {[string, string][]} */
  const calls = [];
  let count = "3";
  const adapter = {
    LMSInitialize: () => "true", LMSFinish: () => "true", LMSCommit: () => "true", LMSGetErrorString: () => "",
    LMSGetLastError: () => (count ? "0" : "401"), LMSGetValue: () => count,
    LMSSetValue: (/** @type {string} */ element, /** @type {string} */ value) => (calls.push([element, value]), "true"),
  }; // prettier-ignore
  const session = new Session(adapter);
  session.addTry("quiz-a", false, "9".repeat(300), new Date(2026, 0, 1, 9, 5, 3));
  assert.deepEqual(calls.splice(0), [
    ["cmi.interactions.3.id", "quiz-a"], ["cmi.interactions.3.time", "09:05:03"], ["cmi.interactions.3.type", "fill-in"],
    ["cmi.interactions.3.student_response", "9".repeat(255)], ["cmi.interactions.3.result", "wrong"],
  ]); // prettier-ignore
  session.addTry("exercise-a", true);
  assert.deepEqual(calls.splice(0).slice(2), [["cmi.interactions.3.type", "performance"], ["cmi.interactions.3.result", "correct"]]);
  count = "";
  session.addTry("quiz-b", true, "1");
  assert.deepEqual([calls, session.problem], [[], ""]);
});

test("a refusal is kept in words, an optional element and an error that is thrown end nothing", () => {
  /** @type {string[]} */
  const calls = [];
  const adapter = {
    LMSInitialize: () => "true", LMSFinish: () => "true", LMSCommit: () => "true", LMSGetLastError: () => "401",
    LMSGetErrorString: () => "Not implemented", LMSGetValue: () => "kept?",
    LMSSetValue: (/** @type {string} */ element) => {
      calls.push(element);
      if (element === "broken") throw new Error("gone");
      return "false";
    },
  }; // prettier-ignore
  const session = new Session(adapter);
  assert.equal(session.get("cmi.core.lesson_mode"), "", "a value with an error is none");
  session.set("cmi.core.score.min", 0, true);
  assert.equal(session.problem, "");
  session.set("cmi.core.score.raw", 50);
  assert.equal(session.problem, "cmi.core.score.raw: Not implemented (401)");
  session.set("broken", 1);
  assert.equal(session.problem, "broken: gone");
  session.finish();
  session.set("cmi.core.exit", "suspend");
  assert.equal(calls.at(-1), "broken", "nothing is sent after the end");
});
