/** Layers: what Python answers is put into the document that was made at build time, and both themes' colours. */
import assert from "node:assert/strict";
import { register } from "node:module";
import { beforeEach, test } from "node:test";

const bokeh = "export const ndarray = (array, { shape }) => ({ array, shape });";
const resolve = `export const resolve = (name, context, next) =>
  name === "./bokeh.js"
    ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(bokeh)}`)}, shortCircuit: true }
    : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);

const { applyState, fitWords, restyle, scenesOf } = await import("../../static/js/bokeh/layers.js");

/** A model of Bokeh: notes what is set. @param {string} type @param {string | null} name @returns {any} */
function model(type, name, more = {}) {
  const made = { type, name, calls: 0, ...more, setv(/** @type {object} */ values) {
    made.calls++;
    Object.assign(made, values);
  } };
  return made;
}

/** @type {Record<string, any>} */ let models;
/** @type {any} */ let bokehDocument;
/** @type {any} */ let scenes;
/** @type {any} */ let settings;

const empty = {
  settings: {}, layers: {}, visible: {}, ranges: {}, texts: {}, numbers: {},
  status: null, description: null, query: null, pale: [], progress: null,
};
const apply = (/** @type {object} */ changed, /** @type {any[]} */ arrays = []) =>
  applyState(settings, scenes, /** @type {any} */ ({ ...empty, ...changed }), arrays);

beforeEach(async () => {
  const range = () => model("Range1d", null, { start: 0, end: 1 });
  models = {
    dots: model("ColumnDataSource", "plane.dots", { data: {} }),
    heat: model("ColumnDataSource", "plane.heat", { data: {} }),
    drawn: model("GlyphRenderer", "plane.dots", { visible: true }),
    plane: model("Figure", "plane", { x_range: range(), y_range: range() }),
    other: model("Div", "plane.dots"),
    nameless: model("ColumnDataSource", null),
  };
  bokehDocument = { _all_models: new Map(Object.entries(models)) };
  scenes = await scenesOf(bokehDocument);
  settings = model("Data", null, { query: "", readings_shown: { sum: "1", n: "2" }, numbers: { sum: 1 } });
});

test("sources, renderers and figures are found by type and name", () => {
  assert.deepEqual([...scenes.sources.keys()], ["plane.dots", "plane.heat"]);
  assert.equal(scenes.sources.get("plane.dots"), models.dots);
  assert.deepEqual([...scenes.renderers], [["plane.dots", models.drawn]]);
  assert.deepEqual([...scenes.figures], [["plane", models.plane]]);
});

test("columns are put into the source of their layer as they came: arrays by number, texts as they are", () => {
  const x = new Float32Array([1, 2]);
  const y = new Float32Array([3, 4]);
  const columns = { x: { array: 1, shape: [2] }, y: { array: 0, shape: [2] }, text: ["a", "b"] };
  apply({ layers: { "plane.dots": columns } }, [y, x]);
  assert.equal(models.dots.data.x, x);
  assert.equal(models.dots.data.y, y);
  assert.deepEqual(models.dots.data.text, ["a", "b"]);
  assert.equal(models.heat.calls, 0, "what has not changed is left alone");
});

test("a picture is one row, in its shape", () => {
  const image = new Uint8Array(6);
  apply({ layers: { "plane.heat": { image: { array: 0, shape: [2, 3] } } } }, [image]);
  assert.deepEqual(models.heat.data, { image: [{ array: image, shape: [2, 3] }] });
});

test("a layer is shown or hidden, and axes move", () => {
  apply({ visible: { "plane.dots": false }, ranges: { plane: [[-1, 1], [0, 9]] } });
  assert.equal(models.drawn.visible, false);
  const { x_range: x, y_range: y } = models.plane;
  assert.deepEqual([x.start, x.end, y.start, y.end], [-1, 1, 0, 9]);
});

test("a layer that the page does not have is passed over", () => {
  apply({ layers: { "plane.new": { text: [] } }, visible: { "plane.new": true }, ranges: { other: [[0, 1], [0, 1]] } });
});

test("settings, readings and words are set at once, what is left out stays", () => {
  apply({ settings: { t: 0.5 }, texts: { sum: "3" }, numbers: { sum: 3 }, status: "done", query: "t=0.5" });
  assert.equal(settings.calls, 1);
  assert.equal(settings.t, 0.5);
  assert.deepEqual(settings.readings_shown, { sum: "3", n: "2" });
  assert.deepEqual(settings.numbers, { sum: 3 });
  assert.deepEqual([settings.status, settings.query], ["done", "t=0.5"]);
  assert.equal("description" in settings, false);
});

test("readings that have not changed are not written", () => {
  const { readings_shown: shown, numbers } = settings;
  apply({});
  assert.equal(settings.readings_shown, shown);
  assert.equal(settings.numbers, numbers);
  apply({ numbers: { sum: 1.0001 } });
  assert.equal(settings.readings_shown, shown, "a number may change where its text does not");
  assert.deepEqual(settings.numbers, { sum: 1.0001 });
});

test("an empty text is a text", () => {
  Object.assign(settings, { status: "before", description: "before", query: "before" });
  apply({ status: "", description: "", query: "" });
  assert.deepEqual([settings.status, settings.description, settings.query], ["", "", ""]);
});

test("playing waits while the reader waits for work; scenes that lag behind are pale", () => {
  apply({ progress: [1, 5, "steps"], pale: ["plane"] });
  assert.deepEqual([settings.waiting, settings.pale], [true, ["plane"]]);
  apply({ progress: null, pale: [] });
  assert.deepEqual([settings.waiting, settings.pale], [false, []]);
});

test("colours of a theme are set on every model that has them", () => {
  const light = { fill_color: "#111", palette: ["#222"] };
  models.drawn.tags = ["ref", { light, dark: { fill_color: "#eee", palette: ["#ddd"] } }];
  models.other.tags = [new Map([["light", new Map([["line_color", "#333"]])], ["dark", new Map([["line_color", "#ccc"]])]])];
  models.nameless.tags = ["ref"];
  restyle(bokehDocument, "dark");
  assert.deepEqual([models.drawn.fill_color, models.drawn.palette, models.other.line_color], ["#eee", ["#ddd"], "#ccc"]);
  restyle(bokehDocument, "light");
  assert.deepEqual([models.drawn.fill_color, models.drawn.palette, models.other.line_color], ["#111", ["#222"], "#333"]);
  assert.equal(models.nameless.calls + models.dots.calls, 0);
});

test("words shrink with a narrow picture, but stay legible; small ones stay as they are", () => {
  const inner_width = { change: { connect: (/** @type {() => void} */ resized) => (resize = resized) } };
  let resize = () => {};
  const sizes = [19, 13, 9].map((size) => {
    const glyph = model("Text", null, { text_font_size: { value: `${size}px` } });
    const figure = model("Figure", "plane", { inner_width: 400, properties: { inner_width } });
    fitWords(/** @type {any} */ ({ renderers: new Map([["plane.words", { glyph }]]), figures: new Map([["plane", figure]]) }));
    const at = (/** @type {number} */ width) => {
      figure.inner_width = width;
      resize();
      return glyph.text_font_size.value;
    };
    return [at(400), at(240), at(120)];
  });
  assert.deepEqual(sizes, [["19.0px", "15.2px", "11.0px"], ["13.0px", "11.0px", "11.0px"], ["9.0px", "9.0px", "9.0px"]]);
});
