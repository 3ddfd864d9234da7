/**
 * Reads a JSON list of `Embed` objects from stdin and writes the codes of their iframes, as the dialog “Embed…” makes them,
 * and the height of each without its script. Instruments have their published heights.
 */
import { readFileSync } from "node:fs";

import { FRAME_HEIGHTS } from "../../../static/js/embed/frame_heights.js";
import { nearestHeight } from "../../../static/js/embed/height_table.js";
import { iframeCode, SAFE_HEIGHT } from "../../../static/js/embed/code.js";

const { width, embeds } = JSON.parse(readFileSync(0, "utf-8"));
const made = embeds.map((embed) => {
  const heights = (embed.instrument && FRAME_HEIGHTS[embed.instrument]) || "";
  return { code: iframeCode({ ...embed, heights }), height: heights ? nearestHeight(heights, width) : SAFE_HEIGHT };
});
process.stdout.write(JSON.stringify(made));
