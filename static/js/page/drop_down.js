/** A menu that opens below a button: what its entries do, what they say, and how it closes. */

/**
 * @param {HTMLDetailsElement} menu with a button `data-do` for each entry and an `output`
 * @param {Record<string, () => Promise<string>>} actions what each entry does; what it resolves to is said in the menu,
 *   which closes on nothing
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
  menu.addEventListener("toggle", () => (said.textContent = ""));
  addEventListener("click", (event) => {
    if (menu.open && !menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

/** Puts a text on the clipboard; what to say of it. @param {string} text @returns {Promise<string>} */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    return text; // no permission: show it, to be copied by hand
  }
}
