/** Formulas and tables that are wider than their column scroll in it: also by keys, which needs the focus. */

const WIDE = ".equation .formula, .prose table";

/** Lets the reader's keys reach what scrolls, and only that: each place is one stop more on the way through the page. */
export function openScrollable() {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const element of document.querySelectorAll(WIDE)) watch.observe(element);
}
