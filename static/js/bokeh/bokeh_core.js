/** Bokeh without models: a separate chunk, so that it can start in one task and its models in the next. */
import { InlineStyleSheet } from "@bokeh/bokehjs/build/js/lib/core/dom";

export * as Bokeh from "@bokeh/bokehjs/build/js/lib/index";
export { Document } from "@bokeh/bokehjs/build/js/lib/document";
export { ndarray } from "@bokeh/bokehjs/build/js/lib/core/util/ndarray";

// Bokeh rewrites the position style sheet of each part of a figure whenever it draws. Unchanged text is skipped here:
// otherwise the browser would parse the sheet and recompute styles seven times a picture.
/** @type {any} */
const sheet = InlineStyleSheet.prototype;
const update = sheet._update;
sheet._update = function (/** @type {string} */ css) {
  if (css !== this.css) update.call(this, css);
};
