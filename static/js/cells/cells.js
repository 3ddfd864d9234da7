/**
 * The cells of the page and the Python interpreter that they share. It is separate from that of the instruments, which
 * therefore respond while a cell computes, and it starts only when a cell may soon be run.
 */
import { CompletionClient } from "./completion_client.js";
import { Cell } from "./cell.js";
import { LiveOutputs } from "./live_outputs.js";
import { RunQueue } from "./run_queue.js";
import { isReturn } from "../page/kept.js";
import { pageNotice } from "../page/page_notice.js";
import { noteProgress, progress } from "../page/progress.js";
import { readShared } from "./sharing.js";
import { followTheme, pageTheme } from "../page/theme.js";
import { whenNear } from "../page/when_near.js";

/** @typedef {import("../page/python_worker.js").Python} Python */

const STORE = "lab:cell:";

/** @param {Python} python the cells' own @param {Python | undefined} instruments whose start has precedence */
export function openCells(python, instruments) {
  const chapter = /** @type {HTMLElement} */ (document.querySelector("[data-chapter]"))?.dataset.chapter ?? "";
  /** @type {Cell[]} */
  const cells = [];
  python.send({ type: "nothing_to_draw" }); // sent once it has started
  const tellTheme = () => python.send({ type: "theme", theme: pageTheme() });
  python.on("stage", ({ stage }) => stage === "live" && tellTheme()); // before any cell is run
  followTheme(tellTheme);
  const runner = new RunQueue(python, {
    ask: (job, run) => ({
      type: "run_cell", run, label: job.label, code: job.code, above: job.above?.() ?? [], checks: job.checks ?? "",
      starter: job.checks ? job.original ?? "" : "",
    }),
    replaced: "Stopped. Python was restarted; the results of earlier cells are lost.",
    offer: (offered) => {
      for (const cell of cells) cell.offerRepeat(offered);
    },
  });
  const completions = new CompletionClient(python, () => runner.current !== undefined);
  const page = {
    live: new LiveOutputs(python, runner),
    help: { completions, words: () => cells.flatMap(({ code }) => code.match(/[A-Za-z_]\w+/g) ?? []) },
    all: () => cells.filter(({ checks }) => !checks),
    above: (/** @type {Cell} */ cell) => cells.slice(0, cells.indexOf(cell)).filter(({ checks }) => !checks),
    tried: (/** @type {Cell} */ cell, /** @type {boolean} */ passed) => {
      noteProgress(chapter, cell.label, passed);
      cell.root.dispatchEvent(new CustomEvent("lab:exercise", { bubbles: true, detail: { passed } }));
    },
  };
  for (const element of document.querySelectorAll("[data-cell]")) {
    const root = /** @type {HTMLElement} */ (element);
    const cell = new Cell(root, { key: `${STORE}${chapter}:${root.dataset.cell}`, runner, page });
    cells.push(cell);
    if (progress(chapter, cell.label)) root.dataset.tried = "";
    whenNear(root, "400px", () => {
      cell.edit();
      whenSettled(instruments, () => python.wake());
    });
    root.addEventListener("focusin", () => python.wake());
  }
  addEventListener("hashchange", () => showShared(cells, false));
  showShared(cells, isReturn());
}

/**
 * Shows shared code from the page's address in its cell.
 * @param {Cell[]} cells @param {boolean} returns whether the page shows again what it showed before
 */
async function showShared(cells, returns) {
  try {
    const shared = await readShared(location.hash);
    pageNotice("link", "");
    if (!shared) return;
    const cell = cells.find(({ label }) => label === shared.label);
    if (!cell) throw new Error(`This link holds code for a cell “${shared.label}”, which this page does not have.`);
    cell.showShared(shared.code, returns);
    cell.root.scrollIntoView({ block: "start" });
  } catch (error) {
    pageNotice("link", /** @type {Error} */ (error).message);
  }
}

/**
 * Calls `act` in idle time, after the instruments are live and their memory snapshot is made or ruled out.
 * @param {Python | undefined} instruments @param {() => void} act
 */
function whenSettled(instruments, act) {
  const actWhenIdle = () => {
    if (instruments?.snapshot && instruments.health === "live") (window.requestIdleCallback ?? setTimeout)(act);
  };
  actWhenIdle();
  instruments?.on("snapshot", actWhenIdle);
  instruments?.on("stage", actWhenIdle);
}
