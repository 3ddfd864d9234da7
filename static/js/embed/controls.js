/**
 * Applies the address's options to the front panels of the page: the still one, and Python's, which replaces it. A
 * control is hidden or locked by separate attributes, since the panel itself hides what its view does not need.
 *
 * @typedef {import("./options.js").Options} Options
 */
import { BUTTONS } from "./options.js";

const HOLDERS = ".slider, .choice, .menu, .text, .seed, .toggles label";

/** Selector of each button of the transport. @type {Record<string, string>} */
const BUTTON = { run: "button.run", play: "[data-play]", step: "[data-action=step]", reset: "[data-action=reset]" };

/** @param {HTMLElement} panel the element `.front-panel` @param {Options} options */
export function applyOptions(panel, { show, hide, lock, measures }) {
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (panel.querySelectorAll("[data-param]"))) {
    const name = String(input.dataset.param);
    const holder = /** @type {HTMLElement} */ (input.closest(HOLDERS) ?? input);
    holder.toggleAttribute("data-off", hide.includes(name) || (show !== undefined && !show.includes(name)));
    holder.toggleAttribute("data-locked", lock.includes(name));
    for (const part of [input, ...holder.querySelectorAll("button")]) part.disabled = lock.includes(name);
  }
  for (const pad of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll(".pad"))) {
    const names = [pad.dataset.brush, pad.dataset.ellipses, pad.dataset.x, pad.dataset.y].filter((name) => name !== undefined);
    pad.inert = names.some((name) => lock.includes(name) || hide.includes(name));
  }
  for (const name of BUTTONS)
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (panel.querySelectorAll(BUTTON[name]))) {
      button.toggleAttribute("data-off", hide.includes(name));
      button.disabled = lock.includes(name);
    }
  panel.toggleAttribute("data-no-measures", !measures);
}

/**
 * Locks the buttons that move a locked setting: play and step in a view that plays it, run where nothing else is played.
 * @param {HTMLElement} panel @param {string[]} lock @param {string} view
 */
export function lockPlaying(panel, lock, view) {
  const locked = (/** @type {{setting: string} | undefined} */ film) => film !== undefined && lock.includes(film.setting);
  for (const transport of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-plays]"))) {
    const films = JSON.parse(String(transport.dataset.plays));
    const here = locked(films[""] ?? films[view]);
    const refused = { run: Object.values(films).every(locked), play: here, step: here };
    for (const [name, refuses] of Object.entries(refused))
      for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (transport.querySelectorAll(BUTTON[name])))
        button.disabled = refuses || lock.includes(name);
  }
}

/** Locks or unlocks all that moves the picture. @param {HTMLElement} panel @param {boolean} locked */
export function lockAll(panel, locked) {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll(".rail, .pad"))) part.inert = locked;
}

/**
 * Puts a question above the instrument; resolves to what the reader has answered, and leaves it there to be read.
 * @param {HTMLElement} place the instrument's figure @param {string} question @returns {Promise<string>}
 */
export function ask(place, question) {
  const form = document.createElement("form");
  form.className = "asked";
  const label = document.createElement("label");
  label.textContent = question;
  const input = document.createElement("input");
  input.type = "text";
  input.required = true;
  input.maxLength = 400;
  input.autocomplete = "off";
  const button = document.createElement("button");
  button.textContent = "Answer";
  const then = document.createElement("p");
  then.textContent = "The controls unlock when you have answered.";
  label.append(input);
  form.append(label, button, then);
  place.querySelector(".stage")?.before(form);
  return new Promise((resolve) =>
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const answer = input.value.trim();
      if (!answer) return;
      input.disabled = true;
      button.remove();
      then.textContent = "Now try it.";
      then.setAttribute("role", "status");
      resolve(answer);
    }),
  );
}
