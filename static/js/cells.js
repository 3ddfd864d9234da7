/**
 * The cells of the page and the Python that they share: an interpreter of their own, so that the instruments answer
 * while a cell computes, and started only when a cell may be run.
 */
import { Cell } from "./cell.js";
import { Runner } from "./runner.js";

/** @typedef {import("./python.js").Python} Python */

const STORE = "lab:cell:";

/** @param {Python} python the cells' own @param {Python | undefined} instruments whose start has precedence */
export function openCells(python, instruments) {
  const chapter = /** @type {HTMLElement} */ (document.querySelector("[data-chapter]"))?.dataset.chapter ?? "";
  /** @type {Cell[]} */
  const cells = [];
  python.send({ type: "nothing_to_draw" }); // once it has been started
  const runner = new Runner(python, {
    ask: ({ label, code }, run) => ({ type: "run_cell", run, label, code }),
    replaced: "Stopped. Python was started anew, without what earlier cells had made.",
    offer: (offered) => {
      for (const cell of cells) cell.offerRepeat(offered);
    },
  });
  for (const element of document.querySelectorAll("[data-cell]")) {
    const root = /** @type {HTMLElement} */ (element);
    const cell = new Cell(root, { key: `${STORE}${chapter}:${root.dataset.cell}`, runner });
    cells.push(cell);
    whenNear(root, () => {
      cell.edit();
      whenSettled(instruments, () => python.wake());
    });
    root.addEventListener("focusin", () => python.wake());
  }
}

/** @param {Element} element @param {() => void} act */
function whenNear(element, act) {
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      act();
    },
    { rootMargin: "400px" },
  );
  near.observe(element);
}

/**
 * Acts in idle time after the instruments are live and it is known whether a snapshot of their Python is kept.
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
