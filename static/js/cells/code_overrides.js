/**
 * Shows the code of an instrument in a cell below it. The reader's version replaces the original in the live instrument,
 * which says so, until it is reset.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("./run_queue.js").Job} Job
 * @typedef {import("./run_queue.js").End} End
 * @typedef {Extract<import("../page/protocol.js").FromWorker, {type: "edited"}>} Edited
 * @typedef {{name: string, title: string, file: string, code: string, plain: boolean}} Source  A function and its
 *   original code; plain: it is the plain form of a faster one that runs.
 */
import { downloadJson } from "../files/download.js";
import { offerReload } from "../page/page_bar.js";
import { Cell } from "./cell.js";
import { RunQueue } from "./run_queue.js";

const STORE = "lab:kernel:";

/** @param {Python} python the instruments' */
export function openCodeOverrides(python) {
  const runner = new RunQueue(python, {
    ask: (job, run) => {
      const { instrument, name, code } = /** @type {OverrideCell} */ (job);
      return { type: "edit", run, instrument, name, code };
    },
    replaced: "Stopped. Python was restarted with the instrument's own code; its settings are unchanged.",
  });
  /** By instrument: its slots run the same code, which is shown below the one where it was opened last. @type {Map<string, InstrumentCode>} */
  const kernels = new Map();
  for (const element of document.querySelectorAll("[data-code]")) {
    const place = /** @type {HTMLElement} */ (element);
    place.addEventListener("lab:code", async () => {
      const name = String(place.dataset.instrument);
      try {
        if (!kernels.has(name)) kernels.set(name, new InstrumentCode(place, await sourcesOf(place), python, runner));
      } catch (error) {
        return offerReload(`The code could not be loaded. ${/** @type {Error} */ (error).message}`);
      }
      kernels.get(name)?.open(place);
    });
  }
  python.on("edited", (edited) => {
    for (const [slot, names] of Object.entries(edited.slots)) markPlace(slot, names, edited, python, runner);
    for (const kernel of kernels.values()) kernel.heard(edited);
  });
  python.on("replaced", () => {
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-edited]"))) delete place.dataset.edited;
    for (const mark of document.querySelectorAll(".instrument > .edited"))
      mark.replaceChildren("Python was restarted: the instrument runs its own code again, with the same settings.");
    for (const kernel of kernels.values()) kernel.cell?.leaves();
  });
}

/** @param {HTMLElement} place @returns {Promise<Source[]>} */
const sourcesOf = (place) => downloadJson(new URL(String(place.dataset.code), document.baseURI).href);

/** The functions of one instrument, one of them shown in a cell. */
class InstrumentCode {
  /** @param {HTMLElement} place @param {Source[]} sources @param {Python} python @param {RunQueue} runner */
  constructor(place, sources, python, runner) {
    this.place = place;
    this.sources = sources;
    this.python = python;
    this.runner = runner;
    this.chosen = 0;
    /** @type {OverrideCell | undefined} */ this.cell = undefined;
  }

  /** Shows the chosen function below an instrument, and moves the focus there. */
  async open(place = this.place) {
    const elsewhere = place !== this.place;
    this.place = place;
    const made = !this.cell;
    this.cell ??= new OverrideCell(this, this.sources[this.chosen]);
    if (made || elsewhere) (place.closest(".pair") ?? place).after(this.cell.root);
    if (made) await this.cell.edit();
    this.cell.root.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement} */ (this.cell.root.querySelector("select")).focus();
  }

  close() {
    this.cell?.stop();
    this.cell?.kept.close();
    this.cell?.root.remove();
    this.cell = undefined;
  }

  /** @param {number} chosen */
  choose(chosen) {
    this.close();
    this.chosen = chosen;
    this.open();
  }

  /** Updates the marks: where a reader's code runs now, and whether some of it has failed. @param {Edited} edited */
  heard({ slots, failed, body, line, hint }) {
    const { cell } = this;
    if (!cell) return;
    if (!Object.values(slots).some((names) => names.includes(cell.name))) cell.leaves();
    if (cell.name === failed) cell.fails({ body, line, hint });
  }
}

/** A cell with one function of an instrument. */
class OverrideCell extends Cell {
  /** @param {InstrumentCode} kernel @param {Source} source */
  constructor(kernel, source) {
    const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template.kernel-cell"));
    const root = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    const instrument = String(kernel.place.dataset.instrument);
    root.id = `kernel-${instrument}`;
    root.classList.add("kernel");
    root.dataset.cell = source.name;
    root.setAttribute("aria-label", `Code of the instrument: ${source.title}`);
    /** @type {HTMLElement} */ (root.querySelector(".code")).textContent = source.code;
    super(root, { key: `${STORE}${source.name}`, runner: kernel.runner, original: source.code });
    this.kernel = kernel;
    this.instrument = instrument;
    this.name = source.name;
    this.inside = false;
    this.#head(source);
  }

  /** Fills the header: a menu of the functions, and the source file of this one. @param {Source} source */
  #head(source) {
    this.part(".label").textContent = "Code";
    const choice = document.createElement("select");
    choice.setAttribute("aria-label", "Function of the instrument");
    for (const { title } of this.kernel.sources) choice.append(new Option(title));
    choice.selectedIndex = this.kernel.chosen;
    choice.addEventListener("change", () => this.kernel.choose(choice.selectedIndex));
    this.part(".title").replaceChildren(choice);
    const shut = document.createElement("button");
    shut.type = "button";
    shut.className = "shut";
    shut.textContent = "close";
    shut.addEventListener("click", () => this.kernel.close());
    this.part("header").append(shut);
    const about = document.createElement("p");
    about.className = "about";
    const file = document.createElement("code");
    file.textContent = source.file;
    if (source.plain) about.append("The instrument runs this formula in a faster form, with the same numbers. ");
    about.append("Run it to make the instrument above use your version. Keep its name and parameters. It can use every name in ", file);
    about.append(".");
    this.part("header").after(about);
    for (const [part, words] of [[".run", "Run"], [".stop", "Stop"]])
      this.part(part).setAttribute("aria-label", `${words} ${source.title} in the instrument`);
  }

  /** @param {End} end @override */
  ends(end) {
    super.ends(end);
    this.inside ||= end.how === "done";
    if (end.how === "done") this.say("in the instrument");
  }

  /** The instrument runs its own code again. */
  leaves() {
    if (this.inside) this.say("");
    this.inside = false;
  }

  /** Resets the text, and restores the function in the instrument. @override */
  reset() {
    super.reset();
    this.kernel.python.send({ type: "restore", instrument: this.instrument, name: this.name });
  }

  /** Shows an error that it raised later, while it ran in the instrument. @param {{body: string, line: number, hint: string}} error */
  fails({ body, line, hint }) {
    this.outputs.expect();
    this.outputs.show({ kind: "error", body });
    if (hint) this.outputs.show({ kind: "hint", body: hint });
    this.editor?.markLine(line);
    this.say("removed from the instrument", "error");
  }
}

/**
 * Marks an instrument that runs a reader's code.
 * @param {string} slot @param {string[]} names @param {Edited} edited @param {Python} python @param {RunQueue} runner
 */
function markPlace(slot, names, { failed, body }, python, runner) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector(`.instrument[data-slot="${slot}"]`));
  place?.querySelector(":scope > .edited")?.remove();
  if (place) delete place.dataset.edited;
  if (place && names.length) place.dataset.edited = names.map((name) => name.split(".").at(-1)).join(", ");
  if (!place || (!names.length && !failed)) return;
  const mark = document.createElement("p");
  mark.className = "edited";
  mark.setAttribute("role", "status");
  place.querySelector(".notice")?.after(mark);
  if (failed) {
    const last = body.trim().split("\n").at(-1);
    mark.append("Your ", named(failed), ` failed here (${last}). The instrument runs its own code again.`);
    return;
  }
  mark.append("Runs your ");
  names.forEach((name, k) => mark.append(k ? ", " : "", named(name)));
  const instrument = String(place.dataset.instrument);
  mark.append(
    " ",
    button("Undo", () => python.send({ type: "restore", instrument, name: "" })),
    stuck(() => runner.giveUp(() => "stuck" in place.dataset)),
  );
}

/** The part of the mark that shows while the instrument does not respond. @param {() => void} stop */
function stuck(stop) {
  const part = document.createElement("span");
  part.className = "stuck";
  part.append(" It does not respond. ", button("Stop", stop));
  return part;
}

/** @param {string} name */
function named(name) {
  const code = document.createElement("code");
  code.textContent = name.split(".").at(-1) ?? name;
  return code;
}

/** @param {string} text @param {() => void} act */
function button(text, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", act);
  return element;
}
