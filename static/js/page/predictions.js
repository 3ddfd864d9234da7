/** Predict: keeps what the reader commits to in this browser, and shows it beside the answer. */
import { refusalWords, store, stored } from "./local_store.js";

export function openPredictions() {
  for (const section of document.querySelectorAll("[data-predict]")) openPrediction(/** @type {HTMLElement} */ (section));
}

/** @param {HTMLElement} section */
function openPrediction(section) {
  const form = /** @type {HTMLFormElement} */ (section.querySelector("form"));
  const input = /** @type {HTMLInputElement} */ (section.querySelector("input"));
  const said = /** @type {HTMLOutputElement} */ (section.querySelector("output"));
  const wrote = /** @type {HTMLElement} */ (section.querySelector(".wrote"));
  const file = location.pathname.split("/").at(-1) ?? "";
  const key = `lab:predict:${file}:${section.dataset.predict}`;
  /** @type {HTMLButtonElement} */ (section.querySelector("button")).disabled = false;

  /** @param {string} text */
  const show = (text) => {
    wrote.textContent = text && `You wrote: ${text}`;
    wrote.hidden = !text;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    const refused = refusalWords(store(key, text || null));
    show(text);
    said.textContent = text && (refused || "Kept. You will see it beside the answer.");
  });
  input.value = stored(key) ?? "";
  show(input.value);
}
