/** SHA-256 in JavaScript, for pages without `crypto.subtle` (plain http) and for synchronous downloads. */
import { sha256 } from "@noble/hashes/sha2.js";
import { hexadecimal } from "./check.js";

/** @param {Uint8Array} data @returns {string} in hexadecimal */
export const digestNow = (data) => hexadecimal(sha256(data));
