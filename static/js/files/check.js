/**
 * Checks that a file of the site is what the build wrote. The name of a file contains the first digits of its SHA-256:
 * `lab.2e1b47aa09.bin`.
 */

/** @param {string} address @returns {string} the digits in the name, or "" where there are none */
export const digestIn = (address) => /\.([0-9a-f]{10})(?:\.[\w.]+)?(?:[?#].*)?$/.exec(address)?.[1] ?? "";

/**
 * The SHA-256 in hexadecimal. Browsers have `crypto.subtle` on https and localhost only; a script computes it elsewhere,
 * which takes about ten times as long.
 * @param {Uint8Array<ArrayBuffer>} data
 */
export async function digestOf(data) {
  if (globalThis.crypto?.subtle) return hexadecimal(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
  const { digestNow } = await import("./sha256.js");
  return digestNow(data);
}

/** @param {Uint8Array} bytes */
export const hexadecimal = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
