/** The button in the page's head that opens the search, and its key. Embedded pages have neither. */

/** Where a typed character is text. */
const TYPED = "input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true]";

/** @param {(documents: string, root: string) => void} show opens the search in these documents of the site at `root` */
export function openSearchButton(show) {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("button.search"));
  if (!button) return;
  const address = (/** @type {string | undefined} */ path) => new URL(String(path), document.baseURI).href;
  const search = () => show(address(button.dataset.documents), address(button.dataset.root));
  button.addEventListener("click", search);
  addEventListener("keydown", (event) => {
    const [target] = event.composedPath();
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (target instanceof Element && target.closest(TYPED)?.checkVisibility()) return; // a field that has just been hidden may have the focus still
    event.preventDefault(); // Firefox has a search of its own at this key
    search();
  });
}
