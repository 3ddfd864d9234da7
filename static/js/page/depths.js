/**
 * The depth at which a chapter is read: the idea, with the mathematics, or with engineering and the frontier too. It is the
 * reader's choice, kept in this browser for all chapters. A deeper part that is hidden leaves a line that opens it alone;
 * a link into it, a search of the browser and a search of the site open it too. Without scripts all parts are shown.
 */
import { store } from "./local_store.js";

/** From the least to the deepest. */
const DEPTHS = ["idea", "mathematics", "engineering"];

/** Whether a part of this depth is shown to a reader of that one. @param {string} part @param {string} reader */
export const shownAt = (part, reader) => DEPTHS.indexOf(part) <= DEPTHS.indexOf(reader);

/** The next lower depth. @param {string} depth */
export const below = (depth) => DEPTHS[Math.max(0, DEPTHS.indexOf(depth) - 1)];

/** Shows the parts of the chapter down to the reader's depth; nothing on a page without deeper parts. */
export function openDepths() {
  const root = document.documentElement;
  const parts = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".part")]);
  const switches = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll(".depths input")]);
  if (!parts.length) return;
  const opened = new Set(); // parts that are shown though the reader reads less deep
  const depth = () => root.dataset.depth ?? DEPTHS[DEPTHS.length - 1];

  const show = () => {
    for (const part of parts) {
      const own = shownAt(String(part.dataset.depth), depth());
      if (own || opened.has(part)) part.hidden = false;
      else part.setAttribute("hidden", "until-found"); // the browser's own search finds it
      /** @type {HTMLElement} */ (part.querySelector("[data-always]")).hidden = own;
      for (const entry of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-part=${part.id}]`))) entry.hidden = part.hidden;
    }
    // A chapter without the reader's depth is read as deep as it goes.
    const chosen = switches.filter(({ value }) => shownAt(value, depth())).at(-1);
    if (chosen) chosen.checked = true;
  };
  /** Changes what is shown, and keeps the line that was pressed, or what has taken its place, where it was. @param {Element} line @param {() => void} change @param {Element} [after] */
  const inPlace = (line, change, after = line) => {
    const top = line.getBoundingClientRect().top;
    change();
    show();
    scrollBy(0, after.getBoundingClientRect().top - top);
  };
  const choose = (/** @type {string} */ chosen) => {
    opened.clear();
    root.dataset.depth = chosen;
    store("lab:depth", chosen);
  };
  const open = (/** @type {Element} */ part) => {
    opened.add(part);
    show();
  };
  /** Opens the part that holds the place of an address; returns that place. @param {string} hash */
  const reveal = (hash) => {
    const place = hash ? document.getElementById(decodeURIComponent(hash)) : null;
    const part = place?.closest(".part");
    if (part?.hasAttribute("hidden")) open(part);
    return part ? place : null;
  };
  // The browser has scrolled to where the place was before its part was opened.
  const goThere = () => reveal(location.hash.slice(1))?.scrollIntoView();

  for (const radio of switches) radio.addEventListener("change", () => inPlace(radio, () => choose(radio.value)));
  for (const part of parts) {
    const [want, label] = /** @type {HTMLElement[]} */ ([part.previousElementSibling, part.querySelector(".depth")]);
    const button = (/** @type {string} */ name) => /** @type {HTMLElement} */ (label.querySelector(`[data-${name}]`));
    want.querySelector("button")?.addEventListener("click", () => {
      inPlace(want, () => opened.add(part), label);
      button("less").focus({ preventScroll: true });
    });
    button("always").addEventListener("click", () => inPlace(label, () => choose(String(part.dataset.depth))));
    button("less").addEventListener("click", () => {
      const own = shownAt(String(part.dataset.depth), depth());
      inPlace(label, () => (own ? choose(below(String(part.dataset.depth))) : opened.delete(part)), want);
      want.querySelector("button")?.focus({ preventScroll: true });
    });
    part.addEventListener("beforematch", () => open(part));
  }
  document.addEventListener("click", ({ target }) => {
    const link = target instanceof Element && /** @type {HTMLAnchorElement | null} */ (target.closest("a[href^='#']"));
    if (link) reveal(link.hash.slice(1));
  });
  addEventListener("hashchange", goThere);
  show();
  goThere();
}
