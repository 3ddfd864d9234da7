/** A second front panel of the same instrument beside the first, to compare two states under one seed. */
import { openMenu } from "./menu.js";

/** Entries of the menu that a copy has. */
const ENTRIES = ["link", "picture", "drawing", "data"];

/**
 * Puts a copy beside an instrument. @param {HTMLElement} place @param {Node} still @param {() => void} closed
 * @returns {HTMLElement}
 */
export function pinBeside(place, still, closed) {
  const pair = document.createElement("div");
  pair.className = "pair";
  place.replaceWith(pair);
  const copy = document.createElement("figure");
  copy.className = "instrument";
  for (const name of ["instrument", "document", "state"]) copy.dataset[name] = place.dataset[name];
  const header = /** @type {HTMLElement} */ (place.querySelector("header")).cloneNode(true);
  const notice = /** @type {HTMLElement} */ (place.querySelector(".notice")).cloneNode(true);
  const stage = document.createElement("div");
  stage.className = "stage";
  stage.append(still.cloneNode(true));
  copy.append(header, notice, stage);
  const menu = /** @type {HTMLElement} */ (copy.querySelector(".menu"));
  menu.removeAttribute("open"); // the original's is open: its entry has just been pressed
  for (const entry of /** @type {NodeListOf<HTMLElement>} */ (menu.querySelectorAll("[data-do]")))
    if (!ENTRIES.includes(String(entry.dataset.do))) entry.remove();
  const slot = String(place.dataset.slot);
  openMenu(copy, slot, `${slot}-pinned`);
  const button = document.createElement("button");
  button.className = "unpin";
  button.type = "button";
  button.textContent = "Unpin";
  menu.before(button);
  button.addEventListener("click", () => {
    pair.replaceWith(place);
    closed();
  });
  pair.append(place, copy);
  return copy;
}

/**
 * Names a copy by what differs from the instrument beside it.
 * @param {HTMLElement} copy @param {string} differences "w = 3.0 (here 1.0)"; "" where nothing differs
 */
export function nameCopy(copy, differences) {
  const label = copy.querySelector("header .label");
  if (label) label.textContent = "Pinned copy";
  const name = copy.querySelector(".instrument-title");
  if (name) name.textContent = differences || "the same as here";
}
