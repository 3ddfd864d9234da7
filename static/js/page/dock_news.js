/**
 * What a preset has changed in a docked front panel: the dock lists those measures, and shows the charts instead of the
 * picture where the preset is about them.
 *
 * @typedef {"picture" | "chart"} Look
 * @typedef {{settings: Record<string, any>, layers: Record<string, any>, ranges: Record<string, any>,
 *   texts: Record<string, any>}} Changes  See `State` in `protocol.js`.
 */

/** The changes since a preset was pressed. */
export class News {
  constructor() {
    /** Names of scenes, readings and settings. */
    this.scenes = /** @type {Set<string>} */ (new Set());
    this.readings = /** @type {Set<string>} */ (new Set());
    this.settings = /** @type {Set<string>} */ (new Set());
  }

  /** @param {Changes} changes */
  add({ settings, layers, ranges, texts }) {
    for (const name of Object.keys(settings)) this.settings.add(name);
    for (const address of Object.keys(layers)) this.scenes.add(address.split(".")[0]);
    for (const name of Object.keys(ranges)) this.scenes.add(name);
    for (const key of Object.keys(texts)) this.readings.add(key);
  }

  /**
   * Whether a part of the panel is another than before: its scenes or readings have changed, or it has come into view.
   * @param {HTMLElement} part
   */
  has(part) {
    const within = /** @type {HTMLElement[]} */ ([...part.querySelectorAll("[data-scene], [data-reading], [data-bars]")]);
    return this.brought(part) || within.some(({ dataset: { scene, reading, bars } }) =>
      this.scenes.has(String(scene)) || this.readings.has(String(reading ?? bars)));
  }

  /** Whether a setting that decides if it is shown has changed. @param {HTMLElement} part */
  brought({ dataset: { when } }) {
    return (when ?? "").split(";").some((condition) => this.settings.has(condition.split(":")[0]));
  }
}

/** The parts of a panel that are shown in its present view. @param {ParentNode} panel @param {string} selector */
export const parts = (panel, selector) =>
  /** @type {HTMLElement[]} */ ([...panel.querySelectorAll(selector)]).filter((part) => !part.hidden);

/**
 * Marks what has changed in a panel; returns what the dock should show.
 * @param {HTMLElement} panel @param {News} news @returns {{look: Look, charts: boolean}} charts: whether one has changed
 */
export function markNews(panel, news) {
  for (const measure of parts(panel, ".measures > *")) measure.toggleAttribute("data-news", news.has(measure));
  const charts = parts(panel, ".chart");
  const brought = charts.some((chart) => news.brought(chart));
  const changed = charts.some((chart) => news.has(chart));
  const picture = parts(panel, ".pane").some((pane) => news.has(pane));
  return { look: brought || (changed && !picture) ? "chart" : "picture", charts: changed };
}
