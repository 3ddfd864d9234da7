/**
 * Quizzes: check a number against the computed answer, any number of times; a mistake that the author expected gets its
 * own sentence. Progress is stored in this browser.
 */
import { refusalWords, store, stored } from "./local_store.js";
import { pageNotice } from "./page_notice.js";
import { noteProgress } from "./progress.js";

export function openQuizzes() {
  for (const form of document.querySelectorAll("form[data-quiz]")) openQuiz(/** @type {HTMLFormElement} */ (form));
}

/** @param {HTMLFormElement} form */
function openQuiz(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const verdict = /** @type {HTMLOutputElement} */ (form.querySelector("output"));
  const mistakes = /** @type {HTMLTemplateElement[]} */ ([...form.querySelectorAll("template")]);
  const file = location.pathname.split("/").at(-1) ?? "";
  const key = `lab:quiz:${file}:${form.dataset.quiz}`;
  /** @type {HTMLButtonElement} */ (form.querySelector("button")).disabled = false;

  const check = () => {
    const value = readNumber(input.value);
    if (value === null) {
      say("Give a number, like 0.25 or 1/4.", "");
      return undefined;
    }
    /** @param {string | undefined} number */
    const equals = (number) => Math.abs(value - Number(number)) <= Number(form.dataset.tolerance);
    const right = equals(form.dataset.answer);
    const mistake = mistakes.find((template) => equals(template.dataset.mistake));
    form.dataset.tried = "";
    say(right ? "Right." : mistake ? "Not yet. " : "Not yet. Try again, or open the hint.", String(right));
    if (!right && mistake) verdict.append(mistake.content.cloneNode(true));
    pageNotice("storage", refusalWords(store(key, input.value)));
    noteProgress(file.replace(/\.html$/, ""), `quiz-${form.dataset.quiz}`, right);
    return right;
  };
  /** @param {string} text @param {string} right */
  const say = (text, right) => {
    verdict.textContent = text;
    verdict.dataset.right = right;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const right = check();
    if (right === undefined) return;
    form.dispatchEvent(new CustomEvent("lab:quiz", { bubbles: true, detail: { answer: input.value, right } }));
  });
  const tried = stored(key);
  if (tried !== null && readNumber(tried) !== null) {
    input.value = tried;
    check();
  }
}

/** A number as people write it: 0.5, .5, 0,5, −1, 1/4, 5 %. @param {string} text @returns {number | null} */
export function readNumber(text) {
  const plain = text.trim().replaceAll("−", "-").replace(/\s*%$/, "").replace(/^(-?\d*),(\d+)$/, "$1.$2");
  const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
  const match = new RegExp(`^(${number})(?:\\s*/\\s*(${number}))?$`, "i").exec(plain);
  if (!match) return null;
  const value = Number(match[1]) / Number(match[2] ?? 1);
  return Number.isFinite(value) ? value : null;
}
