/**
 * Instruments on the page: draws the document that Python sends for each and keeps both ends in step. While Python
 * is busy with an instrument the newest value of each property waits and all older ones are dropped. Where Python is
 * quick, one change may be on its way while another is computed: else each would wait until the page, which is drawing,
 * has heard of the answer before, and miss a frame.
 *
 * @typedef {import("./python_worker.js").Python} Python
 * @typedef {import("../bokeh/bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {{query: string, setv(values: Record<string, any>): void}} Settings  The Bokeh model that holds an
 *   instrument's Params.
 */

/**
 * @typedef {{place: HTMLElement, still: Node, document?: BokehDocument, settings?: Settings, busy: boolean,
 *   quick: boolean, ahead: boolean, applying: boolean, sent: Record<string, any>, values: Record<string, any>, events: any[],
 *   moving?: import("./still_frames.js").Still, view?: import("../bokeh/bokeh_view.js").View, patience?: ReturnType<typeof setTimeout>,
 *   answered?: (nothing?: undefined) => void,
 *   lost?: {query: string, values: Record<string, any>, tried: boolean}}} Link  One open instrument: where it stands,
 *   its still picture, its document and Params; whether Python owes an answer, whether it is one to values that took
 *   it little time before, and whether others have been sent since; what it has been told last and what waits; what moves
 *   before Python is there; who waits for the next answer; and what it showed in a Python that has been replaced.
 */

import { draw, painted, prepare, putAway, show } from "../bokeh/bokeh_view.js";
import { openStill } from "./still_frames.js";
import { pageTheme } from "./theme.js";

/** An instrument that has not answered by then is marked, so that its code can be stopped if it is the reader's. */
const PATIENCE_MS = 2000;

/** What Python has done in less is a change that another may follow before its answer is heard. */
const QUICK_MS = 10;

/** @param {Python} python */
export function openInstruments(python) {
  prepare();
  // Panel loads component code by this name; every browser that the lab supports can import modules itself.
  /** @type {any} */ (window).importShim ??= Object.assign((/** @type {string} */ url) => import(url), { addImportMap() {} });
  /** @type {Map<string, Link>} */
  const links = new Map();
  /** @param {HTMLElement} place @param {string} slot @param {Record<string, string>} state */
  const open = (place, slot, state) => {
    const still = /** @type {HTMLElement} */ (place.querySelector(".still")).cloneNode(true);
    /** @type {Link} */
    const link = { place, still, busy: false, quick: false, ahead: false, applying: false, sent: {}, values: {}, events: [] };
    links.set(slot, link);
    place.dataset.slot = slot;
    const name = String(place.dataset.instrument);
    python.send({ type: "open", slot: { slot, name, state, theme: pageTheme() } });
    return link;
  };
  for (const element of document.querySelectorAll("[data-instrument]")) {
    const place = /** @type {HTMLElement} */ (element);
    const name = String(place.dataset.instrument);
    const asked = addressState(name);
    const link = open(place, name, { ...JSON.parse(place.dataset.state ?? "{}"), ...asked });
    link.moving = openStill(place, asked);
    place.addEventListener("lab:export", () => python.send({ type: "export", slot: name }));
    place.addEventListener("lab:pin", (event) => {
      const slot = `${name}-pinned`;
      if (links.has(slot)) return;
      const copy = pinBeside(place, /** @type {Link} */ (links.get(name)).still, () => {
        const { view } = /** @type {Link} */ (links.get(slot));
        if (view) putAway(view);
        links.delete(slot);
        python.send({ type: "close", slot });
      });
      open(copy, slot, Object.fromEntries(new URLSearchParams(/** @type {CustomEvent} */ (event).detail.query)));
    });
  }
  if (!links.size) python.send({ type: "nothing_to_draw" });

  python.on("document", async ({ slot, docs, roots, problems }) => {
    const link = links.get(slot);
    if (!link) return;
    const { worker } = python;
    const notice = /** @type {HTMLElement} */ (link.place.querySelector(".notice"));
    notice.textContent = problems.join(" ");
    notice.hidden = !problems.length;
    let view;
    try {
      view = await draw(link.place, JSON.parse(docs), JSON.parse(roots));
    } catch (error) {
      python.report(slot, `the picture could not be drawn: ${/** @type {Error} */ (error).message}`);
      return;
    }
    if (python.worker !== worker) return; // another has started since, and sends a document of its own
    const before = link.view;
    link.view = view;
    link.document = view.model.document;
    link.settings = view.model.data;
    if (link.lost) Object.assign(link.lost.values, link.values); // what the reader has moved meanwhile
    link.values = {};
    link.events = [];
    link.document?.on_change((event) => changed(python, slot, link, event), false);
    wait(link);
    python.send({ type: "drawn", slot });
    if (link.lost) await resumed(python, slot, link, view);
    else await heardOf(link, view);
    if (python.worker !== worker) return;
    link.lost = undefined;
    show(link.place);
    if (before) putAway(before);
  });
  python.on("replaced", () => {
    for (const link of links.values()) {
      answered(link);
      link.busy = true; // until the new Python has drawn it
      link.moving = undefined;
      if (!link.settings || link.lost?.tried) link.lost = undefined; // nothing to bring back, or it is what ends Python
      else {
        const values = { ...link.lost?.values, ...link.sent, ...link.values };
        link.lost = { query: link.lost?.query ?? link.settings.query, values, tried: false };
      }
      link.values = {};
      link.sent = {};
    }
  });
  python.on("patch", ({ slot, values, patch, buffers }) => {
    const link = links.get(slot);
    if (!link) return;
    link.applying = true;
    try {
      link.settings?.setv(JSON.parse(values));
      const changes = JSON.parse(patch);
      if (changes.events) link.document?.apply_json_patch(changes, buffers);
    } finally {
      link.applying = false;
    }
  });
  python.on("exported", ({ slot, csv }) => {
    links.get(slot)?.place.dispatchEvent(new CustomEvent("lab:exported", { detail: { csv } }));
  });
  python.on("idle", ({ slot, ms }) => {
    const link = links.get(slot);
    if (!link) return;
    const { ahead } = link;
    answered(link);
    if (ahead) wait(link);
    link.quick = ms !== undefined && ms < QUICK_MS;
    sendWaiting(python, slot, link);
    if (!link.busy) link.answered?.();
  });
  followPresets(python, links);
}

/**
 * Waits until Python's picture shows what the reader has done with the still one: a slider that is held is not taken
 * out of the hand, and where it was left is told to Python before its picture comes into sight.
 * @param {Link} link @param {import("../bokeh/bokeh_view.js").View} view
 */
async function heardOf(link, view) {
  for (let told; ; ) {
    await link.moving?.released();
    const place = link.moving?.place;
    if (place === told) return;
    told = place;
    link.settings?.setv(link.moving?.moved ?? {});
    await new Promise((resolve) => (link.answered = resolve));
    await painted(view);
  }
}

/**
 * Brings an instrument to where it was in a Python that this one has replaced, and tells what that one had not taken in.
 * @param {Python} python @param {string} slot @param {Link} link @param {import("../bokeh/bokeh_view.js").View} view
 */
async function resumed(python, slot, link, view) {
  const { lost } = link;
  const answer = () => new Promise((resolve) => (link.answered = resolve));
  await answer();
  if (!lost || link.lost !== lost) return;
  lost.tried = true;
  wait(link);
  python.send({ type: "resume", slot, query: lost.query });
  await answer();
  link.settings?.setv(lost.values);
  if (Object.keys(link.values).length) await answer();
  await painted(view);
}

/** Python has been asked something. @param {Link} link */
function wait(link) {
  link.busy = true;
  clearTimeout(link.patience);
  link.patience = setTimeout(() => (link.place.dataset.stuck = ""), PATIENCE_MS);
}

/** It has answered, or never will. @param {Link} link */
function answered(link) {
  link.busy = false;
  link.ahead = false;
  link.quick = false;
  clearTimeout(link.patience);
  delete link.place.dataset.stuck;
}

/**
 * A second front panel of the same instrument beside the first, to compare two settings under one seed.
 * @param {HTMLElement} place @param {Node} still @param {() => void} closed
 * @returns {HTMLElement}
 */
function pinBeside(place, still, closed) {
  const pair = document.createElement("div");
  pair.className = "pair";
  place.replaceWith(pair);
  const copy = document.createElement("figure");
  copy.className = "instrument";
  copy.dataset.instrument = place.dataset.instrument;
  const header = /** @type {HTMLElement} */ (place.querySelector("header")).cloneNode(true);
  const notice = /** @type {HTMLElement} */ (place.querySelector(".notice")).cloneNode(true);
  const stage = document.createElement("div");
  stage.className = "stage";
  stage.append(still.cloneNode(true));
  copy.append(header, notice, stage);
  const button = document.createElement("button");
  button.className = "unpin";
  button.type = "button";
  button.textContent = "Unpin";
  /** @type {HTMLElement} */ (copy.querySelector(".menu")).replaceWith(button);
  button.addEventListener("click", () => {
    pair.replaceWith(place);
    closed();
  });
  pair.append(place, copy);
  return copy;
}

/**
 * The settings that the address asks for: `?t=0.4` on a page of one instrument, `?ring.t=0.4` on a chapter.
 * @param {string} name @returns {Record<string, string>}
 */
function addressState(name) {
  const alone = "embed" in document.body.dataset;
  /** @type {Record<string, string>} */
  const state = {};
  for (const [key, value] of new URLSearchParams(location.search)) {
    const [owner, setting] = key.includes(".") ? key.split(".", 2) : [name, key];
    const ours = alone ? owner === name && setting !== "theme" : key.includes(".") && owner === name;
    if (ours) state[setting] = value;
  }
  return state;
}

/**
 * A Param that the reader has moved waits under its name, so a newer value takes its place; an event (a button, a tap
 * on the figure) waits in line. What the figure reports of itself, such as its size, is of no use to Python.
 * @param {Python} python @param {string} slot @param {Link} link @param {any} event
 */
function changed(python, slot, link, event) {
  if (link.applying) return;
  if (event.attr && event.model !== link.settings) return;
  if (event.attr) link.values[event.attr] = event.value;
  else link.events.push(event);
  // After this task, so that two Params moved together leave together.
  queueMicrotask(() => sendWaiting(python, slot, link));
}

/** Values before events: a button acts on what the reader sees. @param {Python} python @param {string} slot @param {Link} link */
function sendWaiting(python, slot, link) {
  const { values, events, busy } = link;
  if (!link.document || (busy && (!link.quick || link.ahead))) return;
  if (Object.keys(values).length) {
    link.values = {};
    link.sent = busy ? { ...link.sent, ...values } : values;
    link.ahead = busy;
    wait(link);
    python.send({ type: "set", slot, values });
  } else if (events.length && !busy) {
    link.events = [];
    link.sent = {};
    link.quick = false;
    wait(link);
    python.send({ type: "patch", slot, patch: link.document.create_json_patch(events) });
  }
}

/** Links in prose that set an instrument. @param {Python} python @param {Map<string, Link>} links */
function followPresets(python, links) {
  document.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest?.("a.preset");
    if (!(link instanceof HTMLAnchorElement) || python.health === "failed") return;
    const slot = link.hash.replace("#instrument-", "");
    const place = links.get(slot)?.place;
    if (!place) return;
    event.preventDefault();
    const values = Object.fromEntries(String(link.dataset.set).split(" ").map((pair) => pair.split("=")));
    python.send({ type: "set_state", slot, values });
    bringIntoView(place);
  });
}

/** Scrolls only when the picture is not already in sight. @param {HTMLElement} place */
function bringIntoView(place) {
  const box = /** @type {HTMLElement} */ (place.querySelector(".stage")).getBoundingClientRect();
  const visible = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  if (visible < 0.6 * Math.min(box.height, innerHeight)) place.scrollIntoView({ block: "start" });
}
