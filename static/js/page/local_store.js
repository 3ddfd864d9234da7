/**
 * The reader's data in this browser. Where nothing can be stored, it lasts until the page is closed, and `store` says
 * why. Whatever is read may be damaged or from another version: each reader of a value checks it.
 *
 * @typedef {"" | "full" | "blocked"} Refusal  Why a value was not stored; "" if it was.
 * @typedef {"localStorage" | "sessionStorage"} Area  Of all tabs, or of this tab.
 */

/** @param {string} key @param {Area} [area] @returns {string | null} */
export function stored(key, area = "localStorage") {
  try {
    return globalThis[area].getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null deletes the entry @param {Area} [area] @returns {Refusal} */
export function store(key, value, area = "localStorage") {
  try {
    if (value === null) globalThis[area].removeItem(key);
    else globalThis[area].setItem(key, value);
    return "";
  } catch (error) {
    return /quota/i.test(String(/** @type {Error} */ (error).name)) ? "full" : "blocked";
  }
}

/** A sentence for the reader about a value that was not stored. @param {Refusal} refusal */
export const refusalWords = (refusal) =>
  refusal &&
  {
    full: "This browser’s storage for this site is full: what you change now is lost when you leave the page.",
    blocked: "This browser stores nothing for this site: what you change now is lost when you leave the page.",
  }[refusal];
