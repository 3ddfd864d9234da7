/** Receipts: codes that are read back as they were written, damage that is found, and what a table says of them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, encode, markOf, MOST, PREFIX } from "../../static/js/receipts/code.js";
import { receiptOfInstrument, receiptOfTasks, tasksOf } from "../../static/js/receipts/gather.js";
import { csvOf, readText, rowsOf } from "../../static/js/receipts/reading.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A sequence of numbers from 0 to below 1 (mulberry32). @param {number} seed */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makers of random values. @param {() => number} next */
function makers(next) {
  const whole = (/** @type {number} */ below) => Math.floor(next() * below);
  const signs = [..."abcxyz0123456789-_=&.%,; ()\n\0äéλ→€😀"];
  /** @param {number} bytes at most, in UTF-8 */
  const text = (bytes) => {
    let made = "";
    for (let left = whole(40); left > 0; left--) {
      const sign = signs[whole(signs.length)];
      if (Buffer.byteLength(made + sign) > bytes) break;
      made += sign;
    }
    return made;
  };
  /** @returns {any} */
  const receipt = () => {
    const head = { lab: text(MOST.name), made: whole(2 ** 28), nonce: whole(65536), page: text(MOST.name) };
    const kind = ["chapter", "part", "instrument"][whole(3)];
    if (kind === "instrument")
      return { kind, ...head, name: text(MOST.name), query: whole(5) ? text(MOST.query) : undefined, edited: text(MOST.edited), answer: text(MOST.answer) };
    const tasks = Array.from({ length: whole(MOST.tasks + 1) }, () => ({ mark: whole(65536), done: next() < 0.5, answer: text(MOST.taskAnswer) }));
    return { kind, ...head, total: whole(300), tasks };
  };
  return { whole, text, receipt };
}

/** The receipt of a code, which must be sound. @param {string} code */
function read(code) {
  const result = decode(code);
  assert.ok("receipt" in result, "problem" in result ? result.problem : "");
  return result.receipt;
}

test("three thousand random receipts are read as they were written", () => {
  const { receipt } = makers(random(1));
  for (let trial = 0; trial < 3000; trial++) {
    const made = receipt();
    const code = encode(made);
    assert.match(code, /^DIL1[0-9A-HJKMNP-TV-Z]+$/);
    assert.ok(code.length <= 4000);
    assert.deepEqual(read(code), made);
    assert.deepEqual(read(code.toLowerCase()), made);
  }
});

test("letters that look like digits are read as these", () => {
  const { receipt } = makers(random(2));
  for (let trial = 0; trial < 200; trial++) {
    const made = receipt();
    const code = encode(made);
    const mistaken = PREFIX + code.slice(4).replaceAll("0", "O").replaceAll("1", trial % 2 ? "I" : "l");
    assert.deepEqual(read(mistaken), made);
  }
});

/** A usual code: a chapter with four of six tasks tried. */
const USUAL = /** @type {const} */ ({
  kind: "chapter", lab: "0.1.0", made: 3_629_000, nonce: 4711, page: "01-forward", total: 6,
  tasks: [{ mark: markOf("quiz-a"), done: true, answer: "0.25" }, { mark: markOf("quiz-b"), done: false, answer: "1/4" },
    { mark: markOf("exercise-a"), done: true, answer: "" }, { mark: markOf("exercise-b"), done: false, answer: "" }],
}); // prettier-ignore

test("a usual code is short", () => {
  assert.ok(encode(/** @type {any} */ (USUAL)).length < 100);
});

test("every change of one character of a code is found", () => {
  const code = encode(/** @type {any} */ (USUAL));
  for (let at = PREFIX.length; at < code.length; at++)
    for (const sign of ALPHABET + "U") {
      if (sign === code[at]) continue;
      assert.ok("problem" in decode(code.slice(0, at) + sign + code.slice(at + 1)), `${at}: ${sign}`);
    }
});

test("random codes with a character changed, left out, added, or two neighbours swapped are refused", () => {
  const next = random(3);
  const { receipt, whole } = makers(next);
  for (let trial = 0; trial < 4000; trial++) {
    const code = encode(receipt());
    const at = PREFIX.length + whole(code.length - PREFIX.length);
    const sign = ALPHABET[whole(32)];
    const wrong = [
      code.slice(0, at) + sign + code.slice(at + 1),
      code.slice(0, at) + code.slice(at + 1),
      code.slice(0, at) + sign + code.slice(at),
      code.slice(0, at) + (code[at + 1] ?? "") + code[at] + code.slice(at + 2),
      code.slice(0, at),
    ][trial % 5];
    if (wrong === code) continue;
    const result = decode(wrong);
    assert.ok("problem" in result, `${code} as ${wrong}`);
    assert.match(result.problem, /^[A-Z\d].*[.]$/);
  }
});

test("random letters are no code and do no harm", () => {
  const { whole } = makers(random(4));
  for (let trial = 0; trial < 3000; trial++) {
    const letters = Array.from({ length: whole(120) }, () => ALPHABET[whole(32)]).join("");
    assert.ok("problem" in decode(PREFIX + letters));
  }
});

test("a damaged code gets a sentence that says what is wrong", () => {
  const code = encode(/** @type {any} */ (USUAL));
  const said = (/** @type {string} */ text) => /** @type {any} */ (decode(text)).problem;
  assert.equal(said(code.slice(0, -1)), "1 character missing: copy the code again, to its end.");
  assert.equal(said(code.slice(0, -30)), "30 characters missing: copy the code again, to its end.");
  assert.equal(said(`${code}AB`), "The code has 2 characters too many: something was added to it.");
  assert.equal(said(code.slice(0, 20) + "U" + code.slice(21)), "The character “U” is in no code: it was mistyped.");
  assert.match(said(code.slice(0, 20) + (code[20] === "7" ? "8" : "7") + code.slice(21)), /^The checksum does not fit/);
  assert.match(said(code.replace("DIL1", "DIL2")), /^This is a code of another kind, DIL2; this page reads DIL1\./);
  assert.equal(said("ABC"), "A code begins with DIL1.");
  for (let length = 4; length < code.length; length++) assert.match(said(code.slice(0, length)), /missing/, String(length));
});

test("what is too long is cut at a whole character, a state that is too long is left out", () => {
  const long = { kind: "instrument", lab: "0.1.0", made: 5, nonce: 9, page: "", name: "ring", edited: "f".repeat(900), answer: "é".repeat(900) };
  const cut = /** @type {any} */ (read(encode(/** @type {any} */ ({ ...long, query: "t=0.4" }))));
  assert.deepEqual([cut.query, cut.edited.length, cut.answer], ["t=0.4", MOST.edited, "é".repeat(MOST.answer / 2)]);
  const huge = encode(/** @type {any} */ ({ ...long, query: "p".repeat(MOST.query + 1) }));
  assert.equal(/** @type {any} */ (read(huge)).query, undefined);
  const tasks = Array.from({ length: 500 }, () => ({ mark: 1, done: true, answer: "9".repeat(99) }));
  const many = encode({ ...USUAL, total: 500, tasks });
  assert.ok(many.length <= 4000);
  assert.equal(/** @type {any} */ (read(many)).tasks.length, MOST.tasks);
});

const CODE = encode(/** @type {any} */ (USUAL));
const STATE = encode({ kind: "instrument", lab: "0.1.0", made: 5, nonce: 9, page: "", name: "ring", query: "t=0.4&seed=7", edited: "", answer: "" });
/** @type {any} */
const LAB = {
  version: "0.1.0",
  chapters: { "01-forward": { title: "1. The forward process", tasks: [["quiz-a", "Question 1"], ["quiz-b", "Question 2"], ["exercise-a", "Exercise A"]] } },
  instruments: { ring: "Ring of clusters" },
}; // prettier-ignore

test("codes are found among names and other text", () => {
  const text = `Ada Lovelace: ${CODE}\r\n\r\n"Emmy, N.","${STATE}",3\nGrace Hopper\n  ${CODE.toLowerCase()}  \nno code here\nnor here`;
  const { found, unread } = readText(text);
  assert.deepEqual(found.map(({ line, text: beside }) => [line, beside]), [[1, "Ada Lovelace"], [3, 'Emmy, N."," ",3'], [5, "Grace Hopper"]]);
  assert.ok(found.every((each) => "receipt" in each));
  assert.equal(unread, 2);
});

test("a code that was broken into two lines is joined, one without its beginning is named", () => {
  const { found } = readText(`Ada ${CODE.slice(0, 50)}\n${CODE.slice(50)}\nEmmy ${CODE.slice(6)}\n${CODE.slice(0, 30)}\nA sentence.`);
  assert.deepEqual(found.map((each) => ("problem" in each ? each.problem : "")), [
    "", "The beginning is missing: a code begins with DIL1.", `${CODE.length - 30} characters missing: copy the code again, to its end.`,
  ]); // prettier-ignore
  assert.equal(found[1].text, "Emmy");
  assert.equal(readText(CODE.slice(0, 40) + "\u00ad\u200b" + CODE.slice(40)).found[0].code, CODE);
});

test("rows say in words what codes say", () => {
  const [chapter, state, again] = rowsOf(readText([CODE, STATE, CODE].join("\n")).found, LAB);
  assert.deepEqual([chapter.about, chapter.done, chapter.of, chapter.version, chapter.same], ["1. The forward process", 2, 6, "0.1.0", undefined]);
  assert.deepEqual(chapter.details, ["Question 1: 0.25, right", "Question 2: 1/4, tried, not right", "Exercise A: passed",
    "A question or exercise that this copy of the lab does not have: tried, not right"]); // prettier-ignore
  assert.deepEqual([state.about, state.settings, state.address], ["Ring of clusters", "t = 0.4, seed = 7", "embed/ring.html?t=0.4&seed=7"]);
  assert.equal(again.same, 1);
  const slot = encode({ kind: "instrument", lab: "0.1.0", made: 5, nonce: 9, page: "01-forward", name: "ring-late", query: "t=1", edited: "", answer: "" });
  const [late] = rowsOf(readText(slot).found, LAB);
  assert.deepEqual([late.about, late.address], ["Ring of clusters in “1. The forward process”", "chapters/01-forward.html?ring-late.t=1#instrument-ring-late"]);
  assert.match(chapter.made, /^20\d\d-\d\d-\d\d \d\d:\d\d$/);
});

test("names in a code that this lab does not have make no address", () => {
  const strange = ["__proto__", "constructor", "../../x", "javascript:alert(1)"];
  for (const name of strange) {
    const instrument = encode({ kind: "instrument", lab: "9", made: 5, nonce: 9, page: "", name, query: "t=1", edited: "", answer: "" });
    const chapter = encode({ kind: "chapter", lab: "9", made: 5, nonce: 9, page: name, total: 1, tasks: [] });
    for (const row of rowsOf(readText(`${instrument}\n${chapter}`).found, LAB)) {
      assert.equal(row.address, "");
      assert.match(row.about, /does not have/);
    }
  }
});

test("values are separated by commas, quoted where needed, and none is a formula", () => {
  const rows = rowsOf(readText(`=HYPERLINK("x") ${CODE}\n${STATE}`).found, LAB);
  const [head, first, second, end] = csvOf(rows, "https://lab.example/").split("\r\n");
  assert.ok(head.startsWith("line,text,about,done,of,"));
  assert.ok(first.startsWith(`1,"'=HYPERLINK(""x"")",1. The forward process,2,6,`), first);
  assert.ok(second.includes("https://lab.example/embed/ring.html?t=0.4&seed=7"));
  assert.equal(end, "");
});

/** A page's part with what `gather.js` asks of one. @param {Record<string, any>} parts @param {Record<string, string>} dataset */
const element = (parts, dataset) => ({ dataset, querySelector: (/** @type {string} */ name) => parts[name] ?? null });

test("a receipt has what was tried on the page, from the page itself where nothing is stored", () => {
  const output = (/** @type {string} */ right) => ({ dataset: { right } });
  const form = (/** @type {string} */ quiz, /** @type {string} */ value, /** @type {string} */ right) =>
    element({ input: { value }, output: output(right), ".label": { textContent: " Question " } }, { quiz });
  const cell = (/** @type {string} */ name, parts = {}) => element({ ".label": { textContent: "Exercise A" }, ...parts }, { cell: name });
  const elements = [form("a", "0.25", "true"), form("b", "7", "false"), form("c", "", ""), cell("exercise-a", { ".output.passed": {} }), cell("exercise-b")];
  const root = /** @type {any} */ ({
    querySelector: (/** @type {string} */ name) => (name === "[data-chapter]" ? { dataset: { chapter: "01-forward" } } : null),
    querySelectorAll: () => elements,
  });
  Object.assign(globalThis, { location: { pathname: "/chapters/01-forward.html" } });
  const none = { stored: () => null, progress: () => undefined };
  const tasks = tasksOf(root, none);
  assert.deepEqual(tasks.map(({ tried, done, answer }) => [tried, done, answer]), [[true, true, "0.25"], [true, false, "7"], [false, false, ""], [true, true, ""], [false, false, ""]]);
  const receipt = /** @type {any} */ (receiptOfTasks(root, tasks, { lab: "0.1.0", now: Date.UTC(2020, 0, 2), nonce: 7 }));
  assert.deepEqual([receipt.kind, receipt.page, receipt.total, receipt.made], ["chapter", "01-forward", 5, 1440]);
  assert.deepEqual(receipt.tasks.map((/** @type {any} */ task) => task.mark), ["quiz-a", "quiz-b", "exercise-a"].map(markOf));
  // Of a former visit: done stays done, and the wrong answer after it is not given as the right one.
  const kept = { stored: () => "9", progress: (/** @type {string} */ _, /** @type {string} */ task) => (task === "quiz-b" ? /** @type {const} */ ("done") : undefined) };
  assert.deepEqual(tasksOf(root, kept)[1], { name: "quiz-b", title: "Question", tried: true, done: true, answer: "" });
});

test("a receipt of an instrument has its state, the reader's code and the answer to a question", () => {
  Object.assign(globalThis, { document: { body: { dataset: { embed: "" } } } });
  const place = /** @type {any} */ (element({ ".asked input:disabled": { value: " two " } }, { instrument: "ring", slot: "ring-late", edited: "score" }));
  assert.deepEqual(receiptOfInstrument(place, "t=0.4", { lab: "0.1.0", now: Date.UTC(2020, 0, 1), nonce: 7 }), {
    kind: "instrument", lab: "0.1.0", made: 0, nonce: 7, page: "", name: "ring-late", query: "t=0.4", edited: "score", answer: "two",
  }); // prettier-ignore
});
