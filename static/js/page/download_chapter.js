/** The button “Page as a zip”: downloads all files of the site into one zip file, which runs from a folder offline. */

import { imported } from "../files/imported.js";

/** The folder inside the zip, so that unpacking creates one folder. */
const FOLDER = "diffusion-instrument-lab";

export function openDownload() {
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("button[data-zip]"));
  if (!button) return;
  const said = /** @type {HTMLElement} */ (button.parentElement?.querySelector("output"));
  const say = (/** @type {string} */ words) => (said.textContent = words);
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    delete said.dataset.failed;
    try {
      const name = `${FOLDER}-${button.dataset.zip}.zip`;
      const bytes = await saveSite(name, new URL(String(button.dataset.files), document.baseURI), `chapters/${button.dataset.zip}.html`, say);
      say(`Saved as ${name}, ${megabytes(bytes)}. Its README.txt says how to open it.`);
    } catch (error) {
      said.dataset.failed = "";
      say(`No zip was made: ${/** @type {Error} */ (error).message} Try again, or reload the page first.`);
    }
    button.disabled = false;
  });
}

/**
 * @param {string} name of the zip @param {URL} list where the site's files are listed
 * @param {string} page the one to open first @param {(words: string) => void} say
 * @returns {Promise<number>} the size of the zip
 */
async function saveSite(name, list, page, say) {
  say("Looking up the files");
  /** @type {string[]} */
  const paths = JSON.parse(new TextDecoder().decode(await fetched(list, "no-cache")));
  async function* files() {
    yield /** @type {const} */ ([`${FOLDER}/README.txt`, new TextEncoder().encode(readMe(page))]);
    let bytes = 0;
    for (const [done, path] of paths.entries()) {
      say(`${done} of ${paths.length} files, ${megabytes(bytes)}`);
      const contents = await fetched(new URL(path, list), path.startsWith("assets/") ? "default" : "no-cache");
      bytes += contents.length;
      yield /** @type {const} */ ([`${FOLDER}/${path}`, contents]);
    }
    say("Packing");
  }
  const { archive } = await imported(() => import("./zip_stream.js"));
  const zip = await archive(/** @type {any} */ (files()));
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(zip);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then the browser has saved it
  return zip.size;
}

/** @param {URL} address @param {RequestCache} cache @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function fetched(address, cache) {
  const path = address.pathname;
  const answer = await fetch(address, { cache }).catch(() => null);
  if (!answer) throw new Error(`${path} could not be downloaded, because the server did not answer.`);
  if (!answer.ok) throw new Error(`${path} could not be downloaded, because the server answered ${answer.status}.`);
  return new Uint8Array(
    await answer.arrayBuffer().catch(() => {
      throw new Error(`${path} could not be downloaded, because the download was interrupted.`);
    }),
  );
}

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/** @param {string} page */
const readMe = (page) => `Diffusion Instrument Lab

Run this in the folder of this file, and open the address below it in a browser:

    python3 -m http.server

    http://localhost:8000/${page}

No internet connection is needed. In the folder "chapters" are Jupyter notebooks and the package (.whl) that they need:
install it with JupyterLab by the line in their first cell.
`;
