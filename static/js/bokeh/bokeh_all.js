/** All models of Bokeh and Panel, for the outputs of readers' cells. A separate chunk, loaded when it is needed. */
import { Models, register_models } from "@bokeh/bokehjs/build/js/lib/base";
import * as models from "@bokeh/bokehjs/build/js/lib/models/index";
import * as dom from "@bokeh/bokehjs/build/js/lib/models/dom/index";
import * as widgets from "@bokeh/bokehjs/build/js/lib/models/widgets/index";
import * as tables from "@bokeh/bokehjs/build/js/lib/models/widgets/tables/index";
import * as panel from "@holoviz/panel/dist/lib/models/index";

/** Registers every model, so that each can be drawn. */
export function registerAll() {
  for (const part of [models, dom, widgets, tables, panel]) {
    const known = new Set(Models.names);
    register_models(Object.values(part).filter((/** @type {any} */ model) => !known.has(model?.__qualified__)));
  }
}
