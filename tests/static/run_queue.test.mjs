/** The line in which cells wait: one at a time, what a Stop and a lost interpreter do to it, and what runs again. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { RunQueue } from "../../static/js/cells/run_queue.js";

/** A Python that is told by the test what to answer. */
function python({ interrupts = false } = {}) {
  /** @type {Record<string, ((message: any) => void)[]>} */
  const listeners = {};
  return {
    health: "live",
    sent: /** @type {any[]} */ ([]),
    replaced: 0,
    woken: 0,
    on(/** @type {string} */ kind, /** @type {any} */ listener) {
      (listeners[kind] ??= []).push(listener);
    },
    send(/** @type {any} */ message) {
      this.sent.push(message);
    },
    wake() {
      this.woken += 1;
    },
    replace() {
      this.replaced += 1;
      this.health = "starting";
    },
    interrupted: 0,
    interrupt() {
      this.interrupted += Number(interrupts);
      return interrupts;
    },
    says(/** @type {any} */ message) {
      for (const listener of listeners[message.type] ?? []) listener(message);
    },
    live() {
      this.health = "live";
      this.says({ type: "stage", stage: "live" });
    },
    /** Begins the run that was sent last. */
    began() {
      this.says({ type: "cell_began", run: this.sent.at(-1).run });
    },
    /** Ends the run that was sent last. */
    done(ok = true) {
      this.says({ type: "cell_done", run: this.sent.at(-1).run, ok, ms: 5 });
    },
  };
}

/** A job that notes what it hears. @param {string} label */
function job(label) {
  const heard = /** @type {string[]} */ ([]);
  return {
    label,
    code: `code of ${label}`,
    heard,
    waits: (/** @type {number} */ place) => heard.push(`waits ${place}`),
    starts: () => heard.push("starts"),
    shows: (/** @type {any} */ { body }) => heard.push(body),
    leavesOut: () => {},
    ends: (/** @type {any} */ { how }) => heard.push(how),
  };
}

/** @param {any} job @param {number} run */
const ask = ({ label, code }, run) => /** @type {any} */ ({ type: "run_cell", run, label, code });

/** @param {{interrupts?: boolean}} [options] */
function started(options) {
  const line = python(options);
  const offers = /** @type {boolean[]} */ ([]);
  return { line, offers, runner: new RunQueue(/** @type {any} */ (line), { ask, replaced: "restarted", offer: (offered) => offers.push(offered) }) };
}

test("one runs at a time, the others know their place", () => {
  const { line, runner } = started();
  const [a, b, c] = ["a", "b", "c"].map(job);
  for (const each of [a, b, c, b]) runner.run(each);
  assert.deepEqual(line.sent.map(({ label }) => label), ["a"]);
  assert.deepEqual([b.heard.at(-1), c.heard.at(-1)], ["waits 1", "waits 2"]);
  line.says({ type: "output", run: line.sent[0].run, body: "1" });
  line.says({ type: "output", run: -1, body: "of another run" });
  line.done();
  assert.deepEqual(a.heard, ["starts", "1", "done"]);
  assert.equal(c.heard.at(-1), "waits 1");
  line.done();
  line.done();
  assert.deepEqual(line.sent.map(({ label }) => label), ["a", "b", "c"]);
  assert.equal(c.heard.at(-1), "done");
});

test("nothing is sent to a Python that is not live, and nothing lost by its restart", () => {
  const { line, runner } = started();
  line.health = "starting";
  const a = job("a");
  runner.run(a);
  assert.deepEqual([line.sent, a.heard, line.woken], [[], ["waits 0"], 1]);
  line.live();
  assert.equal(line.sent.length, 1);
});

test("without interrupts a Stop replaces the interpreter and empties the line", () => {
  const { line, runner, offers } = started();
  const [a, b, c] = ["a", "b", "c"].map(job);
  runner.run(a);
  line.done();
  runner.run(b);
  runner.run(c);
  runner.stop(b);
  assert.deepEqual([line.replaced, b.heard.at(-1), c.heard.at(-1)], [1, "stopped", "withdrawn"]);
  assert.deepEqual(offers, [true]);
  assert.equal(runner.has(b) || runner.has(c), false);
});

test("with interrupts it is replaced only when it does not answer", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { line, runner } = started({ interrupts: true });
  const [a, b] = ["a", "b"].map(job);
  runner.run(a);
  runner.stop(a);
  line.done(false);
  context.mock.timers.tick(60_000);
  assert.deepEqual([line.replaced, a.heard.at(-1)], [0, "stopped"]);
  runner.run(b);
  runner.stop(b);
  context.mock.timers.tick(1400);
  assert.equal(line.replaced, 0);
  context.mock.timers.tick(200);
  assert.deepEqual([line.replaced, b.heard.at(-1)], [1, "stopped"]);
});

test("a Stop that comes before the run has begun interrupts it when it begins", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { line, runner } = started({ interrupts: true });
  const [a, b] = ["a", "b"].map(job);
  runner.run(a);
  runner.stop(a);
  line.began();
  assert.equal(line.interrupted, 2, "the worker has discarded the first one");
  line.done(false);
  runner.run(b);
  line.began();
  assert.deepEqual([line.interrupted, line.replaced, a.heard.at(-1), b.heard.at(-1)], [2, 0, "stopped", "starts"]);
});

test("a waiting cell is taken out of the line alone", () => {
  const { line, runner } = started();
  const [a, b, c] = ["a", "b", "c"].map(job);
  for (const each of [a, b, c]) runner.run(each);
  runner.stop(b);
  assert.deepEqual([b.heard.at(-1), c.heard.at(-1), line.replaced], ["withdrawn", "waits 1", 0]);
});

test("a lost interpreter is replaced; a failed start tells all that wait", () => {
  const { line, runner } = started();
  const [a, b] = ["a", "b"].map(job);
  runner.run(a);
  line.says({ type: "broken", message: "it died" });
  assert.deepEqual([a.heard.at(-1), line.replaced], ["lost", 1]);
  runner.run(b);
  line.says({ type: "failed", where: "start", message: "no network" });
  assert.equal(b.heard.at(-1), "failed");
});

test("what ran without an error runs again, in order, as it was", () => {
  const { line, runner, offers } = started();
  const [a, wrong, b] = ["a", "wrong", "b"].map(job);
  for (const each of [a, wrong, b]) {
    runner.run(each);
    line.done(each !== wrong);
  }
  a.code = "edited since";
  line.says({ type: "broken", message: "" });
  line.live();
  line.sent.length = 0;
  const heard = /** @type {string[]} */ ([]);
  const repeat = { progress: (/** @type {number} */ k) => heard.push(String(k)), over: (/** @type {string} */ problem) => heard.push(`over ${problem}`) };
  runner.repeat(repeat);
  line.done();
  line.done();
  assert.deepEqual(line.sent.map(({ code }) => code), ["code of a", "code of b"]);
  assert.deepEqual(heard, ["1", "2", "over "]);
  assert.deepEqual(offers, [true, false]);
});

test("running again ends at the first that does not run, and is offered still", () => {
  const { line, runner, offers } = started();
  for (const each of ["a", "b", "c"].map(job)) {
    runner.run(each);
    line.done();
  }
  line.says({ type: "broken", message: "" });
  line.live();
  line.sent.length = 0;
  const heard = /** @type {string[]} */ ([]);
  runner.repeat({ progress: () => {}, over: (problem) => heard.push(problem) });
  line.done();
  line.done(false);
  assert.deepEqual([line.sent.length, heard], [2, ["cell b did not run again"]]);
  assert.deepEqual(offers, [true, false, true]);
  runner.repeat({ progress: () => {}, over: (problem) => heard.push(problem) });
  runner.stopRepeat();
  assert.deepEqual([line.replaced, heard.length, runner.history.length], [2, 2, 3]);
});
