/**
 * Keeps a text of the reader in this browser: the code of a cell, or the settings of an instrument as a query. A text
 * that comes by link, or from another tab, never replaces the reader's own without a way back: every other text that the
 * reader has made is kept beside the present one, and offered.
 *
 * @typedef {"mine" | "tab" | "other"} Maker  Whose text it is: the reader's before a link came, that of another tab, or
 *   one that the reader has exchanged for the present one.
 * @typedef {{text: string, maker: Maker, tab: string}} Other  Another text that is kept. `tab`: which tab is still
 *   writing it, so that its next version replaces this one; "" if none is.
 * @typedef {{by: string, link: string, others: Other[]}} More  What is stored beside the text. `by`: the tab that wrote
 *   it last; `link`: the text of the link on which it was written, or "".
 * @typedef {{label: string, act: () => void}} Offer  A button for the reader.
 */
import { keyOf, store, stored } from "./local_store.js";

/** This tab, until the page is left. */
const TAB = Math.random().toString(36).slice(2);

/** All texts of this page. @type {Set<Kept>} */
export const everyKept = new Set();

/** Called after each change. @type {Set<() => void>} */
const followers = new Set();

/** Calls `follow` after each change of any text. @param {() => void} follow */
export const followKept = (follow) => void followers.add(follow);

/** Words of the button that shows another text. @type {Record<Maker, string>} */
const LABELS = { mine: "Back to mine", tab: "Show the other tab’s", other: "Show the other text" };

/** Whether the page has been reloaded, or reached by Back or Forward: then it shows what it showed before. */
export const isReturn = () =>
  ["reload", "back_forward"].includes(
    /** @type {PerformanceNavigationTiming | undefined} */ (performance.getEntriesByType("navigation")[0])?.type ?? "",
  );

export class Kept {
  /**
   * @param {string} key under which it is stored @param {string} original the text of a reader who has changed nothing
   * @param {{show?: (text: string) => void, heard?: () => void, reset?: () => void, ownTab?: boolean}} [options]
   *   show: puts a text into the page; heard: called when what is kept has changed, here or in another tab; reset: gives
   *   the original again; ownTab: each tab shows its own text after a reload
   */
  constructor(key, original, { show = () => {}, heard = () => {}, reset = () => this.put(original), ownTab = false } = {}) {
    this.key = key;
    this.original = original;
    this.show = show;
    this.reset = reset;
    this.heard = () => {
      heard();
      for (const follow of followers) follow();
    };
    this.ownTab = ownTab;
    /** What this tab has last read or written; null for the original. */
    this.known = stored(key);
    /** The present text. */
    this.text = (ownTab ? stored(key, "sessionStorage") : null) ?? this.known ?? original;
    /** Its text came by this link and is unchanged; "" if it has not. */
    this.arrived = "";
    /** The reader's text that a link has displaced, until the next change stores it among the others. */
    this.displaced = "";
    /** Why the last change was not stored. @type {import("./local_store.js").Refusal} */
    this.refused = "";
    /** What is stored beside it, as it was read or written last. */
    this.raw = stored(this.#moreKey);
    this.more = readMore(this.raw);
    everyKept.add(this);
    for (const follow of followers) follow();
  }

  get #moreKey() {
    return `${this.key}:more`;
  }

  /** Ends it: what it shows has gone from the page. */
  close() {
    everyKept.delete(this);
  }

  /** Another tab has written something. @param {string | null} key */
  hear(key) {
    if (key !== this.key && key !== this.#moreKey) return;
    this.#read();
    this.heard();
  }

  get changed() {
    return this.text !== this.original;
  }

  /** Whether it is something that the reader has made. */
  get own() {
    return this.changed && !this.arrived;
  }

  /** Whether another tab has written a text that this tab does not show. */
  get elsewhere() {
    const there = stored(this.key);
    return !this.ownTab && !this.arrived && there !== null && there !== this.known && there !== this.text;
  }

  /** The reader has changed the text. @param {string} text */
  write(text) {
    this.#read();
    const there = stored(this.key);
    const { more } = this;
    more.others = more.others.filter((other) => other.tab !== TAB);
    if (!this.ownTab && there !== null && there !== this.known) this.#keepBeside(there, "tab", more.by === TAB ? "" : more.by);
    if (this.displaced) this.#keepBeside(this.displaced, "mine");
    if (this.arrived) more.link = this.arrived;
    this.arrived = this.displaced = "";
    this.text = text;
    more.by = TAB;
    more.others = more.others.filter((other) => other.text !== text);
    this.#store();
    this.heard();
  }

  /** The page itself shows a text and keeps it: a reset, its undo, or one of the offers. @param {string} text */
  put(text) {
    this.show(text);
    this.write(text);
  }

  /**
   * A text has come by link. It is shown, and stored only when the reader changes it. Where the page `returns`, what the
   * reader has last made of the same link is shown instead. Returns whether the text is shown.
   * @param {string} text @param {boolean} returns
   */
  arrive(text, returns) {
    if (text === this.text || (returns && this.more.link === text)) return false;
    if (this.changed && this.text !== this.arrived) this.displaced = this.text;
    this.text = this.arrived = text;
    return true;
  }

  /** The other texts, as buttons. @returns {Offer[]} */
  offers() {
    /** @type {Offer[]} */
    const offers = [];
    if (this.elsewhere) offers.push({ label: "Show that text", act: () => this.#adopt() });
    const others = this.displaced ? [{ text: this.displaced, maker: /** @type {Maker} */ ("mine") }, ...this.more.others] : this.more.others;
    /** @type {Record<string, number>} */ const counts = {};
    for (const { text, maker } of others) {
      if (text === this.text) continue;
      counts[maker] = (counts[maker] ?? 0) + 1;
      const label = LABELS[maker] + (counts[maker] > 1 ? ` (${counts[maker]})` : "");
      offers.push({ label, act: () => this.#exchange(text) });
    }
    if (this.arrived && !offers.length) offers.push({ label: "Back to the chapter’s", act: () => this.#exchange(this.original) });
    if (this.more.others.length) offers.push({ label: "Keep only this", act: () => this.#forgetOthers() });
    return offers;
  }

  /** Shows another text; the present one is kept in its place, unless it is a link's and unchanged. @param {string} text */
  #exchange(text) {
    this.#read();
    for (const other of this.more.others) other.tab = "";
    if (this.changed && !this.arrived) this.#keepBeside(this.text, "other");
    if (text === this.displaced) this.displaced = "";
    this.put(text);
  }

  /** Shows what another tab has written; that tab has kept what this one had written. */
  #adopt() {
    this.#read();
    if (this.changed && this.text !== this.known) this.#keepBeside(this.text, "mine");
    this.known = stored(this.key);
    this.put(this.known ?? this.original);
  }

  #forgetOthers() {
    this.#read();
    this.displaced = "";
    this.more.others = [];
    this.#store();
    this.heard();
  }

  /** @param {string} text @param {Maker} maker @param {string} [tab] */
  #keepBeside(text, maker, tab = "") {
    const others = this.more.others.filter((other) => other.text !== text && !(tab && other.tab === tab));
    this.more.others = [{ text, maker, tab }, ...others];
  }

  /** The others first: a text may be replaced only when it is stored among them. */
  #store() {
    const { link, others } = this.more;
    const more = this.changed || link || others.length ? JSON.stringify(this.more) : null;
    const text = this.changed ? this.text : null;
    this.refused = (more === this.raw ? "" : store(this.#moreKey, more)) || store(this.key, text);
    if (this.ownTab) store(this.key, text, "sessionStorage");
    if (this.refused) return;
    this.raw = more;
    this.known = text;
  }

  /** Reads what is stored beside the text, unless this tab has read or written it already. */
  #read() {
    const raw = stored(this.#moreKey);
    if (raw === this.raw) return;
    this.raw = raw;
    this.more = readMore(raw);
  }
}

globalThis.addEventListener?.("storage", ({ key }) => {
  for (const kept of everyKept) kept.hear(key && keyOf(key));
});

// What could not be stored is lost when the page is left: the browser asks first.
globalThis.addEventListener?.("beforeunload", (event) => {
  for (const kept of everyKept) if (kept.refused && !kept.ownTab) event.preventDefault();
});

/** What was stored, or nothing where it is damaged. @param {string | null} raw @returns {More} */
export function readMore(raw) {
  let found;
  try {
    found = JSON.parse(raw ?? "{}");
  } catch {
    found = {};
  }
  const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : "");
  const others = Array.isArray(found?.others) ? found.others : [];
  return {
    by: text(found?.by),
    link: text(found?.link),
    others: others
      .filter((/** @type {any} */ other) => typeof other?.text === "string" && Object.hasOwn(LABELS, other.maker))
      .map((/** @type {any} */ { text: kept, maker, tab }) => ({ text: kept, maker, tab: text(tab) })),
  };
}
