/**
 * Checks style sheets and fonts after the browser has loaded them: their bytes are read again, from the browser's cache, and
 * compared with the digest in the name. An `integrity` attribute would keep them from pages without an origin (a file, a
 * sandbox), where they are the only thing that still works.
 *
 * A damaged style sheet is requested past the cache and takes the place of the damaged one; where that fails too, it is
 * switched off, because plain text can be read, and a sentence says why (the event `lab:damaged`). A damaged font is
 * renewed in the cache for the next page; the browser itself takes another font for what it cannot read.
 */
import { download, downloadOnce } from "./download.js";

/** Address of a folder whose files keep their names → path of each file in it → its digest. @type {Map<string, Promise<Record<string, string>>>} */
const folders = new Map();
/** Address of a file → whether its first copy was right; rejected for good. @type {Map<string, Promise<boolean>>} */
const checks = new Map();

/** The style sheets of the page, and its fonts once they have loaded. */
export function checkStyles() {
  if (!/^https?:$/.test(location.protocol) || self.origin === "null") return; // their bytes cannot be read there
  for (const link of /** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll("link[rel=stylesheet]"))) checkStyleSheet(link);
  document.fonts.ready.then(() => {
    const names = performance.getEntriesByType("resource").map(({ name }) => name);
    for (const name of new Set(names.filter((each) => each.startsWith(location.origin) && each.endsWith(".woff2")))) right(name).catch(() => {});
  });
}

/** @param {HTMLLinkElement} link @returns {Promise<void>} */
export async function checkStyleSheet(link) {
  if (link.href.includes("?")) return; // renewed
  try {
    if (!(await right(link.href))) link.href += "?again"; // the same file, which the browser has not read yet
  } catch (error) {
    link.disabled = true;
    document.dispatchEvent(new CustomEvent("lab:damaged", { detail: /** @type {Error} */ (error).message }));
  }
}

/** Whether the copy in the browser's cache is right; if not, it has been renewed. @param {string} address @returns {Promise<boolean>} */
function right(address) {
  const known = checks.get(address) ?? examine(address);
  checks.set(address, known);
  return known;
}

/** @param {string} address */
async function examine(address) {
  const folder = /^.*\/panel-[0-9a-f]+\//.exec(address)?.[0];
  const digest = folder ? (await digestsOf(folder))[address.slice(folder.length)] : undefined;
  try {
    await downloadOnce(address, { cache: "force-cache", digest });
    return true;
  } catch {
    await download(address, { cache: "reload", digest });
    return false;
  }
}

/** The digests of a folder's files; that of the list itself is in the folder's name. @param {string} folder */
function digestsOf(folder) {
  const known = folders.get(folder) ?? listOf(folder);
  folders.set(folder, known);
  return known;
}

/** @param {string} folder @returns {Promise<Record<string, string>>} */
async function listOf(folder) {
  const [, digest] = /** @type {RegExpExecArray} */ (/-([0-9a-f]+)\/$/.exec(folder));
  return JSON.parse(new TextDecoder().decode(await download(`${folder}digests.json`, { digest })));
}
