/** Bokeh without models: a chunk of its own, so that it can be started in one task and its models in the next. */
import { InlineStyleSheet } from "@bokeh/bokehjs/build/js/lib/core/dom";

export * as Bokeh from "@bokeh/bokehjs/build/js/lib/index";
export { Document } from "@bokeh/bokehjs/build/js/lib/document";

// Each part of a figure has a style sheet with its place, which Bokeh writes anew whenever it draws: the browser would
// parse it, and look for what it changes, seven times a picture.
/** @type {any} */
const sheet = InlineStyleSheet.prototype;
const update = sheet._update;
sheet._update = function (/** @type {string} */ css) {
  if (css !== this.css) update.call(this, css);
};
