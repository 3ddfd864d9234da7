/** Quizzes: numbers as people write them, and what is right. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { openQuizzes, readNumber } from "../../static/js/page/quizzes.js";

/** @type {[string, number][]} */
const NUMBERS = [
  ["0.5", 0.5], [".5", 0.5], ["5.", 5], ["0,5", 0.5], [",5", 0.5], ["-,5", -0.5], ["42", 42], ["+3", 3], ["-1", -1],
  ["−1", -1], ["−0,25", -0.25], ["1/4", 0.25], ["-1 / 4", -0.25], ["1.5/0.5", 3], ["1e-3", 0.001], ["2.5E2", 250],
  ["5 %", 5], ["5%", 5], ["  7  ", 7], ["007", 7],
];
for (const [text, value] of NUMBERS) test(`“${text}” is ${value}`, () => assert.equal(readNumber(text), value));

const NONE = ["", " ", "x", "1/0", "0/0", "1/", "/2", "1.2.3", "1,2,3", "1 2", "0x10", "Infinity", "NaN", "--1", "1e999", "e5", "5 % %", "1/2/3", "."];
for (const text of NONE) test(`“${text}” is no number`, () => assert.equal(readNumber(text), null));

test("each try is told to the page, a kept one is not told again", () => {
  const kept = new Map();
  const quiz = form("0.25", "0.125", kept);
  quiz.give("1");
  quiz.give("much");
  quiz.give("1/4");
  assert.deepEqual(quiz.told, [{ answer: "1", right: false }, { answer: "1/4", right: true }]);
  assert.deepEqual(form("0.25", "0.125", kept).told, []);
});

test("a minus sign may stand wherever one may", () => {
  assert.equal(readNumber("1e−3"), 0.001);
  assert.equal(readNumber("−1/−4"), 0.25);
});

/**
 * A form with what `openQuiz` asks of one, and the page's store.
 * @param {string} answer @param {string} tolerance @param {Record<string, string>} mistakes value → sentence
 */
function form(answer, tolerance, stored = new Map(), mistakes = {}) {
  const output = { textContent: "", dataset: {}, append: (/** @type {string} */ text) => (output.textContent += text) };
  /** @type {Record<string, any>} */
  const parts = { input: { value: "" }, output, button: { disabled: true } };
  const templates = Object.entries(mistakes).map(([mistake, words]) => ({
    dataset: { mistake },
    content: { cloneNode: () => words },
  }));
  /** @type {(event: {preventDefault(): void}) => void} */
  let submit;
  const made = {
    told: /** @type {any[]} */ ([]),
    said: "",
    dispatchEvent: (/** @type {CustomEvent} */ event) => made.told.push(event.detail),
    dataset: { quiz: "one", answer, tolerance },
    parts,
    querySelector: (/** @type {string} */ name) => parts[name],
    querySelectorAll: () => templates,
    addEventListener: (/** @type {string} */ _name, /** @type {any} */ listener) => (submit = listener),
    give(/** @type {string} */ text) {
      parts.input.value = text;
      submit({ preventDefault() {} });
      return parts.output.textContent;
    },
  };
  Object.assign(globalThis, {
    document: { querySelectorAll: () => [made], querySelector: () => ({ prepend: (/** @type {any} */ notice) => (made.said = notice.textContent), remove() {} }), createElement: () => ({ dataset: {}, setAttribute() {} }) },
    location: { pathname: "/chapters/01-forward.html" },
    localStorage: {
      getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
    },
  });
  openQuizzes();
  return made;
}

test("a try within the tolerance is right, one beyond it is not, and nonsense is neither", () => {
  const quiz = form("0.25", "0.125");
  assert.equal(quiz.parts.button.disabled, false);
  assert.equal(quiz.give("0.375"), "Right.");
  assert.equal(quiz.give("1/8"), "Right.");
  assert.equal(quiz.give("0.376"), "Not yet. Try again, or open the hint.");
  assert.equal(quiz.parts.output.dataset.right, "false");
  assert.equal(quiz.give("much"), "Give a number, like 0.25 or 1/4.");
  assert.equal(quiz.parts.output.dataset.right, "");
});

test("an expected mistake gets its own sentence, within the tolerance; the right answer wins", () => {
  const quiz = form("0.5", "0.0625", new Map(), { 2: "That is the square.", "-0.5": "Mind the sign.", 0.4375: "Low." });
  assert.equal(quiz.give("2.0625"), "Not yet. That is the square.");
  assert.equal(quiz.parts.output.dataset.right, "false");
  assert.equal(quiz.give("−1/2"), "Not yet. Mind the sign.");
  assert.equal(quiz.give("2.07"), "Not yet. Try again, or open the hint.");
  assert.equal(quiz.give("0.4375"), "Right.");
});

test("the solution opens with the first try that is a number", () => {
  const quiz = form("1", "0.1");
  quiz.give("much");
  assert.equal("tried" in quiz.dataset, false);
  quiz.give("3");
  assert.equal("tried" in quiz.dataset, true);
});

test("a try is kept for the next visit, a chapter and a quiz apart", () => {
  const stored = new Map();
  form("1", "0.1", stored).give("1.05");
  assert.deepEqual([...stored], [
    ["lab:quiz:01-forward.html:one", "1.05"],
    ["lab:progress:01-forward:quiz-one", "done"],
  ]);
  const later = form("1", "0.1", stored);
  assert.equal(later.parts.input.value, "1.05");
  assert.equal(later.parts.output.textContent, "Right.");
});

test("a browser that keeps nothing still checks", () => {
  const quiz = form("1", "0.1");
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new Error("blocked");
    },
  });
  assert.equal(quiz.give("1"), "Right.");
  delete (/** @type {any} */ (globalThis).localStorage);
});

test("a stored answer that is no number is not checked", () => {
  const quiz = form("1", "0.1", new Map([["lab:quiz:01-forward.html:one", "much"]]));
  assert.equal(quiz.parts.input.value, "");
  assert.equal(quiz.parts.output.textContent, "");
});

test("an answer that cannot be stored is checked, and the page says that it is not kept", () => {
  const full = new Map();
  full.set = () => {
    throw Object.assign(new Error(), { name: "QuotaExceededError" });
  };
  const quiz = form("1", "0.1", full);
  assert.equal(quiz.give("1"), "Right.");
  assert.match(quiz.said, /storage for this site is full/);
});
