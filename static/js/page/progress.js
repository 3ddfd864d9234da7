/** The reader's progress: which questions and exercises are tried or done, stored in this browser. */
import { store, stored } from "./local_store.js";

/** @param {string} chapter @param {string} task */
const key = (chapter, task) => `lab:progress:${chapter}:${task}`;

/** Records a try; a task that is done stays done. @param {string} chapter @param {string} task @param {boolean} done or only tried */
export function noteProgress(chapter, task, done) {
  if (done || !progress(chapter, task)) store(key(chapter, task), done ? "done" : "tried");
}

/** @param {string} chapter @param {string} task @returns {"done" | "tried" | undefined} */
export const progress = (chapter, task) =>
  /** @type {const} */ (["done", "tried"]).find((state) => state === stored(key(chapter, task)));

/** Shows on the index how much of each chapter is done. */
export function showProgress() {
  for (const element of document.querySelectorAll("[data-tasks]")) {
    const line = /** @type {HTMLElement} */ (element);
    const tasks = String(line.dataset.tasks).split(" ").filter(Boolean);
    const states = tasks.map((task) => progress(String(line.dataset.of), task));
    const done = states.filter((state) => state === "done").length;
    const begun = states.some(Boolean);
    line.hidden = !begun;
    line.textContent = done === tasks.length ? "all done" : `${done} of ${tasks.length} done`;
  }
}
