/**
 * Connects the instruments on the page with Python. Draws the document of each, made at build time, and updates it with
 * Python's answers: settings, readings and the layers' columns. While Python is busy with an instrument, only the newest
 * value of each setting is queued. Where Python is fast, one change is sent while the previous one is still computed:
 * otherwise each would wait until the page, busy drawing, has received the last answer, and would miss a frame.
 *
 * @typedef {import("./python_worker.js").Python} Python
 * @typedef {import("../bokeh/bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {import("../bokeh/bokeh_view.js").View} View
 * @typedef {Extract<import("./protocol.js").FromWorker, {type: "state"}>} StateMessage
 * @typedef {import("../bokeh/layers.js").Settings} Settings
 * @typedef {{values?: Record<string, any>, message?: Record<string, any>, preset?: {values: Record<string, string>, keep: boolean}}} Waiting
 *   A queued change: settings, an action, or a preset of the prose.
 * @typedef {{started: Promise<unknown>, notSettings: string[], differing: Record<string, string>}} Embedded  On an embed
 *   page: when Python starts; keys of the address that are no settings; the settings in it that differ from the picture's.
 */

/**
 * @typedef {{place: HTMLElement, slot: string, still: Node, drawing: Promise<View | undefined>, document?: BokehDocument,
 *   settings?: Settings, sources?: import("../bokeh/layers.js").Scenes, shown: boolean, received: StateMessage[],
 *   busy: boolean, quick: boolean, ahead: boolean, applying: boolean, sent: Record<string, any>,
 *   queue: Waiting[], moving?: import("./still_frames.js").Still, view?: View,
 *   patience?: ReturnType<typeof setTimeout>, answered?: (nothing?: undefined) => void, undrawn: boolean,
 *   stillIsTrue: boolean, overdue?: ReturnType<typeof setTimeout>, takenOver: boolean,
 *   reopened: boolean, restored: boolean}} Link  One open
 *   instrument: its element, still picture, and document with settings and sources; whether the document has replaced
 *   the still picture (shown), and messages received before that; whether an answer is pending (busy), whether the last
 *   one was fast (quick), and whether another change has been sent since (ahead); the values sent last, and the queued
 *   changes; the still frames (moving); the callback of the next answer (answered); whether its document could
 *   not be drawn; whether the still picture shows the state that Python was asked for (stillIsTrue), when it is replaced at
 *   the latest (overdue), and whether that has begun (takenOver); whether it was opened again after a restart of Python and has not answered yet, and with its settings.
 */

import { downloadJson } from "../files/download.js";
import { NeedsReload, explained } from "../files/imported.js";
import { draw, painted, prepare, putAway, show } from "../bokeh/bokeh_view.js";
import { applyState, restyle, scenesOf } from "../bokeh/layers.js";
import { keepInSight } from "./dock.js";
import { offerReload } from "./page_bar.js";
import { openStill } from "./still_frames.js";
import { pageTheme } from "./theme.js";

/** An instrument that has not answered after this time is marked, so that a reader can stop code of their own. */
const PATIENCE_MS = 2000;

/** A still picture is kept this long while Python computes what it shows; then Python's first results replace it. */
const STILL_MS = 4000;

/** Below this computing time the next change is sent before the answer has been received. */
const QUICK_MS = 10;

/** @param {Python} python @param {Embedded} [embedded] */
export function openInstruments(python, embedded) {
  if (embedded) embedded.started.then(prepare);
  else prepare();
  // Panel loads component code by this name; every browser that the lab supports can import modules itself.
  /** @type {any} */ (window).importShim ??= Object.assign((/** @type {string} */ url) => import(url), { addImportMap() {} });
  /** @type {Map<string, Link>} */
  const links = new Map();
  /** @param {HTMLElement} place @param {string} slot @param {Record<string, string>} asked settings that differ from the place's */
  const open = (place, slot, asked) => {
    const still = /** @type {HTMLElement} */ (place.querySelector(".still")).cloneNode(true);
    /** @type {Link} */
    const link = {
      place, slot, still, drawing: Promise.resolve(undefined), shown: false, received: [], busy: true, quick: false,
      ahead: false, applying: false, sent: {}, queue: [], undrawn: false,
      stillIsTrue: false, takenOver: false, reopened: false, restored: false,
    };
    links.set(slot, link);
    place.dataset.slot = slot;
    const name = String(place.dataset.instrument);
    const state = JSON.parse(place.dataset.state ?? "{}");
    python.send({ type: "open", slot: { slot, name, state, asked, embedded: embedded !== undefined } });
    link.drawing = embedded ? embedded.started.then(() => drawn(python, link)) : drawn(python, link);
    return link;
  };
  for (const element of document.querySelectorAll("[data-instrument]")) {
    const place = /** @type {HTMLElement} */ (element);
    const name = String(place.dataset.instrument);
    const asked = addressState(name, embedded?.notSettings);
    const link = open(place, name, asked);
    const differing = embedded?.differing ?? asked;
    link.moving = openStill(place, differing);
    link.stillIsTrue = !Object.keys(differing).length;
    place.addEventListener("lab:export", (event) => {
      const { kind, address } = /** @type {CustomEvent} */ (event).detail;
      python.send({ type: "export", slot: name, kind, theme: pageTheme(), address });
    });
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

  python.on("opened", ({ slot, problems }) => {
    const link = links.get(slot);
    if (!link) return;
    const notice = /** @type {HTMLElement} */ (link.place.querySelector(".notice"));
    notice.textContent = problems.join(" ");
    notice.hidden = !problems.length;
  });
  python.on("state", (message) => {
    const link = links.get(message.slot);
    if (!link) return;
    link.received.push(message);
    if (!link.shown) {
      // The still picture shows the end of long work that Python has only begun: keep it until Python is as far.
      if (link.stillIsTrue && JSON.parse(message.head).progress) link.overdue ??= setTimeout(() => takeOver(python, link), STILL_MS);
      else takeOver(python, link);
      return;
    }
    applyReceived(link);
    if (link.reopened) accept(python, link);
  });
  python.on("replaced", () => {
    for (const link of links.values()) {
      answered(link);
      clearTimeout(link.overdue);
      link.overdue = undefined;
      link.busy = true; // until the new interpreter has answered
      link.reopened = true;
      link.received = [];
      const values = { ...link.sent, ...queuedValues(link) };
      // Where the settings themselves may have crashed Python, the new interpreter starts from the page's own.
      const query = link.shown && !link.restored ? restoredQuery(link, values) : undefined;
      python.restore(link.slot, query);
      link.restored = query !== undefined;
      link.queue = [];
      link.sent = {};
      if (link.undrawn) link.drawing = drawn(python, link);
    }
  });
  python.on("exported", ({ slot, text }) => {
    links.get(slot)?.place.dispatchEvent(new CustomEvent("lab:exported", { detail: { text } }));
  });
  python.on("idle", ({ slot, ms }) => {
    const link = links.get(slot);
    if (!link) return;
    const { ahead } = link;
    answered(link);
    if (ahead) wait(link);
    link.quick = ms !== undefined && ms < QUICK_MS;
    sendWaiting(python, link);
    if (!link.busy) link.answered?.();
  });
  followPresets(python, links);
}

/**
 * Draws the document of an instrument out of sight, in the page's theme.
 * @param {Python} python @param {Link} link @returns {Promise<View | undefined>} undefined where that failed
 */
async function drawn(python, link) {
  const address = new URL(String(link.place.dataset.document), document.baseURI).href;
  link.undrawn = false;
  try {
    const view = await draw(link.place, await downloadJson(address), link.slot, (made) => restyle(made, pageTheme()));
    link.view = view;
    link.document = view.model.document;
    link.settings = view.model.data;
    link.sources = await scenesOf(view.model.document);
    link.document?.on_change((event) => changed(python, link, event), false);
    return view;
  } catch (error) {
    link.undrawn = true;
    const problem = await explained(/** @type {Error} */ (error));
    python.report(link.slot, `the picture could not be drawn: ${problem.message}`);
    if (problem instanceof NeedsReload) offerReload(`The instruments could not be drawn. ${problem.message}`);
    return undefined;
  }
}

/**
 * Called when there is an answer that can replace the still picture. Once the figures are drawn they get its data, and the reader's changes to the still picture
 * are sent to Python before the figures replace it.
 * @param {Python} python @param {Link} link
 */
async function takeOver(python, link) {
  clearTimeout(link.overdue);
  if (link.takenOver) return;
  link.takenOver = true;
  const view = await link.drawing;
  if (!view || !link.received.length || link.shown) {
    link.takenOver = false;
    return;
  }
  applyReceived(link);
  answered(link);
  link.reopened = link.restored = false;
  link.shown = true;
  await heardOf(link, view);
  await painted(view);
  show(link.place);
  python.send({ type: "drawn", slot: link.slot });
  sendWaiting(python, link);
}

/** Called when the figures show the first answer after a restart of Python. @param {Python} python @param {Link} link */
function accept(python, link) {
  answered(link);
  link.reopened = link.restored = false;
  python.send({ type: "drawn", slot: link.slot });
  sendWaiting(python, link);
  if (!link.busy) link.answered?.();
}

/** Shows Python's message, except for settings that the reader has moved since. @param {Link} link */
function applyReceived(link) {
  const { settings, sources } = link;
  const values = queuedValues(link);
  link.applying = true;
  try {
    for (const { head, arrays } of link.received.splice(0)) {
      const state = JSON.parse(head);
      for (const name of Object.keys(values)) delete state.settings[name];
      if (settings && sources) applyState(settings, sources, state, arrays);
    }
  } finally {
    link.applying = false;
  }
}

/**
 * Waits until the figures show the reader's changes to the still picture. While a slider is held it is not replaced; its
 * final value is sent to Python before the figures become visible.
 * @param {Link} link @param {View} view
 */
async function heardOf(link, view) {
  for (let sent; ; ) {
    await link.moving?.released();
    const place = link.moving?.place;
    if (place === sent) return;
    sent = place;
    link.settings?.setv(link.moving?.moved ?? {});
    await new Promise((resolve) => (link.queue.length ? (link.answered = resolve) : resolve(undefined)));
    await painted(view);
  }
}

/** The settings that an instrument shows, with those that Python has not received yet, as a query. @param {Link} link @param {Record<string, any>} values */
function restoredQuery(link, values) {
  const query = new URLSearchParams(link.settings?.query ?? "");
  for (const [name, value] of Object.entries(values)) if (name !== "playing") query.set(name, String(value));
  return query.toString();
}

/** Called when a request has been sent to Python. @param {Link} link */
function wait(link) {
  link.busy = true;
  clearTimeout(link.patience);
  link.patience = setTimeout(() => (link.place.dataset.stuck = ""), PATIENCE_MS);
}

/** Called when Python has answered, or never will. @param {Link} link */
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
  copy.dataset.document = place.dataset.document;
  copy.dataset.state = place.dataset.state;
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
 * @param {string} name @param {string[]} [others] keys that are no settings @returns {Record<string, string>}
 */
function addressState(name, others = []) {
  const alone = "embed" in document.body.dataset;
  /** @type {Record<string, string>} */
  const state = {};
  for (const [key, value] of new URLSearchParams(location.search)) {
    const [owner, setting] = key.includes(".") ? key.split(".", 2) : [name, key];
    const ours = owner === name && (alone ? !others.includes(setting) : key.includes("."));
    if (ours) state[setting] = value;
  }
  return state;
}

/**
 * Queues a change for Python, in order: settings under their names, so that a newer value replaces an older one, or an
 * action (a button, a tap; `followPresets` queues presets), behind which later changes of settings wait. The theme and events that a figure reports about itself are not sent: Python does not need them.
 * @param {Python} python @param {Link} link @param {any} event
 */
function changed(python, link, event) {
  if (link.applying) return;
  if (event.attr) {
    if (event.model !== link.settings) return;
    if (event.attr === "theme") {
      if (link.document) restyle(link.document, event.value);
      return;
    }
    const last = link.queue.at(-1);
    if (last?.values) last.values[event.attr] = event.value;
    else link.queue.push({ values: { [event.attr]: event.value } });
  } else if (event.msg_data?.data?.action) link.queue.push({ message: event.msg_data.data });
  else return;
  // After this task, so that two settings moved together are sent together.
  queueMicrotask(() => sendWaiting(python, link));
}

/** The newest queued value of each setting. @param {Link} link @returns {Record<string, any>} */
const queuedValues = (link) => Object.assign({}, ...link.queue.map(({ values }) => values));

/** Sends the first queued change. @param {Python} python @param {Link} link */
function sendWaiting(python, link) {
  const { slot, queue, busy } = link;
  if (!link.shown || !queue.length || (busy && (!link.quick || link.ahead))) return;
  const { values, message, preset } = queue[0];
  if (values) {
    queue.shift();
    link.sent = busy ? { ...link.sent, ...values } : values;
    link.ahead = busy;
    wait(link);
    python.send({ type: "set", slot, values });
  } else if (!busy) {
    queue.shift();
    link.sent = {};
    link.quick = false;
    wait(link);
    if (message) python.send({ type: "act", slot, message });
    else if (preset) python.send({ type: "preset", slot, ...preset });
  }
}

/** Links in prose that set an instrument. @param {Python} python @param {Map<string, Link>} links */
function followPresets(python, links) {
  document.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest?.("a.preset");
    if (!(link instanceof HTMLAnchorElement) || python.health === "failed") return;
    const slot = link.hash.replace("#instrument-", "");
    const instrument = links.get(slot);
    if (!instrument) return;
    event.preventDefault();
    const values = Object.fromEntries(String(link.dataset.set).split(" ").filter(Boolean).map((pair) => pair.split("=")));
    applyPreset(python, instrument, { values, keep: "keep" in link.dataset });
    keepInSight(instrument.place);
  });
}

/**
 * Queues a preset behind all that the reader has changed so far, on the still picture too.
 * @param {Python} python @param {Link} link @param {{values: Record<string, string>, keep: boolean}} preset
 */
function applyPreset(python, link, preset) {
  if (!link.shown && link.moving?.place !== undefined) {
    link.queue.push({ values: link.moving.moved });
    link.moving.place = undefined;
  }
  if (link.settings?.playing) link.settings.setv({ playing: false }); // here: the next frame would follow the preset
  link.queue.push({ preset });
  link.stillIsTrue = false; // not for long: what Python has so far may replace it
  if (!link.shown && link.received.length) takeOver(python, link);
  sendWaiting(python, link);
}
