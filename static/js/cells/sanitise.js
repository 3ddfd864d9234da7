/** HTML of cells without anything that acts: scripts, forms, frames, styles for the page, redirections. A separate chunk. */
import DOMPurify from "dompurify";

const OPTIONS = {
  USE_PROFILES: { html: true, svg: true, svgFilters: true },
  FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "dialog"],
};

/** @param {string} html */
export const sanitised = (html) => DOMPurify.sanitize(html, OPTIONS);
