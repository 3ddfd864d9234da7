/**
 * Connects the instruments on the page with Python. Draws the document of each, made at build time, and updates it with
 * Python's answers: settings, readings and the layers' columns. `outgoing.js` has the way back.
 *
 * @typedef {import("./python_worker.js").Python} Python
 * @typedef {import("../bokeh/bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {import("../bokeh/bokeh_view.js").View} View
 * @typedef {Extract<import("./protocol.js").FromWorker, {type: "state"}>} StateMessage
 * @typedef {import("../bokeh/layers.js").Settings} Settings
 * @typedef {{values?: Record<string, any>, message?: Record<string, any>, preset?: {values: Record<string, string>, keep: boolean}}} Waiting
 *   A queued change: settings, an action, or a preset of the prose.
 * @typedef {{started: Promise<unknown>, notSettings: string[], differing: Record<string, string>,
 *   options: {lock: string[]}, showsAsked?: () => void}} Embedded  On an embed page: when Python starts; keys of the address
 *   that are no settings; the settings in it that differ from the picture's; names of settings that the reader cannot move;
 *   called when the still picture shows the state that the address asks for.
 */

/**
 * @typedef {{place: HTMLElement, slot: string, still: Node, drawing: Promise<View | undefined>, document?: BokehDocument,
 *   settings?: Settings, sources?: import("../bokeh/layers.js").Scenes, shown: boolean, received: StateMessage[],
 *   busy: boolean, quick: boolean, ahead: boolean, applying: boolean, sent: Record<string, any>,
 *   queue: Waiting[], moving?: import("./still_frames.js").Still, asking?: StillState, tell?: () => void,
 *   showing?: Promise<boolean>, view?: View,
 *   patience?: ReturnType<typeof setTimeout>, answered?: (nothing?: undefined) => void, undrawn: boolean, working: boolean,
 *   stillIsTrue: boolean, overdue?: ReturnType<typeof setTimeout>, takenOver: boolean,
 *   reopened: boolean, restored: boolean, kept?: KeptState}} Link  One open
 *   instrument: its element, the name of its place (slot), still picture, and document with settings and sources; whether the document has replaced
 *   the still picture (shown), and messages received before that; whether an answer is pending (busy), whether the last
 *   one was fast (quick), and whether another change has been sent since (ahead); the values sent last, and the queued
 *   changes; the still frames (moving); what is asked of the still picture (asking), what tells the page of it (tell),
 *   and whether a preset is shown in it (showing); the callback of the next answer (answered); whether its document could not be drawn; whether Python has only begun what
 *   it computes (working); whether the still picture shows the state that Python was asked for (stillIsTrue), when it is replaced at
 *   the latest (overdue), and whether that has begun (takenOver); whether it was opened again after a restart of Python and has not answered yet, and with its settings;
 *   the keeper of its state (kept), on a chapter.
 */

import { downloadJson } from "../files/download.js";
import { NeedsReload, explained } from "../files/imported.js";
import { draw, painted, prepare, putAway, show } from "../bokeh/bokeh_view.js";
import { applyState, fitWords, restyle, scenesOf } from "../bokeh/layers.js";
import { dockChanges, keepInSight } from "./dock.js";
import { answered, changed, queryWith, queuedValues, sendWaiting, takeValues, wait } from "./outgoing.js";
import { openingOrder } from "./opening_order.js";
import { offerReload } from "./page_bar.js";
import { nameCopy, pinBeside } from "./pinned.js";
import { addressState, KeptState, settingsIn, slotOf } from "./slot_state.js";
import { openStill } from "./still_frames.js";
import { presetValues, StillState } from "./still_state.js";
import { heard, showAsked, STILL_MS } from "./still_to_live.js";
import { pageTheme } from "./theme.js";

/** Below this computing time the next change is sent before the answer has been received. */
const QUICK_MS = 10;

/** @param {Python} python @param {Embedded} [embedded] */
export function openInstruments(python, embedded) {
  if (embedded) embedded.started.then(prepare);
  else prepare();
  /** @type {Map<string, Link>} */
  const links = new Map();
  /**
   * @param {HTMLElement} place @param {string} slot @param {Record<string, string>} asked settings that differ from the place's
   * @param {{query?: string, beside?: string}} [more] see `Slot`
   * @param {Promise<unknown>} [turn] resolves when Python may open it and its figures may be drawn; at once if absent
   */
  const open = (place, slot, asked, more = {}, turn) => {
    const still = /** @type {HTMLElement} */ (place.querySelector(".still")).cloneNode(true);
    /** @type {Link} */
    const link = {
      place, slot, still, drawing: Promise.resolve(undefined), shown: false, received: [], busy: true, quick: false,
      ahead: false, applying: false, sent: {}, queue: [], undrawn: false, working: false,
      stillIsTrue: false, takenOver: false, reopened: false, restored: false,
    };
    links.set(slot, link);
    place.dataset.slot = slot;
    const name = String(place.dataset.instrument);
    const state = JSON.parse(place.dataset.state ?? "{}");
    const locks = embedded && { locked: embedded.options.lock };
    const begin = () => {
      python.send({ type: "open", slot: { slot, name, state, asked, embedded: embedded !== undefined, ...locks, ...more } });
      return embedded ? embedded.started.then(() => drawn(python, link)) : drawn(python, link);
    };
    link.drawing = turn ? turn.then(begin) : begin();
    place.addEventListener("lab:export", (event) => {
      const { kind, address } = /** @type {CustomEvent} */ (event).detail;
      python.send({ type: "export", slot, kind, theme: pageTheme(), address });
    });
    return link;
  };
  const places = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-instrument]")]);
  const turnOf = openingOrder(places, python);
  for (const place of places) {
    const slot = slotOf(place);
    const asked = addressState(slot, embedded?.notSettings);
    const kept = embedded ? undefined : keptState(python, links, place, asked);
    const link = open(place, slot, asked, kept?.query === undefined ? {} : { query: kept.query }, turnOf(place));
    link.kept = kept;
    const differing = embedded?.differing ?? (kept?.query === undefined ? asked : settingsIn(kept.query));
    link.asking = new StillState(place, kept?.query === undefined ? asked : settingsIn(kept.query));
    link.tell = () => {
      const query = link.asking?.query;
      place.dispatchEvent(new CustomEvent("lab:state", { detail: { query, numbers: {} }, bubbles: true }));
    };
    link.moving = openStill(place, differing, () => {
      link.asking?.move(/** @type {any} */ (link.moving?.moved));
      link.tell?.();
    });
    link.tell(); // for links and codes that are copied before Python has said what holds
    link.stillIsTrue = !Object.keys(differing).length;
    if (Object.keys(asked).length && !link.moving && kept?.query === undefined) showAsked(link).then((shown) => shown && embedded?.showsAsked?.());
    place.addEventListener("lab:pin", (event) => {
      const pinned = `${slot}:pinned`;
      if (links.has(pinned)) return;
      const copy = pinBeside(place, link.still, () => {
        const { view } = /** @type {Link} */ (links.get(pinned));
        if (view) putAway(view);
        links.delete(pinned);
        python.send({ type: "close", slot: pinned });
      });
      open(copy, pinned, settingsIn(/** @type {CustomEvent} */ (event).detail.query), { beside: slot });
    });
  }
  if (!links.size) python.send({ type: "nothing_to_draw" });

  python.on("opened", ({ slot, problems }) => {
    const link = links.get(slot);
    if (!link) return;
    const notice = /** @type {HTMLElement} */ (link.place.querySelector(".notice"));
    notice.replaceChildren(...problems.flatMap((/** @type {string} */ problem) => [problem, " "]));
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
  python.on("failed", ({ where }) => {
    // Kept states, which Python would have shown soon.
    if (where === "start") for (const link of links.values()) if (link.asking && !link.stillIsTrue) showAsked(link);
  });
  python.on("replaced", () => {
    for (const link of links.values()) {
      answered(link);
      clearTimeout(link.overdue);
      link.overdue = undefined;
      link.busy = true; // until the new interpreter has answered
      link.reopened = true;
      link.received = [];
      // Where the settings themselves may have crashed Python, the new interpreter starts from the page's own.
      const suspect = link.restored;
      const values = { ...link.sent, ...(link.shown ? takeValues(link.queue) : {}) };
      const query = link.shown && !suspect ? queryWith(link.settings?.query, values) : undefined;
      python.restore(link.slot, query);
      link.restored = query !== undefined;
      if (suspect) link.queue = []; // else a preset or a button that has not been sent waits for the new interpreter
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
    link.kept?.changes();
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
    fitWords(link.sources);
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
  await heardOf(python, link, view);
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
      if (typeof state.beside === "string") nameCopy(link.place, state.beside);
      if (settings && sources) applyState(settings, sources, state, arrays);
      link.working = state.progress !== null;
      if (link.shown) dockChanges(link.place, state);
    }
  } finally {
    link.applying = false;
  }
  if (!link.busy) link.answered?.();
  link.kept?.changes();
}

/**
 * The keeper of an instrument's state. @param {Python} python @param {Map<string, Link>} links @param {HTMLElement} place
 * @param {Record<string, string>} asked by the address
 */
function keptState(python, links, place, asked) {
  const link = () => /** @type {Link} */ (links.get(slotOf(place)));
  return new KeptState(place, asked, {
    show: (values) => request(python, link(), { preset: { values, keep: false } }),
    reset: () => request(python, link(), { message: { action: "reset" } }),
    now: () => {
      const { shown, busy, sent, queue, moving, asking, kept, settings } = link();
      if (!shown) return kept?.touched || moving?.place !== undefined ? asking?.query : undefined;
      if (!kept?.touched || queue.some(({ values }) => !values) || (busy && !Object.keys(sent).length)) return undefined;
      return busy ? queryWith(settings?.query, { ...sent, ...queuedValues(link()) }) : settings?.query;
    },
  });
}

/**
 * Waits until the figures show the reader's changes to the still picture: presets that were pressed, and the main slider.
 * While a slider is held it is not replaced; its final value is sent to Python before the figures become visible.
 * @param {Python} python @param {Link} link @param {View} view
 */
async function heardOf(python, link, view) {
  const late = new Promise((resolve) => setTimeout(resolve, STILL_MS));
  if (link.showing && (await Promise.race([link.showing, late]))) {
    sendWaiting(python, link);
    await heard(link);
    await painted(view);
  }
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

/** Links in prose that set an instrument. @param {Python} python @param {Map<string, Link>} links */
function followPresets(python, links) {
  document.addEventListener("click", async (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest?.("a.preset");
    if (!(link instanceof HTMLAnchorElement)) return;
    const instrument = links.get(link.hash.replace("#instrument-", ""));
    const failed = python.health === "failed";
    if (!instrument || (failed && instrument.shown)) return; // the link goes to the instrument
    event.preventDefault();
    const shown = request(python, instrument, { preset: { values: presetValues(link), keep: "keep" in link.dataset } });
    if (failed && !(await shown)) location.hash = link.hash;
    else keepInSight(instrument.place, link);
  });
}

/**
 * Queues a preset or a button behind all that the reader has changed so far, on the still picture too.
 * @param {Python} python @param {Link} link @param {Waiting} asked
 * @returns {Promise<boolean>} whether the still picture shows it
 */
function request(python, link, asked) {
  if (!link.shown && link.moving?.place !== undefined) {
    link.queue.push({ values: link.moving.moved });
    link.moving.place = undefined;
  }
  if (link.settings?.playing) link.settings.setv({ playing: false }); // here: the next frame would follow the preset
  link.queue.push(asked);
  link.kept?.touch();
  link.stillIsTrue = false; // not for long: what Python has so far may replace it
  if (!link.place.querySelector(".still")) link.asking = undefined; // for good
  if (asked.preset) link.asking?.preset(asked.preset.values, asked.preset.keep);
  else link.asking?.reset();
  link.tell?.();
  link.showing = showAsked(link);
  if (!link.shown && link.received.length) takeOver(python, link);
  sendWaiting(python, link);
  return link.showing;
}
