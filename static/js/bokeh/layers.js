/**
 * Puts Python's answers into the Bokeh document of an instrument: columns of layers into their sources, settings and
 * readings into the model of the component. The models' tags hold the colours of both themes.
 *
 * @typedef {import("../page/protocol.js").State} State
 * @typedef {import("./bokeh_view.js").BokehDocument} BokehDocument
 * @typedef {{query: string, readings_shown: Record<string, any>, numbers: Record<string, any>,
 *   playing: boolean, setv(values: Record<string, any>): void}} Settings  The Bokeh model that holds an instrument's properties.
 * @typedef {{sources: Map<string, any>, renderers: Map<string, any>, figures: Map<string, any>,
 *   ndarray: (array: any, options: {shape: number[]}) => any}} Scenes  Sources and glyph renderers by "scene.layer",
 *   figures by scene, and the constructor of arrays with several axes.
 */

/** @param {BokehDocument} document @returns {Promise<Scenes>} */
export async function scenesOf(document) {
  const { ndarray } = await import("./bokeh.js");
  /** @type {Scenes} */
  const scenes = { sources: new Map(), renderers: new Map(), figures: new Map(), ndarray };
  const kinds = /** @type {Record<string, Map<string, any>>} */ ({
    ColumnDataSource: scenes.sources, GlyphRenderer: scenes.renderers, Figure: scenes.figures,
  });
  for (const model of document._all_models.values()) if (model.name) kinds[model.type]?.set(model.name, model);
  return scenes;
}

/** Down to this width of a picture its words keep their size; in a narrower one they shrink with it, down to LEAST pixels. */
const NARROW = 300;
const LEAST = 11;

/** Keeps the words of pictures as large as their place, whatever width they have. @param {Scenes} scenes */
export function fitWords({ renderers, figures }) {
  for (const [address, { glyph }] of renderers) {
    const size = parseFloat(glyph?.text_font_size?.value);
    const figure = figures.get(address.split(".")[0]);
    if (!size || !figure) continue;
    const fit = () => {
      const width = figure.inner_width || NARROW;
      const fitted = Math.max(Math.min(size, LEAST), size * Math.min(1, width / NARROW));
      glyph.setv({ text_font_size: { value: `${fitted.toFixed(1)}px` } });
    };
    figure.properties.inner_width.change.connect(fit);
    fit();
  }
}

/** @param {Settings} settings @param {Scenes} scenes @param {State} state @param {any[]} arrays that it refers to */
export function applyState(settings, scenes, state, arrays) {
  for (const [address, columns] of Object.entries(state.layers)) {
    /** @type {Record<string, any>} */
    const data = {};
    for (const [name, column] of Object.entries(columns)) {
      if (Array.isArray(column)) data[name] = column;
      else if (name === "image") data[name] = [scenes.ndarray(arrays[column.array], { shape: column.shape })];
      else data[name] = arrays[column.array];
    }
    scenes.sources.get(address)?.setv({ data });
  }
  for (const [address, visible] of Object.entries(state.visible)) scenes.renderers.get(address)?.setv({ visible });
  for (const [name, [x, y]] of Object.entries(state.ranges)) {
    const figure = scenes.figures.get(name);
    figure?.x_range.setv({ start: x[0], end: x[1] });
    figure?.y_range.setv({ start: y[0], end: y[1] });
  }
  /** @type {Record<string, any>} */
  const values = { ...state.settings, pale: state.pale, waiting: state.progress !== null };
  if (Object.keys(state.texts).length) values.readings_shown = { ...settings.readings_shown, ...state.texts };
  if (Object.keys(state.numbers).length) values.numbers = { ...settings.numbers, ...state.numbers };
  for (const name of /** @type {const} */ (["status", "description", "query"])) if (state[name] !== null) values[name] = state[name];
  settings.setv(values);
}

/** Applies the theme's colours to every model that has colours. @param {BokehDocument} document @param {string} theme */
export function restyle(document, theme) {
  for (const model of document._all_models.values())
    for (const tag of model.tags ?? []) {
      const colours = tag instanceof Map ? tag.get(theme) : tag?.[theme];
      if (colours) model.setv(colours instanceof Map ? Object.fromEntries(colours) : colours);
    }
}
