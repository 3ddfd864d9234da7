/**
 * Before Python is live, the main slider of an instrument moves its picture through frames computed at build time. The
 * slider's value is remembered until Python takes over.
 *
 * @typedef {{pictures: number[], readings: Record<string, any>, status: string, description: string}} Frame
 * @typedef {{param: string, places: number[], pictures: string[], frames: Frame[]}} Film
 */
import { downloadJson } from "../files/download.js";
import { labelPictures, showNumber, showReadings } from "./front_panel.js";
import { pale } from "./still_state.js";

const NEAR = "600px"; // an instrument's frames are fetched when it is this close below the window

/** The still picture of one instrument, and its main slider. */
export class Still {
  /**
   * @param {HTMLElement} panel the still front panel @param {string} address of its frames @param {string} param
   * @param {() => void} [moved] called when the reader has moved the slider
   */
  constructor(panel, address, param, moved = () => {}) {
    this.panel = panel;
    this.param = param;
    this.tell = moved;
    /** The slider's value; undefined until the reader has moved it. @type {number | undefined} */
    this.place = undefined;
    this.held = false;
    /** Whether the other settings are those of the frames. */
    this.fits = true;
    /** @type {Promise<Film | undefined> | undefined} */
    this.film = undefined;
    this.address = address;
    this.inputs = /** @type {HTMLInputElement[]} */ ([...panel.querySelectorAll(`.slider input[data-param="${param}"]`)]);
    for (const input of this.inputs) this.#listen(input);
    for (const mark of /** @type {NodeListOf<HTMLButtonElement>} */ (panel.querySelectorAll(`[data-goto="${param}"]`)))
      mark.addEventListener("click", () => this.#move(Number(mark.value)));
    const near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        this.load();
      },
      { rootMargin: NEAR },
    );
    near.observe(panel);
  }

  /** The settings that Python has not received yet. @returns {Record<string, number>} */
  get moved() {
    return this.place === undefined ? {} : { [this.param]: this.place };
  }

  /** The frames, fetched once; undefined if that fails, in which case the slider's value is still remembered. */
  load() {
    return (this.film ??= downloadJson(this.address).catch(() => undefined));
  }

  /** Resolves when the reader does not hold the slider. */
  async released() {
    while (this.held) await pointerEnds();
  }

  /** Shows the frame nearest to `place`. @param {number} place */
  async show(place) {
    for (const input of this.inputs) showNumber(input, place);
    if (!this.fits) return pale(this.panel);
    const film = await this.load();
    if (film && this.fits && this.panel.isConnected && (this.place ?? place) === place) project(film, place, this.panel);
  }

  /** @param {HTMLInputElement} input */
  #listen(input) {
    /** @type {HTMLElement} */ (input.closest(".slider")).dataset.ready = "";
    const hold = async () => {
      this.held = true;
      await pointerEnds();
      this.held = false;
    };
    if (input.matches(":active")) hold(); // the reader was faster than this script
    input.addEventListener("pointerdown", hold);
    input.addEventListener(input.type === "range" ? "input" : "change", () => {
      if (!Number.isFinite(input.valueAsNumber)) return;
      this.#move(Math.min(Number(input.max), Math.max(Number(input.min), input.valueAsNumber)));
    });
  }

  /** @param {number} place */
  #move(place) {
    this.place = place;
    this.show(place);
    this.tell();
  }
}

/** Resolves when a pointer is lifted, or when the browser takes it for scrolling. */
const pointerEnds = () =>
  new Promise((resolve) => {
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, resolve, { once: true, capture: true });
  });

/** @param {Film} film @param {number} place @param {HTMLElement} panel */
function project(film, place, panel) {
  const distances = film.places.map((other) => Math.abs(other - place));
  const frame = film.frames[distances.indexOf(Math.min(...distances))];
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-scene]"))) {
    element.innerHTML = film.pictures[frame.pictures[Number(element.dataset.place)]];
    delete element.dataset.pale;
  }
  showReadings(panel, frame.readings);
  const status = panel.querySelector("[data-status]");
  if (status) status.textContent = frame.status;
  labelPictures(panel, frame.description);
}

/**
 * The still picture of `place` with a working main slider; undefined where there are no frames for the settings asked for.
 * @param {HTMLElement} place @param {Record<string, string>} asked settings that the page's address asks for
 * @param {() => void} [moved] called when the reader has moved the slider
 */
export function openStill(place, asked, moved) {
  const panel = /** @type {HTMLElement | null} */ (place.querySelector(".still .front-panel"));
  const { frames, framesParam: param } = place.dataset;
  if (!panel || !frames || !param || Object.keys(asked).some((name) => name !== param)) return undefined;
  const still = new Still(panel, frames, param, moved);
  if (param in asked && Number.isFinite(Number(asked[param]))) still.show(Number(asked[param]));
  return still;
}
