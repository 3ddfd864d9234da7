/** Entry point of every page: opens the instruments, cells and other parts that it contains. */
import { openCells } from "../cells/cells.js";
import { imported } from "../files/imported.js";
import { checkStyles } from "../files/style_sheets.js";
import { copied } from "./drop_down.js";
import { openListings } from "./listings.js";
import { openInstruments } from "./instruments.js";
import { openCodeOverrides } from "../cells/code_overrides.js";
import { openDepths } from "./depths.js";
import { openMenus } from "./menu.js";
import { stored } from "./local_store.js";
import { keepForOffline } from "./offline.js";
import { offerReload } from "./page_bar.js";
import { progress, showProgress } from "./progress.js";
import { Python } from "./python_worker.js";
import { openPredictions } from "./predictions.js";
import { openQuizzes } from "./quizzes.js";
import { openResetAll } from "./reset_all.js";
import { openScrollable } from "./scrollable.js";
import { openSearchButton } from "./search_button.js";
import { followSections, openThemeSwitch, showStart } from "./page_chrome.js";
import { openDownload } from "./download_chapter.js";

const root = document.documentElement;
if (root.dataset.cannot === "script") delete root.dataset.cannot; // it was only late
root.classList.add("js"); // where the script in the page's head may not run
document.addEventListener("lab:damaged", (event) => offerReload(/** @type {CustomEvent} */ (event).detail));
checkStyles();
openThemeSwitch();
openDepths();
followSections();
openPredictions();
openListings();
openScrollable();
openQuizzes();
showProgress();
openDownload();
openResetAll();

const script = /** @type {HTMLElement} */ (document.querySelector("script[data-worker]"));
openReceipts();
openSearchButton((documents, site) => loaded(async () => (await import("../search/dialog.js")).openSearch(documents, site)));
const frame = "embed" in document.body.dataset ? new (await import("../embed/frame.js")).Frame() : undefined;

if (document.querySelector("[data-instrument], [data-cell]")) {
  const worker = new URL(String(script.dataset.worker), document.baseURI).href;
  const python = new Python(worker, "instruments");
  const cells = new Python(worker, "cells");
  openCells(cells, document.querySelector("[data-instrument]") ? python : undefined);
  if (document.querySelector("[data-instrument]")) {
    showStart(python);
    if (frame) frame.connect(python);
    else python.start();
    openMenus();
    openInstruments(python, frame);
    openCodeOverrides(python);
    keepForOffline(python, String(script.dataset.offline));
    document.addEventListener("lab:embed", async (event) => {
      try {
        const { openDialog } = await imported(() => import("../embed/dialog.js"));
        openDialog(/** @type {HTMLElement} */ (event.target), /** @type {CustomEvent} */ (event).detail, copied);
      } catch (error) {
        offerReload(`The dialog could not be loaded. ${/** @type {Error} */ (error).message}`);
      }
    });
  }
  /** For the console, tests and benchmarks: stages with their times. */
  /** @type {any} */ (window).lab = { python, cells, frame };
}
if (document.querySelector("[data-paste]")) loaded(async () => (await import("../embed/copy_codes.js")).openCodes(copied));
root.dataset.open = ""; // for the script in the page's head

/** Receipts: their dialog, and the page that reads them, are loaded when they are asked for. */
function openReceipts() {
  const { version = "", reader = "" } = script.dataset;
  const page = { stored, progress, copied, lab: version, reader: new URL(reader, document.baseURI).href };
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("button[data-receipt]"));
  button?.removeAttribute("disabled");
  button?.addEventListener("click", () => loaded(async () => (await import("../receipts/dialog.js")).openPageReceipt(page, button)));
  document.addEventListener("lab:receipt", (event) => {
    const { target, detail } = /** @type {CustomEvent} */ (event);
    loaded(async () => (await import("../receipts/dialog.js")).openStateReceipt(page, /** @type {HTMLElement} */ (target), detail.query));
  });
  if (document.querySelector("[data-receipts]")) loaded(async () => (await import("../receipts/reader.js")).openReader());
}

/** Does what a lazily loaded part of the page is for; says so where it cannot be loaded. @param {() => Promise<void>} use */
async function loaded(use) {
  try {
    await imported(use);
  } catch (error) {
    offerReload(`A part of the page could not be loaded. ${/** @type {Error} */ (error).message}`);
  }
}
