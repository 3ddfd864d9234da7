/** Every page's entry: opens what stands on it. */
import { openCells } from "./cells.js";
import { openInstruments } from "./instruments.js";
import { openMenus } from "./menu.js";
import { Python } from "./python.js";
import { openQuizzes } from "./quizzes.js";
import { followSections, openThemeSwitch, showStart } from "./shell.js";

openThemeSwitch();
followSections();
openQuizzes();

if (document.querySelector("[data-instrument], [data-cell]")) {
  const script = /** @type {HTMLElement} */ (document.querySelector("script[data-worker]"));
  const python = new Python(new URL(String(script.dataset.worker), document.baseURI).href);
  showStart(python);
  openCells(python);
  python.start();
  openMenus();
  openInstruments(python);
  /** For the console, tests and benchmarks: stages with their times. */
  /** @type {any} */ (window).lab = { python };
}
