/**
 * The code of a receipt: what a reader has done, as a short text that can be pasted into any course system.
 *
 * `DIL1`, then Crockford's base32 (digits and letters without I, L, O and U; case does not matter) of these bytes: the
 * body's length (varint), the body, and the CRC-32 of both. A CRC-32 finds every change within 32 neighbouring bits,
 * so every wrong character and every two swapped neighbours are found. It does not prevent forgery: anybody can compute it.
 *
 * @typedef {{mark: number, done: boolean, answer: string}} Task  mark: of its name, see `markOf`; done: answered rightly,
 *   or the checks have passed; otherwise it was tried.
 * @typedef {{lab: string, made: number, nonce: number, page: string} & ({kind: "chapter" | "part", total: number, tasks: Task[]}
 *   | {kind: "instrument", name: string, query: string | undefined, edited: string, answer: string})} Receipt
 *   lab: version; made: minutes since 2020 by the reader's clock; nonce: 16 random bits, so that equal codes are copies;
 *   page: a chapter, "" for an embedded instrument; part: one embedded question or exercise; total: all tasks of the
 *   page; tasks: those that were tried; name: of the instrument's place on the page, such as `ring-late`; query: the
 *   settings that differ from those of the page, undefined where they are too long; edited: names of functions that the
 *   reader has replaced; answer: to a question that was asked first.
 */
import { crc32 } from "../page/crc32.js";

export const PREFIX = "DIL1";
export const EPOCH = Date.UTC(2020, 0, 1);

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Letters that are read as the digits that they resemble. @type {Record<string, string>} */
const ALIKE = { I: "1", L: "1", O: "0" };
const KINDS = /** @type {const} */ (["chapter", "part", "instrument"]);

/** The greatest lengths: of texts in UTF-8 bytes. With them no code is longer than 4000 characters. */
export const MOST = { name: 60, query: 1500, edited: 200, answer: 200, taskAnswer: 40, tasks: 48 };

/** A task's name, such as `quiz-noised-value`, as 16 bits. @param {string} task */
export const markOf = (task) => crc32(new TextEncoder().encode(task)) & 0xffff;

/** @param {Receipt} receipt texts beyond the greatest lengths are cut @returns {string} */
export function encode(receipt) {
  /** @type {number[]} */
  const body = [KINDS.indexOf(receipt.kind)];
  putText(body, receipt.lab, MOST.name);
  putNumber(body, receipt.made);
  body.push(receipt.nonce >> 8, receipt.nonce & 255);
  putText(body, receipt.page, MOST.name);
  if (receipt.kind === "instrument") {
    const fits = receipt.query !== undefined && utf8(receipt.query).length <= MOST.query;
    putText(body, receipt.name, MOST.name);
    putNumber(body, Number(fits));
    if (fits) putText(body, String(receipt.query), MOST.query);
    putText(body, receipt.edited, MOST.edited);
    putText(body, receipt.answer, MOST.answer);
  } else {
    const tasks = receipt.tasks.slice(0, MOST.tasks);
    putNumber(body, receipt.total);
    putNumber(body, tasks.length);
    for (const { mark, done, answer } of tasks) {
      const bytes = cut(answer, MOST.taskAnswer);
      body.push(mark >> 8, mark & 255, (done ? 128 : 0) | bytes.length, ...bytes);
    }
  }
  const bytes = [...numberBytes(body.length), ...body];
  const check = crc32(bytes);
  return PREFIX + base32([...bytes, check >>> 24, (check >>> 16) & 255, (check >>> 8) & 255, check & 255]);
}

/**
 * Reads a whole code; a damaged one gives a sentence that says what is wrong.
 * @param {string} code @returns {{receipt: Receipt} | {problem: string}}
 */
export function decode(code) {
  const text = code.toUpperCase();
  if (!/^DIL\d/.test(text)) return { problem: `A code begins with ${PREFIX}.` };
  if (!text.startsWith(PREFIX)) {
    const kinds = `This is a code of another kind, ${text.slice(0, 4)}; this page reads ${PREFIX}.`;
    return { problem: `${kinds} A newer copy of the lab may read it.` };
  }
  const signs = Array.from(text.slice(PREFIX.length), (sign) => ALIKE[sign] ?? sign);
  const wrong = signs.find((sign) => !ALPHABET.includes(sign));
  if (wrong) return { problem: `The character “${wrong}” is in no code: it was mistyped.` };
  const excess = excessOf(signs);
  if (excess < 0) return { problem: `${characters(-excess)} missing: copy the code again, to its end.` };
  if (excess > 0) return { problem: `The code has ${characters(excess)} too many: something was added to it.` };
  const { bytes, rest } = bytesOf(signs);
  const checked = bytes.slice(0, -4);
  const sum = bytes.slice(-4).reduce((all, byte) => all * 256 + byte, 0);
  if (rest || sum !== crc32(checked)) return { problem: "The checksum does not fit: a character was changed. Copy the code again." };
  try {
    return { receipt: readBody(new Reader(checked)) };
  } catch {
    return { problem: "The checksum fits, but the contents cannot be read: this code was not made by the lab." };
  }
}

/** The number of characters that a code has too many (> 0) or too few (< 0), by the length that it states. @param {string[]} signs */
export function excessOf(signs) {
  const { bytes } = bytesOf(signs.slice(0, 7)); // enough for the longest varint that is used
  const reader = new Reader(bytes);
  try {
    const length = reader.number();
    return signs.length - Math.ceil((8 * (reader.at + length + 4)) / 5);
  } catch {
    return Math.min(signs.length - 10, 0); // no length can be read: the end is missing, or the checksum will say it
  }
}

/** @param {Reader} reader @returns {Receipt} */
function readBody(reader) {
  reader.number(); // the length
  const kind = KINDS[reader.byte()];
  const head = { lab: reader.text(), made: reader.number(), nonce: reader.byte() * 256 + reader.byte(), page: reader.text() };
  /** @type {Receipt} */
  let receipt;
  if (kind === "instrument") {
    const name = reader.text();
    const query = reader.number() ? reader.text() : undefined;
    receipt = { kind, ...head, name, query, edited: reader.text(), answer: reader.text() };
  } else if (kind) {
    const total = reader.number();
    const tasks = Array.from({ length: reader.number() }, () => {
      const mark = reader.byte() * 256 + reader.byte();
      const state = reader.byte();
      return { mark, done: state > 127, answer: reader.text(state & 127) };
    });
    receipt = { kind, ...head, total, tasks };
  } else throw new Error("unknown kind");
  if (reader.at !== reader.bytes.length) throw new Error("more than expected");
  return receipt;
}

class Reader {
  /** @param {number[]} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error("the end is missing");
    return this.bytes[this.at++];
  }

  /** A varint: seven bits a byte, the lowest first; at most four bytes. */
  number() {
    for (let value = 0, shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error("too large");
  }

  text(length = this.number()) {
    const bytes = Uint8Array.from({ length }, () => this.byte());
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }
}

/** @param {number} value from 0 to 2²⁸ − 1 */
function numberBytes(value) {
  const bytes = [];
  for (let left = Math.min(Math.max(Math.trunc(value), 0), 2 ** 28 - 1); ; left >>>= 7) {
    if (left < 128) return [...bytes, left];
    bytes.push((left & 127) | 128);
  }
}

/** @param {number[]} bytes @param {number} value */
const putNumber = (bytes, value) => bytes.push(...numberBytes(value));

/** @param {number[]} bytes @param {string} text @param {number} most bytes */
function putText(bytes, text, most) {
  const encoded = cut(text, most);
  bytes.push(...numberBytes(encoded.length), ...encoded);
}

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);

/** As many whole characters of a text as fit, in UTF-8. @param {string} text @param {number} most bytes @returns {Uint8Array} */
function cut(text, most) {
  const target = new Uint8Array(most);
  return target.slice(0, new TextEncoder().encodeInto(text, target).written);
}

/** @param {number[]} bytes */
function base32(bytes) {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

/** @param {string[]} signs @returns {{bytes: number[], rest: number}} rest: the bits after the last byte */
function bytesOf(signs) {
  const bytes = [];
  let bits = 0;
  let value = 0;
  for (const sign of signs) {
    value = ((value << 5) | ALPHABET.indexOf(sign)) & 0xfff;
    if ((bits += 5) >= 8) bytes.push((value >> (bits -= 8)) & 255);
  }
  return { bytes, rest: value & ((1 << bits) - 1) };
}

/** @param {number} count */
const characters = (count) => (count === 1 ? "1 character" : `${count} characters`);
