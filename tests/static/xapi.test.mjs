/** Statements of embedded pages: their shape by the rules of xAPI 1.0.3, and when they are sent. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { followReports, statementOf } from "../../static/js/embed/xapi.js";

const PARENT = { id: "https://lab.example/chapters/01-forward.html", name: "The forward process" };
/** @type {import("../../static/js/embed/xapi.js").Activities} */
const QUIZ = { main: { id: "https://lab.example/embed/quiz/forward-a.html", type: "cmi.interaction", interactionType: "fill-in", name: "Question 1", description: "How much?", parent: PARENT } }; // prettier-ignore
/** @type {import("../../static/js/embed/xapi.js").Activities} */
const EXERCISE = { main: { id: "https://lab.example/embed/cell/forward-b.html", type: "performance", name: "Exercise 1.1: A step" } };
/** @type {import("../../static/js/embed/xapi.js").Activities} */
const INSTRUMENT = { main: { id: "https://lab.example/embed/ring.html", type: "simulation", name: "Ring of clusters", parent: PARENT } };
const ASKED = { ...INSTRUMENT, question: { id: "https://lab.example/embed/ring.html?question=Why%3F", type: "cmi.interaction", interactionType: "long-fill-in", name: "Why?" } }; // prettier-ignore
/** @type {any} */
const STATE = { type: "stateChanged", name: "ring", settings: { t: 0.4 }, query: "t=0.4", readings: { alpha_bar: null } };
const answered = (/** @type {boolean | null} */ right) => /** @type {any} */ ({ type: "quizAnswered", name: "quiz/forward-a", answer: "1/4", right });
/** @type {any} */
const COMPLETED = { type: "completed", name: "quiz/forward-a" };

const VERBS = ["answered", "completed", "experienced", "interacted"].map((verb) => `http://adlnet.gov/expapi/verbs/${verb}`);
const TYPES = ["cmi.interaction", "lesson", "performance", "simulation"].map((type) => `http://adlnet.gov/expapi/activities/${type}`);
const INTERACTIONS = ["true-false", "choice", "fill-in", "long-fill-in", "matching", "performance", "sequencing", "likert", "numeric", "other"];

/** Fails where a statement breaks a rule of xAPI 1.0.3, part 2; an actor is added, as a host does. @param {any} statement */
function validate(statement) {
  const keys = (/** @type {object} */ object, /** @type {string[]} */ allowed) =>
    assert.deepEqual(Object.keys(object).filter((key) => !allowed.includes(key)), []);
  const iri = (/** @type {string} */ text) => assert.ok(/^[a-z]+:/.test(text) && new URL(text).href === text, text);
  const words = (/** @type {Record<string, string>} */ map) => {
    keys(map, ["en"]);
    assert.ok(typeof map.en === "string" && map.en);
  };
  const activity = (/** @type {any} */ object) => {
    keys(object, ["objectType", "id", "definition"]);
    iri(object.id);
    const { type, name, description, interactionType } = object.definition;
    keys(object.definition, ["type", "name", "description", "interactionType"]);
    assert.ok(TYPES.includes(type), type);
    words(name);
    if (description) words(description);
    if (interactionType) assert.ok(INTERACTIONS.includes(interactionType) && type.endsWith("cmi.interaction"));
  };
  keys(statement, ["id", "timestamp", "verb", "object", "result", "context", "version"]);
  assert.match(statement.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Date(statement.timestamp).toISOString(), statement.timestamp);
  assert.equal(statement.version, "1.0.3");
  assert.ok(VERBS.includes(statement.verb.id));
  words(statement.verb.display);
  assert.equal(statement.object.objectType, "Activity");
  activity(statement.object);
  const { success, completion, response, score, extensions = {} } = statement.result;
  keys(statement.result, ["success", "completion", "response", "score", "extensions"]);
  for (const flag of [success, completion]) assert.ok(["boolean", "undefined"].includes(typeof flag));
  assert.ok(["string", "undefined"].includes(typeof response));
  if (score) assert.ok(score.scaled >= -1 && score.scaled <= 1);
  for (const key of Object.keys(extensions)) iri(key);
  keys(statement.context, ["platform", "language", "contextActivities"]);
  for (const parent of statement.context.contextActivities?.parent ?? []) activity(parent);
  const outside = JSON.stringify({ ...statement, result: { ...statement.result, extensions: {} } });
  assert.ok(!outside.includes("null"), "null is allowed in extensions only");
  return statement;
}

/** @param {any} report @param {import("../../static/js/embed/xapi.js").Activities} activities */
const valid = (report, activities, touched = true) => validate(statementOf(report, activities, touched));

test("an answer has response, success and score", () => {
  const wrong = valid(answered(false), QUIZ);
  assert.equal(wrong.verb.id, VERBS[0]);
  assert.deepEqual(wrong.result, { response: "1/4", success: false, score: { scaled: 0 } });
  assert.equal(wrong.object.id, QUIZ.main.id);
  assert.equal(wrong.context.contextActivities.parent[0].id, PARENT.id);
  assert.deepEqual(valid(answered(true), QUIZ).result, { response: "1/4", success: true, score: { scaled: 1 } });
});

test("a task that is done is completed with success", () => {
  for (const activities of [QUIZ, EXERCISE]) {
    const statement = valid(COMPLETED, activities);
    assert.equal(statement.verb.id, VERBS[1]);
    assert.deepEqual(statement.result, { completion: true, success: true, score: { scaled: 1 } });
  }
});

test("a question without a right answer is an activity of its own, without success and score", () => {
  const statement = valid(answered(null), /** @type {any} */ (ASKED));
  assert.deepEqual(statement.result, { response: "1/4" });
  assert.equal(statement.object.id, ASKED.question.id);
  assert.deepEqual(valid(COMPLETED, /** @type {any} */ (ASKED)).result, { completion: true });
});

test("a state is an experience until the reader has touched the frame, then an interaction", () => {
  const statement = valid(STATE, INSTRUMENT);
  assert.equal(statement.verb.id, VERBS[3]);
  assert.equal(valid(STATE, INSTRUMENT, false).verb.id, VERBS[2]);
  assert.equal(statement.object.id, INSTRUMENT.main.id);
  assert.equal(statement.result.response, "t=0.4");
  assert.deepEqual(statement.result.extensions, { "https://lab.example/teachers.html#statements": { settings: { t: 0.4 }, readings: { alpha_bar: null } } });
});

test("other reports make no statement", () => {
  for (const type of ["ready", "height", "state", "settings", "error", "statement"])
    assert.equal(statementOf(/** @type {any} */ ({ type }), QUIZ, true), undefined);
});

test("statements follow their reports, a state when it has stayed for a while", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {any[]} */
  const sent = [];
  /** @type {any} */
  const host = { also: undefined, send: (/** @type {any} */ report) => (sent.push(report), host.also?.(report)) };
  let touched = false;
  followReports(host, INSTRUMENT, () => touched);
  const once = host.also;
  followReports(host, INSTRUMENT, () => true);
  assert.equal(host.also, once, "asking twice doubles nothing");
  for (const t of [0.1, 0.2, 0.3]) {
    host.send({ ...STATE, query: `t=${t}` });
    mock.timers.tick(100);
  }
  assert.deepEqual(sent.map(({ type }) => type), ["stateChanged", "stateChanged", "stateChanged"]);
  mock.timers.tick(5000);
  assert.deepEqual(sent.slice(3).map(({ type, statement }) => [type, statement.result.response]), [["statement", "t=0.3"]]);
  assert.equal(sent.at(-1).statement.verb.id, VERBS[2]);
  touched = true;
  host.send(STATE);
  mock.timers.tick(5000);
  assert.equal(sent.at(-1).statement.verb.id, VERBS[3]);
  host.send(answered(true));
  assert.equal(sent.at(-1).statement.verb.id, VERBS[0]);
  mock.timers.reset();
});

test("the rules are able to fail", () => {
  const good = valid(answered(true), QUIZ);
  const wrong = [{ id: "1" }, { actor: {} }, { verb: { id: "http://adlnet.gov/expapi/verbs/knew", display: { en: "knew" } } },
    { object: { ...good.object, id: "embed/ring.html" } }, { result: { response: 5 } }, { result: { score: { scaled: 2 } } }, { result: { response: null } },
    { timestamp: "today" }]; // prettier-ignore
  for (const change of wrong) assert.throws(() => validate({ ...good, ...change }), JSON.stringify(change));
});
