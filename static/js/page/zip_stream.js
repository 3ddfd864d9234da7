/** A zip file, streamed: each file is compressed as it arrives. */
import { AsyncZipDeflate, Zip, ZipDeflate } from "fflate";

/** A smaller file is compressed here in less than a frame, a larger one in a worker. */
const SMALL = 100_000;

/**
 * @param {AsyncIterable<[path: string, bytes: Uint8Array<ArrayBuffer>]>} files their buffers are transferred
 * @returns {Promise<Blob>} rejects with what `files` throws
 */
export function archive(files) {
  /** @type {Uint8Array<ArrayBuffer>[]} */ const parts = [];
  return new Promise((resolve, reject) => {
    const zip = new Zip((error, part, last) => {
      if (error) reject(error);
      else parts.push(/** @type {Uint8Array<ArrayBuffer>} */ (part));
      if (last) resolve(new Blob(parts, { type: "application/zip" }));
    });
    const add = async () => {
      for await (const [path, bytes] of files) {
        const entry = bytes.length < SMALL ? new ZipDeflate(path) : new AsyncZipDeflate(path);
        zip.add(entry);
        entry.push(bytes, true);
      }
      zip.end();
    };
    add().catch((error) => {
      zip.terminate();
      reject(error);
    });
  });
}
