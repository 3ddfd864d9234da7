/**
 * Draws a Bokeh document behind the still picture, then shows it in the still picture's place.
 *
 * @typedef {{
 *   create_json_patch(events: any[]): any,
 *   apply_json_patch(patch: any, buffers?: Map<string, ArrayBuffer>): void,
 *   on_change(callback: (event: any) => void, batches: boolean): void,
 *   _all_models: Map<string, any>
 * }} BokehDocument
 * @typedef {{children(): Iterable<View>, ready: Promise<void>, has_finished(): boolean, is_destroyed: boolean, repaint(): void,
 *   remove(): void, throttled_paint?: () => Promise<void>, request_repaint?: () => void, _paint?: (ctx: any, ...rest: any[]) => void, model: any}} View  Bokeh's view of a component or a figure.
 */

import { within } from "./shadow.js";

/** Loads and starts Bokeh before there is a document, as soon as the page itself has been painted. */
export function prepare() {
  const load = async () => {
    await nextTask();
    await import("./bokeh_core.js");
    await nextTask(); // in several tasks, so that input can be handled between them
    await import("./bokeh.js");
  };
  requestAnimationFrame(() => load().catch(() => {})); // reported by `draw`
}

/** Resolves when every model in a patch can be drawn. @param {any} patch */
export async function provide(patch) {
  const { provideModels } = await import("./bokeh.js");
  await provideModels({ patch: { roots: patch } });
}

/**
 * Draws a document out of sight.
 * @param {HTMLElement} place
 * @param {{doc: any, roots: string[]}} made the document as JSON, and the ids of its roots, the component first
 * @param {string} slot prefix of the models' ids, since a page may show documents of one file several times;
 *   "" leaves the ids unchanged, for a document whose ids Python uses
 * @param {(document: BokehDocument) => void} [prepared] called with the document before it is drawn
 * @returns {Promise<View>} of the component
 */
export async function draw(place, made, slot, prepared) {
  const { doc, roots } = slot ? withIds(made, slot) : made;
  const stage = /** @type {HTMLElement} */ (place.querySelector(".stage"));
  // An earlier picture stays until this one is drawn.
  stage.querySelector(".arriving")?.remove();
  for (const element of stage.querySelectorAll(":scope > .root")) element.remove();
  const [target, ...others] = roots.map((/** @type {string} */ _, /** @type {number} */ k) => {
    const element = document.createElement("div");
    element.className = k ? "root" : "arriving";
    element.hidden = k > 0; // the other roots show nothing
    stage.append(element);
    return element;
  });
  const { Bokeh, Document, provideModels } = await import("./bokeh.js");
  await provideModels({ doc });
  Bokeh.set_log_level("warn");
  const drawn = Document.from_json(doc);
  prepared?.(/** @type {any} */ (drawn));
  await nextTask(); // as above
  const views = await Bokeh.embed.add_document_standalone(drawn, target, [target, ...others]);
  const [view] = /** @type {any} */ (views).roots;
  await painted(view);
  drawInNextFrame(view);
  smoothImages(view);
  return view;
}

/** The same document with `slot` before every model's id. @param {{doc: any, roots: string[]}} made @param {string} slot */
function withIds(made, slot) {
  const renamed = (/** @type {any} */ key, /** @type {any} */ value) => (key === "id" && typeof value === "string" ? `${slot}-${value}` : value);
  return { doc: JSON.parse(JSON.stringify(made.doc, renamed)), roots: made.roots.map((id) => `${slot}-${id}`) };
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/** Shows the drawn document and removes the previous one; a focused control keeps the focus. @param {HTMLElement} place */
export function show(place) {
  const before = place.querySelector(".still, .live-view");
  const focused = /** @type {HTMLInputElement | null} */ (before && focusWithin(before));
  const live = /** @type {HTMLElement} */ (place.querySelector(".arriving"));
  live.className = "live-view";
  before?.remove();
  if (focused?.dataset.param) within(live, `[data-param="${focused.dataset.param}"][type=${focused.type}]`)?.focus();
}

/**
 * Removes a replaced picture from Bokeh as well: the views of all roots of its document, also of those that show nothing,
 * because Bokeh's index of views would keep the whole document.
 * @param {View} view
 */
export function putAway(view) {
  const { document } = view.model;
  const { documents } = /** @type {any} */ (window).Bokeh;
  documents.splice(documents.indexOf(document), 1);
  document.views_manager.clear();
  document._cancel_recompute_all_models(); // a timer of half a minute, which would keep the document as long
}

/** The element within another that has the focus, in shadow roots too. @param {Element} element */
function focusWithin(element) {
  let focused = element.contains(document.activeElement) ? document.activeElement : null;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused;
}

/**
 * Makes Bokeh draw each change in the next frame. By default it waits on a timer of 1/60 s and then for a frame, so that
 * a picture that changes with each frame is drawn only in every second one.
 * @param {View} view
 */
function drawInNextFrame(view) {
  if (view.throttled_paint) {
    /** @type {Promise<void> | undefined} */ let asked;
    const draw = (/** @type {() => void} */ drawn) =>
      requestAnimationFrame(() => {
        asked = undefined;
        if (!view.is_destroyed) view.repaint();
        drawn();
      });
    view.throttled_paint = () => (asked ??= new Promise(draw));
  }
  for (const child of view.children()) drawInNextFrame(child);
}

/**
 * Draws images with the tag "smooth" by interpolation between their cells. Bokeh switches that off before it draws any
 * image; while one of these is drawn, the switch is out of its reach. A figure that has one is painted again.
 * @param {View} view @returns {boolean} whether there is such an image
 */
function smoothImages(view) {
  const { _paint: paint, model } = view;
  const smooth = paint !== undefined && model.tags?.includes("smooth");
  if (paint && smooth)
    view._paint = function (ctx, ...rest) {
      Object.defineProperty(ctx, "imageSmoothingEnabled", { configurable: true, get: () => true, set() {} });
      try {
        paint.call(this, ctx, ...rest);
      } finally {
        Reflect.deleteProperty(ctx, "imageSmoothingEnabled");
      }
    };
  const within = [...view.children()].filter(smoothImages);
  if (within.length) view.request_repaint?.();
  return smooth || within.length > 0;
}

/** Resolves when the view has finished drawing and a frame has passed. @param {View} view */
export async function painted(view) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await view.ready;
  for (let frames = 0; frames < 120 && !view.has_finished(); frames++) await frame();
  await frame();
}
