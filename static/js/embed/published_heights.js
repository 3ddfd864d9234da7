/** The heights of embed pages in their first state, as `height_table.js` writes them. */
import { FRAME_HEIGHTS } from "./frame_heights.js";
import { PART_HEIGHTS } from "./part_heights.js";

/** @param {string} name of a page below `embed/`: `ring`, `quiz/forward-noised-value` @returns {string} "" if there are none */
export function publishedHeights(name) {
  const table = [FRAME_HEIGHTS, PART_HEIGHTS].find((each) => Object.hasOwn(each, name));
  return table ? table[name] : "";
}
