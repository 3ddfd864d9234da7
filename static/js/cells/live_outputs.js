/**
 * Bokeh figures and Panel objects in the outputs of cells: drawn below the cell and synchronised with their models in
 * Python, both ways. While Python is busy with one, only the newest value of each property is queued. An output is drawn
 * when it comes near the window, one after the other, so that a hundred figures do not block the page.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("../bokeh/bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {{place: HTMLElement, worker: import("../page/python_worker.js").Connection | undefined, document?: BokehDocument, busy: boolean, applying: boolean,
 *   events: any[], patches: {changes: any, buffers: Map<string, ArrayBuffer>}[], provided: Promise<void>,
 *   view?: import("../bokeh/bokeh_view.js").View, overdue?: number}} Link  One output: its element, its Python worker, its
 *   document, events queued for Python, patches from Python that are not applied yet, and a timer for Python's answer.
 * @typedef {{current: unknown, giveUp(stuck: () => boolean): void}} Runs  Knows the running cell; stops what is no cell.
 */
import { explained } from "../files/imported.js";
import { draw, provide, putAway, show } from "../bokeh/bokeh_view.js";
import { whenNear } from "../page/when_near.js";

/** After this long without an answer, Stop is offered. */
const STUCK_MS = 1500;

/** Distance from the window at which an output is drawn. */
const NEAR = "1000px";

export class LiveOutputs {
  /** @param {Python} python the cells' own @param {Runs} runs */
  constructor(python, runs) {
    this.python = python;
    this.runs = runs;
    /** The drawing of the outputs so far. @type {Promise<void>} */ this.drawing = Promise.resolve();
    /** @type {Map<string, Link>} */ this.links = new Map();
    python.on("patch", ({ slot, patch, buffers }) => {
      const link = this.links.get(slot);
      if (!link) return;
      const changes = JSON.parse(patch);
      link.provided = Promise.all([link.provided, provide(changes)]).then(() => {
        link.patches.push({ changes, buffers });
        apply(link);
      });
      link.provided.catch(async (error) => problem(link.place, `It could not be drawn: ${(await explained(error)).message}`));
    });
    python.on("idle", ({ slot }) => {
      const link = this.links.get(slot);
      if (!link) return;
      link.busy = false;
      answered(link);
      this.#sendWaiting(slot, link);
    });
    python.on("replaced", () => {
      for (const link of this.links.values()) if (answered(link)) lost(link.place);
    });
    python.on("failed", ({ where, slot, message }) => {
      const link = where === "output" && this.links.get(String(slot));
      if (link) problem(link.place, message);
    });
  }

  /** Draws in `place`, once it is near the window, what Python sent. @param {HTMLElement} place @param {string} body see `LiveOutput.drawing` */
  open(place, body) {
    const [slot, name, docs, , roots] = JSON.parse(body);
    const { worker } = this.python;
    /** @type {Link} */
    const link = { place, worker, busy: true, applying: false, events: [], patches: [], provided: Promise.resolve() };
    this.links.set(slot, link);
    place.dataset.slot = slot;
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", name);
    const stage = document.createElement("div");
    stage.className = "stage";
    place.append(stage);
    whenNear(place, NEAR, () => {
      this.drawing = this.drawing.then(() => this.#draw(slot, link, docs, roots));
    });
  }

  /** @param {string} slot @param {Link} link @param {string} docs @param {string} roots */
  async #draw(slot, link, docs, roots) {
    if (!this.links.has(slot)) return; // replaced meanwhile
    const { place } = link;
    try {
      const [doc] = Object.values(JSON.parse(docs));
      const view = await draw(place, { doc, roots: JSON.parse(roots) }, "");
      if (!this.links.has(slot)) return putAway(view); // as above
      link.view = view;
      link.document = view.model.document;
      if (matchMedia("(pointer: coarse)").matches) letScroll(view.model.document);
      link.document?.on_change((event) => this.#changed(slot, link, event), false);
      show(place);
      apply(link);
      this.python.send({ type: "output_drawn", slot });
    } catch (error) {
      problem(place, `It could not be drawn: ${(await explained(/** @type {Error} */ (error))).message}`);
    }
  }

  /** Closes the live outputs below `root`, here and in Python. @param {HTMLElement} root */
  close(root) {
    for (const element of root.querySelectorAll("[data-slot]")) {
      const slot = String(/** @type {HTMLElement} */ (element).dataset.slot);
      const link = this.links.get(slot);
      this.links.delete(slot);
      if (link) answered(link);
      if (link?.view) putAway(link.view);
      if (link && link.worker === this.python.worker) this.python.send({ type: "output_close", slot });
    }
  }

  /** @param {string} slot @param {Link} link @param {any} event */
  #changed(slot, link, event) {
    if (link.applying) return;
    if (link.worker !== this.python.worker) return lost(link.place);
    if (ofItself(event)) return;
    // A newer value replaces an older one.
    link.events = link.events.filter((old) => !event.attr || old.model !== event.model || old.attr !== event.attr);
    link.events.push(event);
    if (!link.busy) queueMicrotask(() => this.#sendWaiting(slot, link));
  }

  /** @param {string} slot @param {Link} link */
  #sendWaiting(slot, link) {
    if (link.busy || !link.document || !link.events.length) return;
    const { events } = link;
    link.events = [];
    link.busy = true;
    this.python.send({ type: "output_patch", slot, patch: link.document.create_json_patch(events) });
    this.#expect(link);
  }

  /** Offers Stop if Python does not answer, unless it runs a cell, which has its own Stop. @param {Link} link */
  #expect(link) {
    link.overdue = window.setTimeout(() => {
      if (this.runs.current) return this.#expect(link);
      problem(link.place, "Python does not answer.", () => this.runs.giveUp(() => link.busy));
    }, STUCK_MS);
  }
}

/** Whether an event only reports a figure's size, which Python does not need. @param {any} event */
const ofItself = (event) => /^(inner|outer)_(width|height)$/.test(event.attr ?? "");

/** @param {Link} link */
function apply(link) {
  if (!link.document) return;
  link.applying = true;
  try {
    for (const { changes, buffers } of link.patches.splice(0)) if (changes.events) link.document.apply_json_patch(changes, buffers);
  } finally {
    link.applying = false;
  }
}

/** Lets a finger that moves over a figure scroll the page. @param {BokehDocument} document */
function letScroll(document) {
  for (const model of document._all_models.values()) if (model.type === "Toolbar") model.active_drag = null;
}

/** Python has answered, or will not: whether it was waited for. @param {Link} link */
function answered(link) {
  const waited = link.overdue !== undefined;
  clearTimeout(link.overdue);
  link.overdue = undefined;
  link.place.querySelector(".problem:has(button)")?.remove();
  return waited;
}

/** @param {HTMLElement} place @param {string} words @param {() => void} [stop] action of a button */
function problem(place, words, stop) {
  let line = place.querySelector(".problem");
  if (!line) {
    line = document.createElement("p");
    line.className = "problem";
    line.setAttribute("role", "alert");
    place.append(line);
  }
  line.replaceChildren(words);
  if (!stop) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Stop";
  button.addEventListener("click", stop);
  line.append(" ", button);
}

/** @param {HTMLElement} place */
function lost(place) {
  problem(place, "Python was restarted, and this output no longer reacts. Run the cell again.");
}
