/** Parts of the page's script that are loaded when they are needed. */
import { NotDownloaded, download } from "./download.js";

/** What browsers say when a script could not be loaded. */
const NOT_LOADED = /import|module/i;

/**
 * Loads a part of the page's script; the second time past the browser's cache. An error is a sentence for the reader.
 * @template T
 * @param {() => Promise<T>} load
 */
export async function imported(load) {
  try {
    return await load();
  } catch (error) {
    const problem = await explained(/** @type {Error} */ (error));
    try {
      return await load();
    } catch {
      throw problem;
    }
  }
}

/** A part of the page's script could not be loaded. Browsers may not try again before the page is loaded again. */
export class NeedsReload extends NotDownloaded {}

/** The error, in words for the reader if it is about a script that could not be loaded. @param {Error} error */
export async function explained(error) {
  if (!(error instanceof TypeError || error instanceof SyntaxError) || !NOT_LOADED.test(error.message)) return error;
  const [address] = /https?:\S+\.js/.exec(error.message) ?? [];
  let words = "A part of this page’s script came cut off or damaged; reload the page.";
  try {
    if (address) await download(address, { cache: "reload" });
  } catch (reason) {
    words = /** @type {Error} */ (reason).message;
  }
  return new NeedsReload((await replaced()) ? "There is a newer version of this page; reload it." : words);
}

/** Whether the host has another version of this page by now. */
export async function replaced() {
  const script = document.querySelector("script[data-worker]")?.getAttribute("src")?.split("/").at(-1);
  const page = await fetch(location.href.replace(/#.*/, ""), { cache: "no-cache" }).then((answer) => answer.text(), () => "");
  return script !== undefined && /data-worker=/.test(page) && !page.includes(script);
}
