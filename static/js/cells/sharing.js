/** Code in an address: `#cell=label~…`, compressed, so that a cell can be shared without any server. */

/** Longer code is refused: no cell is this long. */
const MAX_CODE = 200_000;

/** Bytes that are unpacked at once. They can become a thousand times as many, which the browser makes in one go. */
const PIECE = 256;

/** @typedef {{label: string, code: string}} Shared */

/** The address of this page, with a cell's code in its fragment; "" if the code is too long. @param {Shared} shared @param {string} [base] */
export async function sharedAddress({ label, code }, base = location.href) {
  if (new TextEncoder().encode(code).length > MAX_CODE) return "";
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
  try {
    // Packed code is never much longer than the code.
    const match = hash.length < 2 * MAX_CODE ? /^#cell=([a-z][a-z0-9-]*)~([\w-]+)$/.exec(hash) : null;
    const bytes = await through(bytesOf(String(match?.[2])), new DecompressionStream("deflate-raw"));
    const code = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (match && code) return { label: match[1], code };
  } catch {
    // damaged or too long: reported below
  }
  throw new Error("This link should show a cell’s code, but a part of the link is missing or changed. Copy the link again.");
}

/**
 * Bytes through a stream, piece by piece, so that no more than `MAX_CODE` and what one piece becomes is ever held.
 * @param {Uint8Array<ArrayBuffer>} bytes @param {GenericTransformStream} stream
 */
async function through(bytes, stream) {
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const written = (async () => {
    for (let start = 0; start < bytes.length; start += PIECE) await writer.write(bytes.subarray(start, start + PIECE));
    await writer.close();
  })();
  written.catch(() => {}); // the reader fails too
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
