/**
 * Panel's components in the lab's pages. Elsewhere a component runs the script that its document brings as text. The
 * Content-Security-Policy of the lab's pages forbids that, so that a cell which a stranger has shared cannot run scripts
 * in the page. An instrument gets the page's own front panel; any other component with a script gets a sentence.
 */
import { ReactiveESM } from "@holoviz/panel/dist/lib/models/reactive_esm";
import * as frontPanel from "../page/front_panel.js";

/** @typedef {{data: {properties: Record<string, unknown>}, children: string[], compiled: string | null,
 *   compiled_module: Promise<unknown>, render_module: Promise<unknown>}} Component */

/** A component that comes with JavaScript. */
const refusing = {
  render() {
    const said = document.createElement("p");
    said.textContent =
      "This component needs JavaScript from the cell, which the lab's pages do not run. In a notebook or with panel serve it works.";
    return said;
  },
};

/** What Panel itself would run as text, to draw a component. @param {string} id */
function render(id) {
  const view = /** @type {any} */ (window).Bokeh.index.find_one_by_id(id);
  if (!view) return;
  const made = view.render_fn({ view, model: view.model_proxy, data: view.model.data, el: view.container });
  Promise.resolve(made).then((element) => {
    if (element instanceof Element) view.container.replaceChildren(element);
    view.after_rendered();
  });
}

/** @param {Component} component */
const isInstrument = ({ data, children }) => children.includes("scenes") && "markup" in data.properties;

/** Makes every component use the page's own scripts. */
export function keepToOwnScripts() {
  const prototype = /** @type {any} */ (ReactiveESM.prototype);
  /** @this {Component} */
  prototype.recompile = function () {
    this.compiled = "";
    this.compiled_module = Promise.resolve(isInstrument(this) ? frontPanel : refusing);
    this.render_module = Promise.resolve({ default: { render } });
  };
}
