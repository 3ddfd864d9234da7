/**
 * What is asked of an instrument while its still picture is shown: by the address, presets, Back and Reset. The picture
 * follows where the build has stored that state; else it is pale.
 *
 * @typedef {import("./stored_states.js").Texts} Texts
 * @typedef {import("./dock_news.js").Changes} Changes
 */
import { imported } from "../files/imported.js";

export class StillState {
  /** @param {HTMLElement} place @param {Texts} [asked] settings over the place's own */
  constructor(place, asked = {}) {
    this.place = place;
    /** All settings of the place. @type {Texts} */
    this.own = JSON.parse(place.dataset.state ?? "{}");
    /** The settings asked for over them. */
    this.over = this.#settings(asked);
    /** All settings that the picture shows. */
    this.shown = this.own;
    /** How often something has been asked for. */
    this.attempts = 0;
  }

  /** All settings asked for. @returns {Texts} */
  get asked() {
    return { ...this.own, ...this.over };
  }

  /** The settings asked for over the place's, as the query of an address. */
  get query() {
    return new URLSearchParams(this.over).toString();
  }

  /** Whether settings other than `except` are to differ from the place's. @param {string} [except] */
  differs(except) {
    return Object.entries(this.over).some(([name, text]) => name !== except && text !== this.own[name]);
  }

  /** The main slider has been moved. @param {Record<string, number>} values */
  move(values) {
    for (const [name, value] of Object.entries(values)) this.over[name] = String(value);
  }

  /**
   * A preset is pressed: it sets the place's settings with `values` over them and keeps what the reader has drawn, which
   * has no control; `keep`: it keeps all other settings.
   * @param {Texts} values @param {boolean} keep
   */
  preset(values, keep) {
    const kept = Object.entries(this.over).filter(([name]) => keep || !this.#panel?.querySelector(`[data-param="${name}"]`));
    const over = Object.entries({ ...Object.fromEntries(kept), ...this.#settings(values) });
    this.over = Object.fromEntries(over.filter(([name, text]) => text !== this.own[name]));
  }

  reset() {
    this.over = {};
  }

  /**
   * Shows what is asked for.
   * @returns {Promise<Changes | undefined>} what has changed in the picture; undefined where the state is not stored, or
   *   could not be loaded, or where something else has been asked for since
   */
  async show() {
    const attempt = ++this.attempts;
    const found = await this.#stored().catch(() => undefined); // the picture stays
    const panel = this.#panel;
    if (attempt !== this.attempts || !panel) return undefined;
    if (!found) {
      pale(panel);
      return undefined;
    }
    const changes = found.showStored(panel, found.stored, this.shown);
    this.shown = found.stored.state;
    return changes;
  }

  async #stored() {
    const { states } = this.place.dataset;
    const { own, asked } = this;
    if (!states) return undefined;
    const { storedState, showStored } = await imported(() => import("./stored_states.js"));
    const stored = await storedState(states, own, asked);
    return stored && { stored, showStored };
  }

  /** The still front panel, until Python's figures have replaced it. */
  get #panel() {
    return /** @type {HTMLElement | null} */ (this.place.querySelector(".still .front-panel"));
  }

  /** Without what is no setting. @param {Texts} values @returns {Texts} */
  #settings(values) {
    return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(this.own, name)));
  }
}

/** The settings of a preset: its link has them as `t=0.5 view=reverse`. @param {HTMLElement} link @returns {Texts} */
export const presetValues = (link) =>
  Object.fromEntries(String(link.dataset.set).split(" ").filter(Boolean).map((pair) => pair.split(/=(.*)/s)));

/** Marks a picture that shows another state than the one asked for. @param {HTMLElement} panel */
export function pale(panel) {
  const figures = /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-scene]"));
  for (const figure of figures) figure.dataset.pale = "";
}
