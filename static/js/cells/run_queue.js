/**
 * The queue in which cells wait for their Python. One runs at a time. Successful runs are remembered with their code, so
 * that they can be repeated after a restart of Python.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("../page/protocol.js").ToWorker} ToWorker
 * @typedef {import("./outputs.js").Output} Output
 * @typedef {{how: "done" | "error" | "stopped" | "withdrawn" | "lost" | "failed", ms: number, words: string}} End
 *   How a run ended: "withdrawn" before it began; "lost" with its interpreter; "failed" since Python did not start.
 *   `words` say why, where the outputs do not.
 * @typedef {{label: string, code: string, checks?: string, original?: string, above?(): [name: string, code: string][], waits(place: number): void, starts(): void, shows(output: Output): void,
 *   leavesOut(left: {lines: number, others: number}): void, ends(end: End): void}} Job  A run with its callbacks; `place` in the queue, 0 while Python itself starts.
 * @typedef {{progress(k: number, of: number): void, over(problem: string): void}} Repeat  Callbacks of a repetition.
 */

/** An interpreter that does not stop within this time after an interrupt is replaced. */
const INTERRUPT_MS = 1500;

let runs = 0;

export class RunQueue {
  /**
   * @param {Python} python
   * @param {{ask(job: Job, run: number): ToWorker, replaced: string, offer?(offered: boolean): void}} options  `ask`:
   *   the message that runs a job; `replaced`: the sentence to show when a stop has to restart Python; `offer`: called
   *   with whether lost runs can be repeated.
   */
  constructor(python, { ask, replaced, offer = () => {} }) {
    this.python = python;
    this.ask = ask;
    this.replaced = replaced;
    this.offer = offer;
    /** @type {Job[]} */ this.line = [];
    /** @type {{job: Job, run: number, remember: boolean, stopped: boolean} | undefined} */ this.current = undefined;
    /** Runs without an error, in order. @type {{label: string, code: string}[]} */ this.history = [];
    /** Jobs that repeat lost runs. @type {Job[]} */ this.repeats = [];
    python.on("stage", () => this.#next());
    python.on("output", (output) => this.current?.run === output.run && this.current.job.shows(output));
    python.on("cell_began", ({ run }) => {
      // The worker discards interrupts that were sent before it came to this run.
      if (this.current?.run === run && this.current.stopped) python.interrupt();
    });
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

  /** Adds a job to the end of the queue, unless it is already there. @param {Job} job */
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

  /** Removes a job from the queue, or stops it: by an interrupt where the page may send one, else by a restart. @param {Job} job */
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

  /** Stops a computation of Python that is no job of this queue. @param {() => boolean} stuck whether it still runs */
  giveUp(stuck) {
    if (this.current) return this.stop(this.current.job);
    if (!this.python.interrupt()) return this.#replace("stopped", "");
    setTimeout(() => stuck() && this.#replace("stopped", ""), INTERRUPT_MS);
  }

  /** Repeats all successful runs, in order and without showing their outputs. @param {Repeat} repeat */
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

  /** Stops the repetition; it is still offered. */
  stopRepeat() {
    const job = this.repeats.find((repeat) => this.has(repeat));
    if (job) this.stop(job);
  }

  /** Whether Python has started. */
  get working() {
    return this.python.health === "live";
  }

  /** Restarts Python for a reader whose cells have spoilt it; their runs are not offered again. */
  restart() {
    this.history = [];
    this.#replace("stopped", this.replaced);
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

  /** Restarts Python. @param {"stopped" | "lost"} how @param {string} words */
  #replace(how, words) {
    this.python.replace();
    this.#end(how, 0, words);
    this.#emptyLine("not run: Python was restarted");
    this.offer(this.history.length > 0);
  }
}
