/** Code in an address: `#cell=label~…`, compressed, so that a cell can be shared without any server. */

/** Longer code is refused: no cell is this long. */
const MAX_CODE = 200_000;

/** @typedef {{label: string, code: string}} Shared */

/** The address of this page, with a cell's code in its fragment. @param {Shared} shared @param {string} [base] */
export async function sharedAddress({ label, code }, base = location.href) {
  const address = new URL(base);
  address.hash = `cell=${label}~${base64(await through(new TextEncoder().encode(code), new CompressionStream("deflate-raw")))}`;
  return address.href;
}

/**
 * The cell in an address's fragment; undefined where there is none. Throws an error with a sentence for readers if the
 * code cannot be decoded.
 * @param {string} hash @returns {Promise<Shared | undefined>}
 */
export async function readShared(hash) {
  if (!hash.startsWith("#cell=")) return undefined;
  const match = /^#cell=([a-z][a-z0-9-]*)~([\w-]+)$/.exec(hash);
  try {
    const bytes = await through(bytesOf(String(match?.[2])), new DecompressionStream("deflate-raw"));
    const code = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (match && code) return { label: match[1], code };
  } catch {
    // damaged: reported below
  }
  throw new Error("This link should show a cell’s code, but a part of the link is missing or changed. Copy the link again.");
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {GenericTransformStream} stream */
async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(/** @type {any} */ (stream)).getReader();
  /** @type {Uint8Array[]} */ const parts = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    length += part.value.length;
    if (length > MAX_CODE) {
      await reader.cancel();
      throw new Error("too long");
    }
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** @param {string} text */
const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
