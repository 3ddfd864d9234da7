/**
 * Removes, with a figure's view, the listener that Bokeh leaves behind. It would keep the view, its document and its
 * canvases in memory for as long as the page is open.
 */
import { PlotView } from "@bokeh/bokehjs/build/js/lib/models/plots/plot_canvas";

/** Makes every figure's view remove the listeners that it adds to the visual viewport. */
export function removeListenersWithViews() {
  const prototype = /** @type {any} */ (PlotView.prototype);
  const { connect_signals: connect, remove } = prototype;
  const viewport = window.visualViewport;
  /** View → what removes its listeners. @type {WeakMap<object, AbortController>} */
  const removals = new WeakMap();
  prototype.connect_signals = function () {
    const removal = new AbortController();
    removals.set(this, removal);
    const { signal } = removal;
    if (viewport) viewport.addEventListener = (/** @type {string} */ type, /** @type {any} */ listener) => EventTarget.prototype.addEventListener.call(viewport, type, listener, { signal });
    try {
      connect.call(this);
    } finally {
      if (viewport) Reflect.deleteProperty(viewport, "addEventListener");
    }
  };
  prototype.remove = function () {
    removals.get(this)?.abort();
    remove.call(this);
  };
}
