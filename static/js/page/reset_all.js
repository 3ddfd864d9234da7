/** The line that says that what the reader has changed on this page is kept, with a button that resets all of it. */
import { everyKept, followKept } from "./kept.js";

export function openResetAll() {
  const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".yours")]);
  /** What was reset last, with the text before. @type {[import("./kept.js").Kept, string][]} */
  let before = [];
  let waiting = false;
  const show = () => {
    waiting = false;
    const changed = [...everyKept].some((kept) => kept.own);
    if (changed) before = [];
    for (const line of lines) {
      line.hidden = !changed && !before.length;
      const [words, button] = /** @type {HTMLElement[]} */ ([...line.children]);
      words.textContent = changed ? "What you have changed on this page is kept in this browser." : "All is as it was at first.";
      button.textContent = changed ? "Reset all" : "Undo";
    }
  };
  const act = () => {
    const undone = before;
    before = undone.length ? [] : [...everyKept].filter((kept) => kept.own).map((kept) => [kept, kept.text]);
    for (const [kept, text] of undone) kept.put(text);
    if (!undone.length) for (const [kept] of before) kept.reset();
  };
  for (const line of lines) line.querySelector("button")?.addEventListener("click", act);
  followKept(() => {
    if (!waiting) queueMicrotask(show);
    waiting = true;
  });
  show();
}
