/**
 * One code cell: an editor in place of the static code, its outputs, and the state of its run. Edits are stored in this
 * browser until they are reset, with the texts that a link or another tab would replace.
 *
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {import("./outputs.js").Output} Output
 * @typedef {import("./run_queue.js").Job} Job
 * @typedef {import("./run_queue.js").End} End
 * @typedef {import("./run_queue.js").Repeat} Repeat
 * @typedef {{run(job: Job): void, has(job: Job): boolean, stop(job: Job): void, restart(): void, working: boolean,
 *   repeat?(repeat: Repeat): void, stopRepeat?(): void}} Runs  Runs its code, and repeats runs whose results were lost.
 * @typedef {{live: import("./live_outputs.js").LiveOutputs, help: import("./editor.js").Help,
 *   above(cell: Cell): Cell[], all(): Cell[], tried(cell: Cell, passed: boolean): void}} Page  The page around it: draws its figures, completes code in
 *   its editor, and knows the other cells.
 */
import { imported } from "../files/imported.js";
import { copied, openDropDown } from "../page/drop_down.js";
import { offerReload } from "../page/page_bar.js";
import { Outputs } from "./outputs.js";
import { sharedAddress } from "./sharing.js";
import { Kept } from "../page/kept.js";
import { refusalWords } from "../page/local_store.js";

const TICK_MS = 100;

/** For a cell that could not run although Python has started. */
const UNFIT = "This Python cannot run the cell. Perhaps an earlier cell has changed something that Python itself needs.";
const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
/** @type {Record<string, string>} */
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };

/** @implements {Job} */
export class Cell {
  /**
   * @param {HTMLElement} root
   * @param {{key: string, runner: Runs, original?: string, page?: Page}} options `key`: under which its edits are stored
   */
  constructor(root, { key, runner, original, page }) {
    this.root = root;
    this.page = page;
    this.label = String(root.dataset.cell);
    this.runner = runner;
    const actions = { hint_above: () => this.runWithAbove(), hint_restart: () => this.#restart() };
    this.outputs = new Outputs(this.part(".outputs"), { live: page?.live, actions });
    this.notice = this.part(".notice");
    this.state = this.part(".state");
    this.clock = this.part(".clock");
    this.againButton = this.part(".again");
    this.runButton = /** @type {HTMLButtonElement} */ (this.part(".run"));
    this.stopButton = this.part(".stop");
    this.resetButton = this.part(".reset");
    this.checks = root.dataset.checks ?? "";
    /** With the last line ended, as the editor gives its text. */
    this.original = (original ?? this.part(".code").textContent ?? "").replace(/\n?$/, "\n");
    this.kept = new Kept(key, this.original, {
      show: (code) => this.#put(code), heard: () => this.notify(), reset: () => this.reset(),
    });
    this.code = this.kept.text;
    /** The code before a reset, until the next change. */
    this.beforeReset = "";
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
    this.#openMenu();
    this.#markEdited();
    this.notify();
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }

  /** Puts the editor in the place of the static code. Without it, the code can still be run. */
  async edit() {
    const place = this.part(".editor");
    const height = place.offsetHeight; // read before the first editor changes the page
    let openEditor;
    try {
      ({ openEditor } = await imported(() => import("./editor.js")));
    } catch (error) {
      return offerReload(`The code editor could not be loaded. ${/** @type {Error} */ (error).message} What you have typed is kept.`);
    }
    // At first the editor only estimates the height of lines that it has not drawn; what is below must not move for that.
    place.style.minHeight = `${height}px`;
    requestAnimationFrame(() => requestAnimationFrame(() => (place.style.minHeight = "")));
    this.editor = openEditor(place, {
      code: this.code,
      label: this.root.getAttribute("aria-label") ?? "",
      run: () => this.run(),
      help: this.page?.help,
      refused: (words) => this.say(words, "error"),
      changed: (code) => {
        if (code === this.code) return; // put there by the page
        this.code = code;
        this.beforeReset = "";
        this.#markEdited();
        this.kept.write(code);
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

  /** Number and code of each cell before it, so that an error can name the cell to run first. @returns {[string, string][]} */
  above() {
    return (this.page?.above(this) ?? []).map(({ root, code }) => [String(root.dataset.number), code]);
  }

  /** Runs all cells before this one, then this one. */
  runWithAbove() {
    for (const cell of this.page?.above(this) ?? []) cell.run();
    this.run();
  }

  stop() {
    if (this.repeating) return this.runner.stopRepeat?.();
    if (!this.runner.has(this)) return;
    this.say("stopping");
    this.runner.stop(this);
  }

  /** The original code again; the notice offers the way back. */
  reset() {
    this.beforeReset = this.code;
    this.kept.put(this.original);
    this.outputs.reset();
    this.say("");
  }

  /** @param {string} code */
  #put(code) {
    if (code !== this.original) this.beforeReset = "";
    this.code = code;
    this.editor?.setCode(code);
    this.editor?.markLine(0);
    this.#markEdited();
  }

  /**
   * Shows code that came by link, without running it; the reader's own edits stay saved.
   * @param {string} code @param {boolean} returns whether the page shows again what it showed before
   */
  showShared(code, returns) {
    if (this.kept.arrive(code, returns)) this.#put(code);
    this.notify();
  }

  /** Says where the code has come from, which other texts are kept, and what is not. */
  notify() {
    const { kept } = this;
    const offers = kept.offers();
    if (this.beforeReset) offers.unshift({ label: "Undo", act: () => kept.put(this.beforeReset) });
    const words = [
      refusalWords(kept.refused),
      kept.elsewhere && "Another tab has changed this cell. Both texts are kept.",
      kept.arrived && "This code was shared by link. It has not been run.",
      this.beforeReset && "Reset. Undo brings your code back.",
      !kept.elsewhere && !kept.arrived && kept.more.others.length && "Another text of this cell is kept.",
    ];
    const buttons = offers.map(({ label, act }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", act);
      return button;
    });
    const shown = [...words.filter(Boolean), ...buttons].flatMap((part) => [/** @type {string | Node} */ (part), " "]);
    this.notice.replaceChildren(...shown);
    this.notice.hidden = !shown.length;
  }

  #openMenu() {
    const menu = /** @type {HTMLDetailsElement | null} */ (this.part("details.menu"));
    const { page } = this;
    if (!menu || !page) return menu?.remove();
    /** @param {() => void} act */
    const quietly = (act) => async () => (act(), "");
    openDropDown(menu, {
      above: quietly(() => this.runWithAbove()),
      all: quietly(() => page.all().forEach((cell) => cell.run())),
      copy: () => copied(this.code),
      link: async () => {
        const address = await sharedAddress(this);
        return address ? copied(address) : "This code is too long for a link.";
      },
    });
  }

  // --- progress of its run -------------------------------------------------------------------------------------------

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
    if (output.kind === "passed" || output.kind === "failed") this.#tried(output.kind === "passed");
    if (output.kind === "error") this.editor?.markLine(output.line);
  }

  /** Shows how much output has been left out so far. @param {{lines: number, others: number}} left */
  leavesOut(left) {
    this.outputs.leaveOut(left);
  }

  /** @param {End} end */
  ends({ how, ms, words }) {
    this.#busy(false);
    if (how === "withdrawn") {
      this.outputs.forget();
      return this.say(words || "not run");
    }
    this.outputs.settle();
    if (this.checks && how === "error") this.#tried(false);
    if (words) this.outputs.show({ kind: "error", body: words });
    if (how === "failed" && this.runner.working) this.outputs.show({ kind: "hint_restart", body: UNFIT });
    const said = { done: duration(ms), error: "error", stopped: "stopped", lost: "lost", failed: "could not run" };
    this.say(said[how], how === "done" ? "" : "error");
  }

  /** Marks an exercise as tried, which makes its solution visible. @param {boolean} passed */
  #tried(passed) {
    this.root.dataset.tried = "";
    this.page?.tried(this, passed);
  }

  /** Shows or hides the button that runs lost cells again. @param {boolean} offered */
  offerRepeat(offered) {
    this.againButton.hidden = !offered;
  }

  #restart() {
    this.runner.restart();
    this.outputs.reset();
    this.say("Python was restarted");
  }

  #repeat() {
    this.repeating = true;
    this.#busy(true);
    this.runner.repeat?.({
      progress: (k, of) => this.say(`running again ${k} of ${of}`),
      over: (problem) => {
        this.repeating = false;
        this.#busy(false);
        this.say(problem || "lost cells have run again", problem ? "error" : "");
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
