/**
 * Reads a JSON list of `Embed` objects from stdin and writes the codes of their iframes, as the dialog “Embed…” makes them,
 * and the height of each without its script.
 */
import { readFileSync } from "node:fs";

import { nearestHeight } from "../../../static/js/embed/height_table.js";
import { publishedHeights } from "../../../static/js/embed/published_heights.js";
import { iframeCode, SAFE_HEIGHT } from "../../../static/js/embed/code.js";

const { width, embeds } = JSON.parse(readFileSync(0, "utf-8"));
const made = embeds.map((embed) => {
  const heights = publishedHeights(embed.name);
  return { code: iframeCode({ ...embed, heights }), height: heights ? nearestHeight(heights, width) : SAFE_HEIGHT };
});
process.stdout.write(JSON.stringify(made));
