/**
 * The outputs of a cell on the page.
 *
 * @typedef {Extract<import("../page/protocol.js").FromWorker, {type: "output"}>} Output
 */
import { PrintedText } from "./printed_text.js";

/** Kinds that arrive as HTML, made by the lab's own Python, which escapes the reader's text. */
const MARKUP = new Set(["picture", "table"]);

/** Kinds that are sentences, with names in back-ticks. */
const SENTENCES = new Set(["hint", "hint_above", "hint_restart", "passed", "failed"]);

/** The buttons below some hints. @type {Record<string, string>} */
const BUTTONS = { hint_above: "Run the cells above, then this one", hint_restart: "Restart Python" };

export class Outputs {
  /**
   * @param {HTMLElement} root holds the outputs made at build time
   * @param {{live?: import("./live_outputs.js").LiveOutputs, actions?: Record<string, () => void>}} [options] draws live
   *   outputs; kind of hint → action of the button below it
   */
  constructor(root, { live, actions = {} } = {}) {
    this.root = root;
    this.live = live;
    this.actions = actions;
    /** The last block of printed text. @type {PrintedText | undefined} */ this.printed = undefined;
    this.original = root.innerHTML;
    /** Whether the next output replaces all that are shown. */
    this.fresh = false;
  }

  /** A run begins. Old outputs stay until it has something to show, so that the page does not jump. */
  expect() {
    this.fresh = true;
    this.root.classList.add("awaited");
  }

  /** Keeps the old outputs: the run was withdrawn. */
  forget() {
    this.fresh = false;
    this.root.classList.remove("awaited");
  }

  /** Marks the outputs as stale: they belong to other code than that in the editor. @param {boolean} stale */
  mark(stale) {
    this.root.classList.toggle("stale", stale);
  }

  /** @param {Pick<Output, "kind" | "body">} output */
  show({ kind, body }) {
    this.settle();
    const last = this.root.lastElementChild;
    if (MARKUP.has(kind)) this.#markup(body, kind);
    else if (kind === "live") this.live?.open(this.#add("div", kind), body);
    else if (SENTENCES.has(kind)) this.#sentence(body, kind);
    else if (kind === "text") {
      if (!last?.classList.contains("text") || !this.printed) this.printed = new PrintedText(this.#add("pre", kind));
      this.printed.write(body);
    } else this.#add("pre", kind).textContent = body;
  }

  /** @param {string} name @param {string} kind */
  #add(name, kind) {
    const block = document.createElement(name);
    block.className = `output ${kind}`;
    this.root.append(block);
    return block;
  }

  /** Shows HTML. It came from the reader's interpreter, in which any code may run. @param {string} html @param {string} kind */
  async #markup(html, kind) {
    const block = this.#add("div", kind);
    try {
      const { sanitised } = await import("./sanitise.js");
      block.innerHTML = sanitised(html);
    } catch (error) {
      block.textContent = `It could not be shown: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** Shows a hint about an error, or the result of an exercise's checks. @param {string} words @param {string} kind */
  #sentence(words, kind) {
    const block = this.#add("p", kind in BUTTONS ? "hint" : kind);
    words.split("`").forEach((part, k) => {
      if (k % 2 === 0) return block.append(part);
      const code = document.createElement("code");
      code.textContent = part;
      block.append(code);
    });
    const act = this.actions[kind];
    if (!act) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = BUTTONS[kind];
    button.addEventListener("click", act);
    block.append(" ", button);
  }

  /** Shows how much output was left out. @param {{lines: number, others: number}} left */
  leaveOut({ lines, others }) {
    this.settle();
    let note = /** @type {HTMLElement | null} */ (this.root.querySelector(".left-out"));
    if (!note) {
      note = document.createElement("p");
      note.className = "output left-out";
      this.root.append(note);
    }
    const parts = [lines && `${lines.toLocaleString("en")} lines`, others && `${others.toLocaleString("en")} pictures`];
    note.textContent = `… ${parts.filter(Boolean).join(" and ")} left out …`;
  }

  /** The run has ended, or shows its first output: removes the old outputs. */
  settle() {
    if (!this.fresh) return;
    this.forget();
    this.live?.close(this.root);
    this.printed = undefined;
    this.root.replaceChildren();
    this.mark(false);
  }

  /** Restores the outputs made at build time. */
  reset() {
    this.forget();
    this.live?.close(this.root);
    this.printed = undefined;
    this.root.innerHTML = this.original;
    this.mark(false);
  }
}
