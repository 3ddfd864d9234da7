/** A menu that opens below a button: runs its entries, shows their messages, and closes. */

/**
 * @param {HTMLDetailsElement} menu with a button `data-do` for each entry and an `output`
 * @param {Record<string, () => Promise<string>>} actions the action of each entry; the text that it resolves to is
 *   shown in the menu, which closes where the text is empty
 */
export function openDropDown(menu, actions) {
  const said = /** @type {HTMLElement} */ (menu.querySelector("output"));
  for (const element of menu.querySelectorAll("button[data-do]")) {
    const button = /** @type {HTMLButtonElement} */ (element);
    button.addEventListener("click", async () => {
      said.textContent = await actions[String(button.dataset.do)]();
      if (!said.textContent) menu.open = false;
    });
  }
  const closeOutside = (/** @type {MouseEvent} */ event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  };
  menu.addEventListener("toggle", () => {
    said.textContent = "";
    if (menu.open) addEventListener("click", closeOutside);
    else removeEventListener("click", closeOutside); // it would keep a menu that is removed
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

/** Copies a text to the clipboard; resolves to a message for the reader. @param {string} text @returns {Promise<string>} */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    return text; // no permission: show it, to be copied by hand
  }
}
