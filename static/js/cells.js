/**
 * Code cells: an editor in place of the static code, run in the page's Python, output as it comes. Edits are kept
 * in this browser until they are reset.
 *
 * @typedef {import("./python.js").Python} Python
 * @typedef {import("./editor.js").Editor} Editor
 */

const STORE = "lab:cell:";

/** @param {Python} python */
export function openCells(python) {
  /** @type {Map<number, Cell>} */
  const running = new Map();
  const chapter = /** @type {HTMLElement} */ (document.querySelector("[data-chapter]"))?.dataset.chapter ?? "";
  for (const element of document.querySelectorAll("[data-cell]"))
    new Cell(/** @type {HTMLElement} */ (element), chapter, python, running);
  python.on("output", (message) => running.get(message.run)?.show(message));
  python.on("cell_done", ({ run, ok, ms }) => {
    running.get(run)?.finished(ok, ms);
    running.delete(run);
  });
  python.on("failed", ({ where, message }) => {
    if (where === "instrument") return;
    for (const cell of running.values()) cell.broke(message);
    running.clear();
  });
}

let runs = 0;

class Cell {
  /** @param {HTMLElement} root @param {string} chapter @param {Python} python @param {Map<number, Cell>} running */
  constructor(root, chapter, python, running) {
    this.root = root;
    this.label = String(root.dataset.cell);
    this.key = `${STORE}${chapter}:${this.label}`;
    this.python = python;
    this.running = running;
    this.outputs = this.#part(".outputs");
    this.state = this.#part(".state");
    this.runButton = /** @type {HTMLButtonElement} */ (this.#part(".run"));
    this.resetButton = this.#part(".reset");
    this.original = this.#part(".code").textContent ?? "";
    this.originalOutputs = this.outputs.innerHTML;
    this.code = stored(this.key) ?? this.original;
    /** @type {Editor | undefined} */ this.editor = undefined;
    this.runButton.disabled = false;
    this.runButton.addEventListener("click", () => this.run());
    this.resetButton.addEventListener("click", () => this.reset());
    this.#markEdited();
    const near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        this.#edit();
      },
      { rootMargin: "400px" },
    );
    near.observe(root);
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }

  async #edit() {
    const { openEditor } = await import("./editor.js");
    this.editor = openEditor(this.#part(".editor"), {
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
      this.outputs.classList.toggle("stale", edited);
    }
  }

  run() {
    if ([...this.running.values()].includes(this)) return;
    if (this.python.health === "failed") return this.#say("Python is not running", "error");
    runs += 1;
    this.running.set(runs, this);
    this.fresh = true;
    this.editor?.markLine(0);
    this.#say(this.python.health === "live" ? "running" : "waiting for Python");
    this.runButton.disabled = true;
    this.python.send({ type: "run_cell", run: runs, label: this.label, code: this.code });
  }

  reset() {
    this.editor?.setCode(this.original);
    this.code = this.original;
    store(this.key, null);
    this.outputs.innerHTML = this.originalOutputs;
    this.editor?.markLine(0);
    this.#say("");
    this.#markEdited();
  }

  /** @param {{kind: string, body: string, line: number}} output */
  show({ kind, body, line }) {
    this.#clearOld();
    if (kind === "picture") {
      const holder = document.createElement("div");
      holder.className = "output picture";
      holder.innerHTML = body; // made by our own figure_svg, which escapes what comes from the reader
      this.outputs.append(holder);
      return;
    }
    const last = this.outputs.lastElementChild;
    if (kind === "text" && last?.classList.contains("text")) last.append(body);
    else {
      const block = document.createElement("pre");
      block.className = `output ${kind}`;
      block.textContent = body;
      this.outputs.append(block);
    }
    if (kind === "error") this.editor?.markLine(line);
  }

  /** @param {boolean} ok @param {number} ms */
  finished(ok, ms) {
    this.#clearOld();
    this.runButton.disabled = false;
    const time = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
    this.#say(ok ? time : "stopped by an error", ok ? "" : "error");
  }

  /** @param {string} message */
  broke(message) {
    this.runButton.disabled = false;
    this.show({ kind: "error", body: message, line: 0 });
    this.#say("could not run", "error");
  }

  /** The old output stays until the new one begins, so that the page does not jump. */
  #clearOld() {
    if (!this.fresh) return;
    this.fresh = false;
    this.outputs.replaceChildren();
    this.outputs.classList.remove("stale");
  }

  /** @param {string} text @param {string} [kind] */
  #say(text, kind = "") {
    this.state.textContent = text;
    this.state.dataset.kind = kind;
  }
}

/** @param {string} key @returns {string | null} */
function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is blocked: edits last as long as the page
  }
}

/** @param {string} key @param {string | null} value */
function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // as above
  }
}
