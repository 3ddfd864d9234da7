/**
 * Bokeh and Panel for the page, with only the models that the lab's instruments use. The other models are loaded when a
 * document needs one. A separate chunk.
 */
import { register_models } from "@bokeh/bokehjs/build/js/lib/base";
import { Title } from "@bokeh/bokehjs/build/js/lib/models/annotations/title";
import { LinearAxis } from "@bokeh/bokehjs/build/js/lib/models/axes/linear_axis";
import { LogAxis } from "@bokeh/bokehjs/build/js/lib/models/axes/log_axis";
import { ImportedStyleSheet } from "@bokeh/bokehjs/build/js/lib/models/dom/stylesheets";
import { AllIndices } from "@bokeh/bokehjs/build/js/lib/models/filters/all_indices";
import { BasicTickFormatter } from "@bokeh/bokehjs/build/js/lib/models/formatters/basic_tick_formatter";
import { LogTickFormatter } from "@bokeh/bokehjs/build/js/lib/models/formatters/log_tick_formatter";
import { Image } from "@bokeh/bokehjs/build/js/lib/models/glyphs/image";
import { ImageRGBA } from "@bokeh/bokehjs/build/js/lib/models/glyphs/image_rgba";
import { Line } from "@bokeh/bokehjs/build/js/lib/models/glyphs/line";
import { MultiLine } from "@bokeh/bokehjs/build/js/lib/models/glyphs/multi_line";
import { Rect } from "@bokeh/bokehjs/build/js/lib/models/glyphs/rect";
import { Scatter } from "@bokeh/bokehjs/build/js/lib/models/glyphs/scatter";
import { Segment } from "@bokeh/bokehjs/build/js/lib/models/glyphs/segment";
import { Text } from "@bokeh/bokehjs/build/js/lib/models/glyphs/text";
import { VArea } from "@bokeh/bokehjs/build/js/lib/models/glyphs/varea";
import { Grid } from "@bokeh/bokehjs/build/js/lib/models/grids/grid";
import { LinearColorMapper } from "@bokeh/bokehjs/build/js/lib/models/mappers/linear_color_mapper";
import { Figure } from "@bokeh/bokehjs/build/js/lib/models/plots/figure";
import { AllLabels, NoOverlap } from "@bokeh/bokehjs/build/js/lib/models/policies/labeling";
import { Range1d } from "@bokeh/bokehjs/build/js/lib/models/ranges/range1d";
import { GlyphRenderer } from "@bokeh/bokehjs/build/js/lib/models/renderers/glyph_renderer";
import { LinearScale } from "@bokeh/bokehjs/build/js/lib/models/scales/linear_scale";
import { LogScale } from "@bokeh/bokehjs/build/js/lib/models/scales/log_scale";
import { UnionRenderers } from "@bokeh/bokehjs/build/js/lib/models/selections/interaction_policy";
import { Selection } from "@bokeh/bokehjs/build/js/lib/models/selections/selection";
import { CDSView } from "@bokeh/bokehjs/build/js/lib/models/sources/cds_view";
import { ColumnDataSource } from "@bokeh/bokehjs/build/js/lib/models/sources/column_data_source";
import { BasicTicker } from "@bokeh/bokehjs/build/js/lib/models/tickers/basic_ticker";
import { FixedTicker } from "@bokeh/bokehjs/build/js/lib/models/tickers/fixed_ticker";
import { Toolbar } from "@bokeh/bokehjs/build/js/lib/models/tools/toolbar";
import { Notifications } from "@bokeh/bokehjs/build/js/lib/models/ui/notifications";
import { BrowserInfo } from "@holoviz/panel/dist/lib/models/browser";
import { ReactiveESM } from "@holoviz/panel/dist/lib/models/reactive_esm";
import { Bokeh, Document, ndarray } from "./bokeh_core.js";
import { keepToOwnScripts } from "./components.js";
import { removeListenersWithViews } from "./listeners.js";

export { Bokeh, Document, ndarray };

register_models([
  ...[Notifications, BrowserInfo], // in every document
  ...[Figure, Title, LinearAxis, LogAxis, Grid, Toolbar, ImportedStyleSheet, ReactiveESM],
  ...[Range1d, LinearScale, LogScale, BasicTicker, FixedTicker, BasicTickFormatter, LogTickFormatter, AllLabels, NoOverlap],
  ...[GlyphRenderer, ColumnDataSource, CDSView, AllIndices, Selection, UnionRenderers, LinearColorMapper],
  ...[Image, ImageRGBA, Line, MultiLine, Rect, Scatter, Segment, Text, VArea],
]);

keepToOwnScripts();
removeListenersWithViews();

// Panel's report on the browser, a root of every document, which nothing here reads. Its view would open a WebGL context,
// of which a browser has sixteen, and a listener that is never removed and keeps the whole document.
/** @type {any} */ (BrowserInfo.prototype).default_view = null;

// Panel's components find the views of their children by this name.
/** @type {any} */ (window).Bokeh = Bokeh;

/** Resolves when every model in these documents can be drawn. @param {Record<string, {roots: any, defs?: {name: string}[]}>} docs */
export async function provideModels(docs) {
  const defined = Object.values(docs).flatMap(({ defs = [] }) => defs.map(({ name }) => name));
  const known = new Set([...Bokeh.Models.names, ...defined]);
  if ([...modelNames(docs)].every((name) => known.has(name))) return;
  const { registerAll } = await import("./bokeh_all.js");
  registerAll();
}

/** @param {any} value @returns {Iterable<string>} */
function* modelNames(value) {
  if (typeof value !== "object" || value === null) return;
  if (value.type === "object" && typeof value.name === "string" && "id" in value) yield value.name;
  for (const part of Object.values(value)) yield* modelNames(part);
}
