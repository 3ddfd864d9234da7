/** Makes a PNG of an SVG at twice its size, with texts in its metadata. */
import { crc32 } from "./crc32.js";

const SCALE = 2;
const HEADER = 8 + 25; // bytes of the signature and of the first chunk, which texts follow

/** @param {string} svg @param {Record<string, string>} texts @returns {Promise<string>} its address */
export async function pngOf(svg, texts) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * image.naturalWidth;
  canvas.height = SCALE * image.naturalHeight;
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(image, 0, 0, canvas.width, canvas.height);
  const plain = /** @type {Blob | null} */ (await new Promise((resolve) => canvas.toBlob((made) => resolve(made), "image/png")));
  if (!plain) throw new Error("The browser could not make a PNG.");
  const bytes = withTexts(new Uint8Array(await plain.arrayBuffer()), texts);
  return URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type: "image/png" }));
}

/**
 * The PNG with a tEXt chunk for each text (PNG specification, 11.3.3); characters beyond Latin-1 become "?".
 * @param {Uint8Array} png @param {Record<string, string>} texts
 */
export function withTexts(png, texts) {
  const latin = (/** @type {string} */ text) => [...text].map((character) => (character < "\u0100" ? character.charCodeAt(0) : 63));
  const chunks = Object.entries(texts).map(([key, text]) => chunk("tEXt", [...latin(key), 0, ...latin(text)]));
  return Uint8Array.from([...png.subarray(0, HEADER), ...chunks.flat(), ...png.subarray(HEADER)]);
}

/** @param {string} type @param {number[]} data @returns {number[]} */
function chunk(type, data) {
  const body = [...[...type].map((character) => character.charCodeAt(0)), ...data];
  return [...word(data.length), ...body, ...word(crc32(body))];
}

/** @param {number} value @returns {number[]} four bytes, the highest first */
const word = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
