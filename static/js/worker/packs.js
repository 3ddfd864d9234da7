/** Packs: many Python files in one download. */
import { download, downloadModule } from "../files/download.js";
import { downloadNow } from "../files/download_now.js";

/** Set by the build. @type {import("../page/protocol.js").Assets} */
export const ASSETS = /** @type {any} */ (globalThis).LAB_ASSETS;

/** Python's library in its own file system: the root of the paths in packs. */
export const LIBRARY = "/lib/python3.14/";

/** The address of the worker's script; the worker's own location may be a blob that imports it. */
export const HERE = import.meta.url;

/** An address of `ASSETS`, which are relative to the worker. @param {string} path */
export const address = (path) => new URL(path, HERE).href;

/** Called while files arrive, at most this often. */
const PROGRESS_MS = 500;

let followed = () => {};
let told = 0;

/** Calls `act` now and then while anything is downloaded. @param {() => void} act */
export const followDownloads = (act) => void (followed = act);

function received() {
  if (performance.now() - told < PROGRESS_MS) return;
  told = performance.now();
  followed();
}

/** @param {string} path */
export const request = (path) => download(address(path), { received });

/** A module of WebAssembly. @param {string} path @param {{digest?: string, response?: Promise<Response>}} [how] */
export const requestModule = (path, how) => downloadModule(address(path), { ...how, received });

/** A synchronous download, which blocks the worker. @param {string} path */
export const requestNow = (path) => downloadNow(address(path));

/**
 * Downloads a file, writing its progress and then its data or its error into `state`.
 * @param {string} path @param {{done: number, of: number, data?: Uint8Array, error?: string}} state
 */
export async function requestWithProgress(path, state) {
  try {
    state.data = await download(address(path), {
      received: (bytes, of) => {
        received();
        state.done = bytes;
        state.of = of || 1e6;
      },
    });
  } catch (error) {
    state.error = /** @type {Error} */ (error).message;
  }
}

/**
 * Writes the files of a pack (length of the index, index as JSON, contents) into Python's library.
 * @param {any} FS @param {Uint8Array<ArrayBuffer>} pack
 */
export function unpack(FS, pack) {
  const indexLength = new DataView(pack.buffer, pack.byteOffset).getUint32(0, true);
  /** @type {[string, number, number][]} */
  const index = JSON.parse(new TextDecoder().decode(pack.subarray(4, 4 + indexLength)));
  const start = 4 + indexLength;
  const made = new Set();
  for (const [path, offset, length] of index) {
    const folder = LIBRARY + path.slice(0, path.lastIndexOf("/") + 1);
    if (!made.has(folder)) {
      FS.mkdirTree(folder);
      made.add(folder);
    }
    FS.writeFile(LIBRARY + path, pack.subarray(start + offset, start + offset + length), { canOwn: true });
  }
}
