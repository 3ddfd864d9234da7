/** The page around instruments and cells: theme, table of contents, progress of Python's start. */
import { store } from "./local_store.js";
import { STAGES } from "./protocol.js";

/** @typedef {import("./python_worker.js").Python} Python */

export function openThemeSwitch() {
  const root = document.documentElement;
  document.querySelector("button.theme")?.addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    store("lab:theme", next); // where that fails the choice lasts as long as the page
  });
}

/** Marks the section being read in the table of contents, and names it on the button that opens that on a small screen. */
export function followSections() {
  /** @type {Map<string, Element>} */
  const links = new Map();
  for (const link of document.querySelectorAll(".toc a")) links.set(/** @type {HTMLAnchorElement} */ (link).hash.slice(1), link);
  const all = [...document.querySelectorAll("main h2")];
  if (!all.length || !links.size) return;
  const button = /** @type {HTMLElement} */ (document.querySelector(".toc .sections"));
  const open = (/** @type {boolean} */ yes) => button.setAttribute("aria-expanded", String(yes));
  button.addEventListener("click", () => open(button.ariaExpanded !== "true"));
  document.addEventListener("click", ({ target }) => target !== button && open(false));
  addEventListener("keydown", ({ key }) => key === "Escape" && open(false));
  const mark = () => {
    const headings = all.filter((heading) => !heading.closest("[hidden]")); // not those of deeper parts
    const current = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight * 0.35).at(-1) ?? headings[0];
    for (const [id, link] of links) {
      if (id === current.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const place = headings.indexOf(current) + 1;
    const words = `${place} of ${headings.length} · ${links.get(current.id)?.textContent}`;
    if (button.textContent !== words) button.textContent = words;
    button.style.setProperty("--read", String(place / headings.length));
  };
  // The observer also calls back once after the first layout; reading positions earlier would force a layout.
  new IntersectionObserver(mark, { rootMargin: "-34% 0px -65% 0px" }).observe(all[0]);
  addEventListener("scroll", mark, { passive: true });
}

/**
 * Shows the progress of Python's start in words and as a bar; on failure the reason, with a retry button. An instrument
 * that has failed shows that until Python is restarted, whatever happens to the others.
 * @param {Python} python
 */
export function showStart(python) {
  const bar = /** @type {HTMLElement} */ (document.querySelector(".starting") ?? document.createElement("div"));
  // Queried each time: pinned instruments are added later.
  const lines = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".instrument .live")]);
  const failed = (/** @type {HTMLElement} */ line) => line.dataset.state === "failed";
  /** @param {string} state @param {string} words @param {(line: HTMLElement) => boolean} [concerns] */
  const say = (state, words, concerns = () => true) => {
    for (const line of lines().filter(concerns)) {
      line.dataset.state = state;
      /** @type {HTMLElement} */ (line.querySelector(".words")).textContent = words;
      /** @type {HTMLElement} */ (line.querySelector(".retry")).hidden = state !== "failed";
    }
  };
  const starting = () => {
    bar.hidden = false;
    say("starting", "Starting Python");
  };
  starting();
  python.on("replaced", starting);
  python.on("stage", ({ stage }) => {
    const { words, done } = STAGES[stage];
    bar.style.setProperty("--done", String(done));
    bar.setAttribute("aria-valuenow", String(Math.round(100 * done)));
    bar.hidden = done === 1 || lines().every(failed);
    say(done === 1 ? "live" : "starting", words, (line) => !failed(line));
  });
  python.on("failed", ({ where, slot, message }) => {
    if (where === "cell") return;
    bar.hidden = true;
    const what = where === "start" ? "Python did not start" : "The instrument stopped";
    const slotOf = (/** @type {HTMLElement} */ line) => /** @type {HTMLElement} */ (line.closest(".instrument")).dataset.slot;
    say("failed", `${what}: ${message}`, (line) => !slot || slotOf(line) === slot);
  });
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.matches(".instrument .retry")) python.retry();
  });
}
