/**
 * The reader's data in this browser. Where nothing can be stored, it lasts until the page is closed, and `store` says
 * why. Whatever is read may be damaged or from another version: each reader of a value checks it.
 *
 * Keys begin with `lab:`. Several labs on one host, in different folders, share the browser's storage but not their data:
 * below a folder the stored key is `lab:/folder/ …`. Only the theme and the depth of reading are common to all.
 *
 * @typedef {"" | "full" | "blocked"} Refusal  Why a value was not stored; "" if it was.
 * @typedef {"localStorage" | "sessionStorage"} Area  Of all tabs, or of this tab.
 */

/** The folder of the site on its host, from the address of its main script; "" at the host's root and in tests. */
const FOLDER = (() => {
  const script = globalThis.document?.querySelector?.("script[data-worker]")?.getAttribute("src");
  const folder = script && globalThis.location ? new URL(script.replace(/assets\/[^/]*$/, "") || ".", location.href).pathname : "/";
  return folder === "/" ? "" : folder;
})();

/** What the script in a page's head reads too. */
const COMMON = ["lab:theme", "lab:depth"];

/** The key under which a value is stored. @param {string} key */
export const storedKey = (key, folder = FOLDER) => (folder && !COMMON.includes(key) ? key.replace(/^lab:/, `lab:${folder} `) : key);

/** The opposite; "" for a key of another lab. @param {string} key */
export function keyOf(key, folder = FOLDER) {
  const beginning = `lab:${folder && `${folder} `}`;
  if (!key.startsWith(beginning)) return COMMON.includes(key) ? key : "";
  return `lab:${key.slice(beginning.length)}`;
}

/** @param {string} key @param {Area} [area] @returns {string | null} */
export function stored(key, area = "localStorage") {
  try {
    return globalThis[area].getItem(storedKey(key));
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null deletes the entry @param {Area} [area] @returns {Refusal} */
export function store(key, value, area = "localStorage") {
  try {
    if (value === null) globalThis[area].removeItem(storedKey(key));
    else globalThis[area].setItem(storedKey(key), value);
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
