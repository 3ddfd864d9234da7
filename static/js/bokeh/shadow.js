/** The first element that matches, in shadow roots too. @param {ParentNode} root @param {string} selector @returns {HTMLElement | null} */
export function within(root, selector) {
  const direct = root.querySelector(selector);
  if (direct) return /** @type {HTMLElement} */ (direct);
  for (const element of root.querySelectorAll("*")) {
    const inside = element.shadowRoot && within(element.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}
