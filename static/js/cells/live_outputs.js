/**
 * Bokeh figures and Panel objects in the outputs of cells: drawn below the cell and synchronised with their models in
 * Python, both ways. While Python is busy with one, only the newest value of each property is queued.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("../bokeh/bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {{place: HTMLElement, worker: Worker | undefined, document?: BokehDocument, busy: boolean, applying: boolean,
 *   events: any[], patches: {changes: any, buffers: Map<string, ArrayBuffer>}[], provided: Promise<void>,
 *   view?: import("../bokeh/bokeh_view.js").View}} Link  One output: its element, its Python worker, its document,
 *   events queued for Python, and patches from Python that are not applied yet.
 */
import { explained } from "../files/imported.js";
import { draw, provide, putAway, show } from "../bokeh/bokeh_view.js";

export class LiveOutputs {
  /** @param {Python} python the cells' own */
  constructor(python) {
    this.python = python;
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
      this.#sendWaiting(slot, link);
    });
    python.on("failed", ({ where, slot, message }) => {
      const link = where === "output" && this.links.get(String(slot));
      if (link) problem(link.place, message);
    });
  }

  /** Draws in `place` what Python sent. @param {HTMLElement} place @param {string} body see `LiveOutput.drawing` */
  async open(place, body) {
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
    try {
      const [doc] = Object.values(JSON.parse(docs));
      const view = await draw(place, { doc, roots: JSON.parse(roots) }, "");
      if (!this.links.has(slot)) return putAway(view); // replaced meanwhile
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

/** @param {HTMLElement} place @param {string} words */
function problem(place, words) {
  let line = place.querySelector(".problem");
  if (!line) {
    line = document.createElement("p");
    line.className = "problem";
    line.setAttribute("role", "alert");
    place.append(line);
  }
  line.textContent = words;
}

/** @param {HTMLElement} place */
function lost(place) {
  problem(place, "Python was restarted, and this output no longer reacts. Run the cell again.");
}
