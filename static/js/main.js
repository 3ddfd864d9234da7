/** Every page's entry: opens what stands on it. */
import { openCells } from "./cells.js";
import { openInstruments } from "./instruments.js";
import { openKernels } from "./kernel.js";
import { openMenus } from "./menu.js";
import { keepForOffline } from "./offline.js";
import { showProgress } from "./progress.js";
import { Python } from "./python.js";
import { openQuizzes } from "./quizzes.js";
import { followSections, openThemeSwitch, showStart } from "./shell.js";
import { openTakeAlong } from "./take_along.js";

openThemeSwitch();
followSections();
openQuizzes();
showProgress();
openTakeAlong();

if (document.querySelector("[data-instrument], [data-cell]")) {
  const script = /** @type {HTMLElement} */ (document.querySelector("script[data-worker]"));
  const worker = new URL(String(script.dataset.worker), document.baseURI).href;
  const python = new Python(worker, "instruments");
  const cells = new Python(worker, "cells");
  openCells(cells, document.querySelector("[data-instrument]") ? python : undefined);
  if (document.querySelector("[data-instrument]")) {
    showStart(python);
    python.start();
    openMenus();
    openInstruments(python);
    openKernels(python);
    keepForOffline(python, String(script.dataset.offline));
  }
  /** For the console, tests and benchmarks: stages with their times. */
  /** @type {any} */ (window).lab = { python, cells };
}
