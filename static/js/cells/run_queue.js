/**
 * The line in which cells wait for their Python. One runs at a time. What has run is remembered as it was, so that it
 * can be run again in an interpreter that took the place of one that had to be given up.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("../page/protocol.js").ToWorker} ToWorker
 * @typedef {import("./outputs.js").Output} Output
 * @typedef {{how: "done" | "error" | "stopped" | "withdrawn" | "lost" | "failed", ms: number, words: string}} End
 *   How a run ended: "withdrawn" before it began; "lost" with its interpreter; "failed" since there is none. `words`
 *   say why, where the outputs do not.
 * @typedef {{label: string, code: string, checks?: string, above?(): [name: string, code: string][], waits(place: number): void, starts(): void, shows(output: Output): void,
 *   leavesOut(left: {lines: number, others: number}): void, ends(end: End): void}} Job  A run and who hears of it; `place` in the line, 0 while Python itself is awaited.
 * @typedef {{progress(k: number, of: number): void, over(problem: string): void}} Repeat  Who hears how it goes.
 */

/** An interrupted Python that does not stop by then is replaced. */
const INTERRUPT_MS = 1500;

let runs = 0;

export class RunQueue {
  /**
   * @param {Python} python
   * @param {{ask(job: Job, run: number): ToWorker, replaced: string, offer?(offered: boolean): void}} options  What
   *   Python is asked for a job; what is lost when a Stop has to replace it, in words; and who hears whether what had
   *   run could be run again.
   */
  constructor(python, { ask, replaced, offer = () => {} }) {
    this.python = python;
    this.ask = ask;
    this.replaced = replaced;
    this.offer = offer;
    /** @type {Job[]} */ this.line = [];
    /** @type {{job: Job, run: number, remember: boolean, stopped: boolean} | undefined} */ this.current = undefined;
    /** What has run without an error, in order. @type {{label: string, code: string}[]} */ this.history = [];
    /** Jobs that only bring back what had run. @type {Job[]} */ this.repeats = [];
    python.on("stage", () => this.#next());
    python.on("output", (output) => this.current?.run === output.run && this.current.job.shows(output));
    python.on("cell_done", ({ run, ok, ms }) => {
      if (this.current?.run !== run) return;
      const { job, remember, stopped } = this.current;
      if (ok && remember) this.history.push({ label: job.label, code: job.code });
      this.#end(ok ? "done" : stopped ? "stopped" : "error", ms);
      if (!ok) this.#emptyLine(`not run: the cell before it ${stopped ? "was stopped" : "failed"}`);
      this.#next();
    });
    python.on("broken", ({ message }) => this.#replace("lost", message));
    python.on("left_out", ({ run, ...left }) => this.current?.run === run && this.current.job.leavesOut(left));
    python.on("failed", ({ where, message }) => {
      if (where === "instrument" || where === "output") return;
      this.#end("failed", 0, message);
      const jobs = this.line.splice(0);
      for (const job of jobs) job.ends({ how: "failed", ms: 0, words: message });
    });
  }

  /** Puts a job at the end of the line, if it is not in it. @param {Job} job */
  run(job) {
    if (this.has(job)) return;
    this.line.push(job);
    this.python.wake();
    this.#next();
  }

  /** @param {Job} job */
  has(job) {
    return this.current?.job === job || this.line.includes(job);
  }

  /** Takes a job out of the line, or stops it: by an interrupt where the page may, else with its interpreter. @param {Job} job */
  stop(job) {
    if (this.current?.job !== job) {
      this.line = this.line.filter((waiting) => waiting !== job);
      job.ends({ how: "withdrawn", ms: 0, words: "" });
      return this.#next();
    }
    const { current } = this;
    if (current.stopped) return;
    current.stopped = true;
    if (!this.python.interrupt()) return this.#replace("stopped", this.replaced);
    setTimeout(() => this.current === current && this.#replace("stopped", this.replaced), INTERRUPT_MS);
  }

  /** Stops what Python computes though it is no job of this line. @param {() => boolean} stuck whether it still does */
  giveUp(stuck) {
    if (this.current) return this.stop(this.current.job);
    if (!this.python.interrupt()) return this.#replace("stopped", "");
    setTimeout(() => stuck() && this.#replace("stopped", ""), INTERRUPT_MS);
  }

  /** Runs again, in order and without showing what it puts out, all that has run. @param {Repeat} repeat */
  repeat({ progress, over }) {
    this.offer(false);
    const of = this.history.length;
    this.repeats = this.history.map(({ label, code }, k) => ({
      label,
      code,
      waits: () => {},
      starts: () => progress(k + 1, of),
      shows: () => {},
      leavesOut: () => {},
      ends: ({ how }) => {
        if (how === "done" && k + 1 < of) return;
        this.line = this.line.filter((job) => !this.repeats.includes(job));
        this.repeats = [];
        if (how !== "done") this.offer(true);
        over(how === "done" ? "" : `cell ${label} did not run again`);
      },
    }));
    this.line.unshift(...this.repeats);
    this.python.wake();
    this.#next();
  }

  /** Gives up running again; what has not is offered still. */
  stopRepeat() {
    const job = this.repeats.find((repeat) => this.has(repeat));
    if (job) this.stop(job);
  }

  #next() {
    if (!this.current && this.line.length && this.python.health === "live") {
      const job = /** @type {Job} */ (this.line.shift());
      this.current = { job, run: ++runs, remember: !this.repeats.includes(job), stopped: false };
      this.python.send(this.ask(job, runs));
      job.starts();
    }
    this.line.forEach((job, k) => job.waits(this.current || k ? k + 1 : 0));
  }

  /** @param {End["how"]} how @param {number} ms */
  #end(how, ms, words = "") {
    const job = this.current?.job;
    this.current = undefined;
    job?.ends({ how, ms, words });
  }

  /** @param {string} words */
  #emptyLine(words) {
    for (const job of this.line.splice(0)) job.ends({ how: "withdrawn", ms: 0, words });
  }

  /** A new interpreter takes the place of this one. @param {"stopped" | "lost"} how @param {string} words */
  #replace(how, words) {
    this.python.replace();
    this.#end(how, 0, words);
    this.#emptyLine("not run: Python was started anew");
    this.offer(this.history.length > 0);
  }
}
