/**
 * The code that a teacher pastes: an iframe with a script of two lines that fits its height, or `<instrument-lab>`.
 *
 * @typedef {{address: string, element: string, name: string, title: string, query: string, options: string,
 *   height: number | undefined}} Embed  address: of the page; element: of the script `embed.js`; query: the whole state;
 *   height: in pixels; undefined: the page's own.
 */
import { SCHEMA } from "./schema.js";

/** Fits every frame of the lab on the page; it does no harm twice. */
export const LISTENER = `<script>addEventListener("message", ({ data, source }) => { if (data?.schema === "${SCHEMA}" && data.type === "height")
  for (const frame of document.querySelectorAll("iframe")) if (frame.contentWindow === source) frame.style.height = data.height + "px" })</script>`;

/** The height until the listener has set another, or where the host strips scripts: the layout is compact then. */
export const SAFE_HEIGHT = 480;

/** @param {Embed} embed */
export function iframeCode({ address, title, query, options, height }) {
  const source = [query, options].filter(Boolean).join("&");
  const frame =
    `<iframe src="${escaped(address + (source && `?${source}`))}" title="${escaped(title)}"\n` +
    `  width="100%" height="${height ?? SAFE_HEIGHT}" frameborder="0" loading="lazy" allow="clipboard-write"></iframe>`;
  return height === undefined ? `${frame}\n${LISTENER}` : frame;
}

/** @param {Embed} embed */
export function elementCode({ element, name, query, options, height }) {
  const values = [...new URLSearchParams([query, options].filter(Boolean).join("&"))];
  if (height !== undefined) values.push(["height", String(height)]);
  const attributes = values.map(([key, value]) => ` ${key}="${escaped(value)}"`).join("");
  return `<script src="${escaped(element)}" async></script>\n<instrument-lab name="${escaped(name)}"${attributes}></instrument-lab>`;
}

/** @param {string} text in an attribute's quotes */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
