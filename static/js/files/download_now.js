/** Synchronous downloads, which block a worker: for an import that Python cannot wait for. */
import { digestIn } from "./check.js";
import { NotDownloaded, Words } from "./download.js";
import { digestNow } from "./sha256.js";

/** @param {string} address @returns {Uint8Array<ArrayBuffer>} */
export function downloadNow(address) {
  try {
    return read(address);
  } catch (error) {
    if (!(/** @type {NotDownloaded} */ (error).again)) throw error;
    return read(`${address}?again=${Date.now()}`); // another address: past the browser's cache
  }
}

/** @param {string} address */
function read(address) {
  const words = new Words(address);
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.responseType = "arraybuffer";
  try {
    request.send();
  } catch {
    throw new NotDownloaded(words.unanswered(), { again: false });
  }
  if (request.status !== 200) throw new NotDownloaded(words.refused(request.status));
  const data = new Uint8Array(request.response);
  if (!digestNow(data).startsWith(digestIn(address))) throw new NotDownloaded(words.wrong(data));
  return data;
}
