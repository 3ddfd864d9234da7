/**
 * Collects what a receipt says from the page: questions and exercises that were tried, or an instrument's state.
 *
 * @typedef {import("./code.js").Receipt} Receipt
 * @typedef {{stored: (key: string) => string | null, progress: (chapter: string, task: string) => string | null | undefined}} Memory
 * @typedef {{lab: string, now: number, nonce: number}} Made  now: milliseconds since 1970; nonce: 16 random bits
 * @typedef {{name: string, title: string, tried: boolean, done: boolean, answer: string}} Tried  A question or exercise.
 */
import { EPOCH, markOf } from "./code.js";

/** All questions and exercises of the page, in order, with what the reader has done. @param {ParentNode} root @param {Memory} memory @returns {Tried[]} */
export function tasksOf(root, memory) {
  const file = location.pathname.split("/").at(-1) ?? "";
  const chapter = chapterOf(root);
  const elements = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("form[data-quiz], .exercise[data-cell]")]);
  return elements.map((element) => (element.dataset.quiz ? question(element, file, memory) : exercise(element, chapter, memory)));
}

/** @param {ParentNode} root */
const chapterOf = (root) => /** @type {HTMLElement | null} */ (root.querySelector("[data-chapter]"))?.dataset.chapter ?? "";

/** @param {HTMLElement} form @param {string} file @param {Memory} memory @returns {Tried} */
function question(form, file, { stored, progress }) {
  const label = String(form.dataset.quiz);
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const { right } = /** @type {HTMLElement} */ (form.querySelector("output")).dataset; // of the last answer
  const done = right === "true" || progress(file.replace(/\.html$/, ""), `quiz-${label}`) === "done";
  // A task that is done stays done: a later answer that is wrong is not shown as the right one.
  const answer = right === "true" || !done ? (stored(`lab:quiz:${file}:${label}`) ?? input.value) : "";
  const tried = Boolean(right);
  return { name: `quiz-${label}`, title: labelOf(form), tried: tried || done, done, answer: tried ? answer.trim() : "" };
}

/** @param {HTMLElement} cell @param {string} chapter @param {Memory} memory @returns {Tried} */
function exercise(cell, chapter, { progress }) {
  const name = String(cell.dataset.cell);
  const state = progress(chapter, name);
  const done = state === "done" || cell.querySelector(".output.passed") !== null;
  return { name, title: labelOf(cell), tried: done || Boolean(state) || cell.querySelector(".output.failed") !== null, done, answer: "" };
}

/** @param {HTMLElement} element */
const labelOf = (element) =>
  [".label", ".title"].map((part) => element.querySelector(part)?.textContent?.trim()).filter(Boolean).join(": ");

/** The receipt of a page's questions and exercises. @param {ParentNode} root @param {Tried[]} tasks @param {Made} made @returns {Receipt} */
export function receiptOfTasks(root, tasks, made) {
  const kind = root.querySelector("[data-embed] [data-chapter]") ? "part" : "chapter";
  const tried = tasks.filter((task) => task.tried).map(({ name, done, answer }) => ({ mark: markOf(name), done, answer }));
  return { kind, ...head(made), page: chapterOf(root), total: tasks.length, tasks: tried };
}

/** The receipt of an instrument. @param {HTMLElement} place its figure @param {string} query @param {Made} made @returns {Receipt} */
export function receiptOfInstrument(place, query, made) {
  const asked = /** @type {HTMLInputElement | null} */ (place.querySelector(".asked input:disabled"));
  const { instrument = "", slot = instrument, edited = "" } = place.dataset;
  return {
    kind: "instrument", ...head(made), page: "embed" in document.body.dataset ? "" : chapterOf(document),
    name: slot, query, edited, answer: asked?.value.trim() ?? "",
  };
}

/** @param {Made} made */
const head = ({ lab, now, nonce }) => ({ lab, made: Math.floor((now - EPOCH) / 60_000), nonce });
