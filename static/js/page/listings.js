/** Code to read: its button copies it. */
import { copied } from "./drop_down.js";

/** Enables the buttons of all listings of the page. */
export function openListings() {
  for (const element of document.querySelectorAll("[data-copy]")) {
    const button = /** @type {HTMLButtonElement} */ (element);
    const listing = /** @type {HTMLElement} */ (document.getElementById(String(button.dataset.copy)));
    const code = /** @type {HTMLElement} */ (listing.querySelector("code"));
    const output = /** @type {HTMLElement} */ (listing.querySelector("output"));
    button.disabled = false;
    button.addEventListener("click", async () => {
      const said = await copied(String(code.textContent));
      if (said === "Copied.") output.textContent = said;
      else getSelection()?.selectAllChildren(code); // no permission: it can be copied by hand
    });
  }
}
