/**
 * The code that a teacher pastes: an iframe with a script of four lines that fits its height, or `<instrument-lab>`.
 *
 * @typedef {{address: string, element: string, name: string, title: string, query: string, options: string,
 *   height: number | undefined, heights: string}} Embed  address: of the page; element: of the script `embed.js`; query:
 *   the whole state; height: in pixels; undefined: the page's own; heights: these at many widths, see `height_table.js`.
 */
import { nearestHeight } from "./height_table.js";
import { SCHEMA } from "./schema.js";

/**
 * Fits every frame of the lab on the page; it does no harm twice. The first lines give a frame that has not loaded the
 * height of the nearest width in its table, as soon as it has a width: in a closed box or tab it has none.
 */
export const LISTENER = `<script>for (const frame of document.querySelectorAll("iframe[data-heights]")) { const fit = () => { if (frame.clientWidth) frame.style.height ||= frame.dataset.heights.split(" ")
  .map((pair) => pair.split(":")).reduce((a, b) => Math.abs(b[0] - frame.clientWidth) < Math.abs(a[0] - frame.clientWidth) ? b : a)[1] + "px" }; fit(); new ResizeObserver(fit).observe(frame) }
addEventListener("message", ({ data, source }) => { if (data?.schema === "${SCHEMA}" && data.type === "height")
  for (const frame of document.querySelectorAll("iframe")) if (frame.contentWindow === source) frame.style.height = data.height + "px" })</script>`;

/** The height until the listener has set another, or where the host strips scripts: the layout is compact then. */
export const SAFE_HEIGHT = 480;

/** Of cells and questions, which have no compact layout, in a text column. */
const COLUMN = 736;

/** @param {Embed} embed */
export function iframeCode({ address, name, title, query, options, height, heights }) {
  const usual = (heights && name.includes("/") && nearestHeight(heights, COLUMN)) || SAFE_HEIGHT;
  const source = [query, options].filter(Boolean).join("&");
  const frame =
    `<iframe src="${escaped(address + (source && `?${source}`))}" title="${escaped(title)}"\n` +
    `  width="100%" height="${height ?? usual}" frameborder="0" loading="lazy" allow="clipboard-write"`;
  if (height !== undefined) return `${frame}></iframe>`;
  return `${frame}${heights && `\n  data-heights="${heights}"`}></iframe>\n${LISTENER}`;
}

/** A link stands in the element where the host runs no script of another site. @param {Embed} embed */
export function elementCode({ address, element, name, title, query, options, height, heights }) {
  const values = [...new URLSearchParams([query, options].filter(Boolean).join("&"))];
  if (height !== undefined) values.push(["height", String(height)]);
  else if (heights) values.push(["heights", heights]);
  const attributes = values.map(([key, value]) => ` ${key}="${escaped(value)}"`).join("");
  const source = [query, options].filter(Boolean).join("&");
  const link = `<a href="${escaped(address + (source && `?${source}`))}" target="_blank" rel="noopener">${escaped(title)}</a>`;
  return `<script src="${escaped(element)}" async></script>\n<instrument-lab name="${escaped(name)}"${attributes}>${link}</instrument-lab>`;
}

/** @param {string} text in an attribute's quotes */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
