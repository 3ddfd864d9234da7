/** The settings that an instrument opens with beyond its place's: those of the address, or those kept from before. */
import { isReturn, Kept } from "./kept.js";
import { refusalWords } from "./local_store.js";
import { pageNotice } from "./page_notice.js";

/** A state that keeps changing is stored this long after the last change. */
const SETTLED_MS = 300;

/** The name of an instrument's place on the page. @param {HTMLElement} place */
export const slotOf = (place) => String(place.dataset.slot ?? place.dataset.instrument);

/** @param {string} query @returns {Record<string, string>} */
export const settingsIn = (query) => Object.fromEntries(new URLSearchParams(query));

/**
 * The settings that the address asks for: `?t=0.4` on a page of one instrument, `?ring.t=0.4` on a chapter.
 * @param {string} slot @param {string[]} [others] keys that are no settings @returns {Record<string, string>}
 */
export function addressState(slot, others = []) {
  const alone = "embed" in document.body.dataset;
  /** @type {Record<string, string>} */
  const state = {};
  for (const [key, value] of new URLSearchParams(location.search)) {
    const [owner, setting] = key.includes(".") ? key.split(".", 2) : [slot, key];
    const ours = owner === slot && (alone ? !others.includes(setting) : key.includes("."));
    if (ours) state[setting] = value;
  }
  return state;
}

/**
 * Keeps the state of one instrument of a chapter: the settings that differ from its place's, as a query. A link's state
 * is shown before it, and replaces it only when the reader moves something; then both are kept.
 */
export class KeptState {
  /**
   * @param {HTMLElement} place @param {Record<string, string>} asked by the address
   * @param {{show(settings: Record<string, string>): void, reset(): void, now(): string | undefined}} instrument
   *   show: sets its place's state with these settings over it; now: its present query, undefined where Python has yet
   *   to say it, or where the reader has done nothing
   */
  constructor(place, asked, { show, reset, now }) {
    this.place = place;
    this.now = now;
    /** Whether the reader has done anything: what Python says before that is not stored. */
    this.touched = false;
    this.linked = Object.keys(asked).length > 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    const chapter = /** @type {HTMLElement | null} */ (document.querySelector("[data-chapter]"))?.dataset.chapter;
    this.kept = new Kept(`lab:state:${chapter}:${slotOf(place)}`, "", {
      show: (query) => show(settingsIn(query)),
      reset: () => {
        reset();
        this.kept.write("");
      },
      heard: () => this.#notify(),
      ownTab: true,
    });
    const link = new URLSearchParams(asked).toString();
    if (link) this.kept.arrive(link, isReturn());
    if (this.kept.displaced || this.kept.more.others.length) this.#notify();
    addEventListener("pagehide", () => this.#store());
  }

  /** The state to open with, where it is not the address's or the place's. */
  get query() {
    return !this.kept.arrived && (this.kept.changed || this.linked) ? this.kept.text : undefined;
  }

  /** The reader has done something. */
  touch() {
    this.touched = true;
    this.changes();
  }

  /** The state may have changed: it is stored once it has settled. */
  changes() {
    if (!this.touched) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#store(), SETTLED_MS);
  }

  #store() {
    clearTimeout(this.timer);
    const query = this.now();
    if (query !== undefined && query !== this.kept.text) this.kept.write(query);
  }

  #notify() {
    pageNotice("storage", refusalWords(this.kept.refused));
    this.place.querySelector(".kept")?.remove();
    const came = this.kept.displaced !== "";
    if (!came && !this.kept.more.others.length) return;
    const notice = document.createElement("p");
    notice.className = "kept";
    notice.setAttribute("role", "status");
    notice.append(came ? "This state came by link. Yours is kept." : "Another state of this instrument is kept.");
    for (const { label, act } of this.kept.offers()) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", act);
      notice.append(" ", button);
    }
    this.place.querySelector("header")?.after(notice);
  }
}
