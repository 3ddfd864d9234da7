/**
 * One code cell: an editor in place of the static code, what it puts out, and how its run is going. Edits are kept in
 * this browser until they are reset.
 *
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {import("./outputs.js").Output} Output
 * @typedef {import("./runner.js").Job} Job
 * @typedef {import("./runner.js").End} End
 * @typedef {import("./runner.js").Repeat} Repeat
 * @typedef {{run(job: Job): void, has(job: Job): boolean, stop(job: Job): void,
 *   repeat?(repeat: Repeat): void, stopRepeat?(): void}} Runs  Where its code runs, and what had run runs again.
 */
import { Outputs } from "./outputs.js";
import { store, stored } from "./store.js";

const TICK_MS = 100;
const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
/** @type {Record<string, string>} */
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };

/** @implements {Job} */
export class Cell {
  /**
   * @param {HTMLElement} root
   * @param {{key: string, runner: Runs, original?: string}} options `key`: under which its edits are kept
   */
  constructor(root, { key, runner, original }) {
    this.root = root;
    this.label = String(root.dataset.cell);
    this.key = key;
    this.runner = runner;
    this.outputs = new Outputs(this.part(".outputs"));
    this.state = this.part(".state");
    this.clock = this.part(".clock");
    this.againButton = this.part(".again");
    this.runButton = /** @type {HTMLButtonElement} */ (this.part(".run"));
    this.stopButton = this.part(".stop");
    this.resetButton = this.part(".reset");
    this.original = original ?? this.part(".code").textContent ?? "";
    this.code = stored(key) ?? this.original;
    this.began = 0;
    this.repeating = false;
    /** @type {number | undefined} */ this.ticking = undefined;
    /** @type {Editor | undefined} */ this.editor = undefined;
    this.runButton.disabled = false;
    this.runButton.addEventListener("click", () => this.run());
    this.stopButton.addEventListener("click", () => this.stop());
    this.resetButton.addEventListener("click", () => this.reset());
    this.againButton.addEventListener("click", () => this.#repeat());
    root.addEventListener("keydown", (event) => {
      if (event.key === "." && (event.ctrlKey || event.metaKey)) this.stop();
    });
    this.#markEdited();
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }

  /** Puts the editor in the place of the static code. */
  async edit() {
    const { openEditor } = await import("./editor.js");
    this.editor = openEditor(this.part(".editor"), {
      code: this.code,
      label: this.root.getAttribute("aria-label") ?? "",
      run: () => this.run(),
      changed: (code) => {
        this.code = code;
        store(this.key, code === this.original ? null : code);
        this.#markEdited();
      },
    });
    this.root.dataset.editable = "";
  }

  #markEdited() {
    const edited = this.code !== this.original;
    this.resetButton.hidden = !edited;
    if (edited !== this.root.hasAttribute("data-edited")) {
      this.root.toggleAttribute("data-edited", edited);
      this.outputs.mark(edited);
    }
  }

  run() {
    if (this.repeating || this.runner.has(this)) return;
    this.outputs.expect();
    this.editor?.markLine(0);
    this.#busy(true);
    this.runner.run(this);
  }

  stop() {
    if (this.repeating) return this.runner.stopRepeat?.();
    if (!this.runner.has(this)) return;
    this.say("stopping");
    this.runner.stop(this);
  }

  reset() {
    this.editor?.setCode(this.original);
    this.code = this.original;
    store(this.key, null);
    this.outputs.reset();
    this.editor?.markLine(0);
    this.say("");
    this.#markEdited();
  }

  // --- what it hears of its run --------------------------------------------------------------------------------------

  /** @param {number} place */
  waits(place) {
    this.say(place ? `waiting, ${ordinal(place)}` : "starting Python");
  }

  starts() {
    this.say("running");
    this.began = performance.now();
    this.ticking = window.setInterval(() => (this.clock.textContent = duration(performance.now() - this.began)), TICK_MS);
  }

  /** @param {Output} output */
  shows(output) {
    this.outputs.show(output);
    if (output.kind === "error") this.editor?.markLine(output.line);
  }

  /** How much was too much to show, so far. @param {{lines: number, others: number}} left */
  leavesOut(left) {
    this.outputs.leaveOut(left);
  }

  /** @param {End} end */
  ends({ how, ms, words }) {
    this.#busy(false);
    if (how === "withdrawn") {
      this.outputs.fresh = false;
      return this.say(words || "not run");
    }
    this.outputs.settle();
    if (words) this.outputs.show({ kind: "error", body: words });
    const said = { done: duration(ms), error: "stopped by an error", stopped: "stopped", lost: "lost", failed: "could not run" };
    this.say(said[how], how === "done" ? "" : "error");
  }

  /** Whether what had run can be run again, in a Python that has lost it. @param {boolean} offered */
  offerRepeat(offered) {
    this.againButton.hidden = !offered;
  }

  #repeat() {
    this.repeating = true;
    this.#busy(true);
    this.runner.repeat?.({
      progress: (k, of) => this.say(`running again ${k} of ${of}`),
      over: (problem) => {
        this.repeating = false;
        this.#busy(false);
        this.say(problem || "all is there again", problem ? "error" : "");
      },
    });
  }

  /** @param {boolean} busy */
  #busy(busy) {
    clearInterval(this.ticking);
    this.clock.textContent = "";
    this.runButton.disabled = busy;
    this.stopButton.hidden = !busy;
  }

  /** @param {string} text @param {string} [kind] */
  say(text, kind = "") {
    this.state.textContent = text;
    this.state.dataset.kind = kind;
  }
}

/** @param {number} ms */
const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** @param {number} place */
const ordinal = (place) => place + ENDINGS[ORDINALS.select(place)];
