/**
 * Draws a document that Python sends, behind the still picture that stands until then, and lets the two change places.
 *
 * @typedef {{
 *   create_json_patch(events: any[]): any,
 *   apply_json_patch(patch: any, buffers?: Map<string, ArrayBuffer>): void,
 *   on_change(callback: (event: any) => void, batches: boolean): void,
 *   _all_models: Map<string, any>
 * }} BokehDocument
 * @typedef {{children(): View[], ready: Promise<void>, has_finished(): boolean, is_destroyed: boolean, repaint(): void,
 *   remove(): void, throttled_paint?: () => Promise<void>, model: any}} View  Bokeh's view of a component or a figure.
 */

/** Fetches and starts Bokeh before there is a document, as soon as the page itself has been painted. */
export function prepare() {
  requestAnimationFrame(async () => {
    await nextTask();
    await import("./bokeh_core.js");
    await nextTask(); // not all in one: the hand may come between
    await import("./bokeh.js");
  });
}

/** Resolves when all that a patch brings can be drawn. @param {any} patch */
export async function provide(patch) {
  const { provideModels } = await import("./bokeh.js");
  await provideModels({ patch: { roots: patch } });
}

/**
 * Draws a document out of sight.
 * @param {HTMLElement} place @param {Record<string, any>} docs the one document, by a name @param {string[]} roots
 * @returns {Promise<View>} of the component
 */
export async function draw(place, docs, roots) {
  const stage = /** @type {HTMLElement} */ (place.querySelector(".stage"));
  // An earlier picture stands until this one is there.
  stage.querySelector(".arriving")?.remove();
  for (const element of stage.querySelectorAll(":scope > .root")) element.remove();
  const [target, ...others] = roots.map((_, k) => {
    const element = document.createElement("div");
    element.className = k ? "root" : "arriving";
    element.hidden = k > 0; // what stands beside the component has nothing to show
    stage.append(element);
    return element;
  });
  const { Bokeh, Document, provideModels } = await import("./bokeh.js");
  await provideModels(docs);
  Bokeh.set_log_level("warn");
  const drawn = Document.from_json(Object.values(docs)[0]);
  await nextTask(); // as above
  const views = await Bokeh.embed.add_document_standalone(drawn, target, [target, ...others]);
  const [view] = /** @type {any} */ (views).roots;
  await painted(view);
  drawInNextFrame(view);
  return view;
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/** What was drawn comes into sight and what stood there goes; a control that has the focus keeps it. @param {HTMLElement} place */
export function show(place) {
  const before = place.querySelector(".still, .live-view");
  const focused = /** @type {HTMLInputElement | null} */ (before && focusWithin(before));
  const live = /** @type {HTMLElement} */ (place.querySelector(".arriving"));
  live.className = "live-view";
  before?.remove();
  if (focused?.dataset.param) within(live, `[data-param="${focused.dataset.param}"][type=${focused.type}]`)?.focus();
}

/** Takes a picture that has been replaced out of Bokeh's hands too. @param {View} view */
export function putAway(view) {
  const { documents } = /** @type {any} */ (window).Bokeh;
  documents.splice(documents.indexOf(view.model.document), 1);
  view.remove();
}

/** The element within another that has the focus, in shadow roots too. @param {Element} element */
function focusWithin(element) {
  let focused = element.contains(document.activeElement) ? document.activeElement : null;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused;
}

/** The first element that fits, in shadow roots too. @param {ParentNode} root @param {string} selector @returns {HTMLElement | null} */
function within(root, selector) {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches(selector)) return /** @type {HTMLElement} */ (element);
    const inside = element.shadowRoot && within(element.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

/**
 * Bokeh draws a figure 1/60 s after its last drawing, by a timer that then waits for a frame: a picture that changes with
 * each frame is drawn in every second one. From now on a change is drawn in the next frame.
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

/** Resolves when the view has finished drawing and a frame has passed. @param {View} view */
export async function painted(view) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await view.ready;
  for (let frames = 0; frames < 120 && !view.has_finished(); frames++) await frame();
  await frame();
}
