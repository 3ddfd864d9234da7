/** Sentences about the whole page, at its top. */

/** Shows a sentence; one of the same kind is replaced, and "" removes it. @param {string} kind @param {string} words */
export function pageNotice(kind, words) {
  const before = document.querySelector(`.page-notice[data-kind="${kind}"]`);
  if (before?.textContent === words) return;
  before?.remove();
  if (!words) return;
  const notice = document.createElement("p");
  notice.className = "page-notice";
  notice.dataset.kind = kind;
  notice.setAttribute("role", "alert");
  notice.textContent = words;
  document.querySelector("main")?.prepend(notice);
}
