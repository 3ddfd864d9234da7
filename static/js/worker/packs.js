/** Packs: many Python files in one download. */

/** Set by the build. @type {import("../page/protocol.js").Assets} */
export const ASSETS = /** @type {any} */ (globalThis).LAB_ASSETS;

/** Python's library in its own file system: the root of the paths in packs. */
export const LIBRARY = "/lib/python3.14/";

/** The address of the worker's script; the worker's own location may be a blob that imports it. */
export const HERE = import.meta.url;

/** An address of `ASSETS`, which are relative to the worker. @param {string} path */
export const address = (path) => new URL(path, HERE).href;

/** A file of the site could not be downloaded. */
export class NotDownloaded extends Error {
  /** @param {string} path @param {string} reason */
  constructor(path, reason) {
    super(`${path} could not be downloaded: ${reason}`);
  }
}

/** @param {string} path @returns {Promise<Response>} */
export async function request(path) {
  let response;
  try {
    response = await fetch(address(path));
  } catch (error) {
    throw new NotDownloaded(path, /** @type {Error} */ (error).message);
  }
  if (!response.ok) throw new NotDownloaded(path, `the server answered ${response.status}`);
  return response;
}

/** @param {string} path */
export const download = async (path) => (await request(path)).arrayBuffer();

/** A synchronous download, which blocks the worker. @param {string} path @returns {ArrayBuffer} */
export function downloadNow(path) {
  const request = new XMLHttpRequest();
  request.open("GET", address(path), false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new NotDownloaded(path, `the server answered ${request.status}`);
  return request.response;
}

/**
 * Downloads a file, writing its progress and then its data or its error into `state`.
 * @param {string} path @param {{done: number, of: number, data?: Uint8Array, error?: string}} state
 */
export async function downloadWithProgress(path, state) {
  try {
    const response = await request(path);
    // The length of a compressed response is not that of its content: then the total is unknown.
    state.of = response.headers.has("content-encoding") ? 1e6 : Number(response.headers.get("content-length")) || 1e6;
    const parts = [];
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      state.done += part.value.length;
    }
    state.data = new Uint8Array(await new Blob(parts).arrayBuffer());
  } catch (error) {
    state.error = error instanceof NotDownloaded ? error.message : `${path} could not be downloaded: ${error}`;
  }
}

/**
 * Writes the files of a pack (length of the index, index as JSON, contents) into Python's library.
 * @param {any} FS @param {ArrayBuffer} pack
 */
export function unpack(FS, pack) {
  const indexLength = new DataView(pack).getUint32(0, true);
  /** @type {[string, number, number][]} */
  const index = JSON.parse(new TextDecoder().decode(new Uint8Array(pack, 4, indexLength)));
  const start = 4 + indexLength;
  const made = new Set();
  for (const [path, offset, length] of index) {
    const folder = LIBRARY + path.slice(0, path.lastIndexOf("/") + 1);
    if (!made.has(folder)) {
      FS.mkdirTree(folder);
      made.add(folder);
    }
    FS.writeFile(LIBRARY + path, new Uint8Array(pack, start + offset, length), { canOwn: true });
  }
}
