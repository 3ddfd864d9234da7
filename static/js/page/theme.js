/** The page's theme: the reader's choice, else the system's. */

const dark = () => matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light" | "dark"} */
export function pageTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : dark().matches ? "dark" : "light";
}

/** @param {(theme: "light" | "dark") => void} tell called after each change */
export function followTheme(tell) {
  const changed = () => tell(pageTheme());
  dark().addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}
