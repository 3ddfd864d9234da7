/** Bokeh without models: a separate chunk, so that it can start in one task and its models in the next. */
import { ImportedStyleSheet, InlineStyleSheet } from "@bokeh/bokehjs/build/js/lib/core/dom";

import { checkStyleSheet } from "../files/style_sheets.js";

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

// Panel's style sheets are compared with what the build wrote, as every other file is.
/** @type {any} */
const imported = ImportedStyleSheet.prototype;
const install = imported.install;
imported.install = function (/** @type {Element} */ place) {
  install.call(this, place);
  checkStyleSheet(this.el);
};
