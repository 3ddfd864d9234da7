/**
 * Keeps an instrument in sight while its text is read. A preset of an instrument that is out of sight moves its picture
 * and main controls to a dock: the right margin, or the foot of a smaller window. The dock lists the measures that the
 * preset has changed, and shows the charts instead of the picture where the preset is about them. The page scrolls only
 * where the dock would cover the line that is being read. The dock ends when the reader comes to the instrument, or
 * closes it.
 *
 * @typedef {import("./dock_news.js").Look} Look
 * @typedef {import("./dock_news.js").Changes} Changes
 */
import { within } from "../bokeh/shadow.js";
import { markNews, News, parts } from "./dock_news.js";

/** Share of a picture, or of the window where that is lower, that counts as in sight. */
const ENOUGH = 0.6;

/** Pixels between the line that is being read and the dock. */
const CLEAR = 12;

/** The instrument that is docked. @type {Dock | undefined} */
let docked;

/**
 * Docks an instrument unless it is in sight.
 * @param {HTMLElement} place its figure @param {HTMLElement} line the preset that was pressed
 */
export function keepInSight(place, line) {
  if (docked?.place !== place) {
    if (inSight(place)) return;
    undock();
    docked = new Dock(place);
  }
  docked.follow(line);
}

/** Puts the docked instrument back in its place. */
export function undock() {
  docked?.end();
  docked = undefined;
}

/** Called when changes of an instrument are shown. @param {HTMLElement} place @param {Changes} changes */
export function dockChanges(place, changes) {
  if (docked?.place === place) docked.changes(changes);
}

/** @param {HTMLElement} place */
function inSight(place) {
  const picture = within(place, ".picture") ?? place;
  const box = picture.getBoundingClientRect();
  const visible = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  return visible >= ENOUGH * Math.min(box.height, innerHeight);
}

class Dock {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.stage = /** @type {HTMLElement} */ (place.querySelector(".stage"));
    /** @type {Look} */ this.look = "picture";
    /** The preset whose changes are followed, until the reader moves something in the dock. @type {HTMLElement | undefined} */
    this.line = undefined;
    /** The preset that was pressed last: the way back to the text leads there. @type {HTMLElement} */
    this.from = place;
    this.news = new News();
    this.tabs = { picture: button("Picture", () => this.turn("picture")), chart: button("Chart", () => this.turn("chart")) };
    place.style.minHeight = `${place.offsetHeight}px`; // the text below does not move
    this.stage.prepend(this.#bar());
    place.classList.add("docked");
    this.ended = new AbortController();
    const { signal } = this.ended;
    place.addEventListener("lab:state", () => this.#mark(), { signal }); // a live view that replaces the still picture
    for (const event of ["pointerdown", "keydown"])
      this.stage.addEventListener(event, () => (this.line = undefined), { capture: true, signal });
    this.near = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && undock(), {
      rootMargin: "-30% 0px -30% 0px",
    });
    this.near.observe(place);
    this.grows = new ResizeObserver(() => this.#clear());
    this.grows.observe(this.stage);
    this.#mark();
  }

  /** A preset was pressed: what changes from now on is due to it. @param {HTMLElement} line */
  follow(line) {
    this.line = this.from = line;
    this.news = new News();
    this.#clear();
  }

  /** @param {Changes} changes */
  changes(changes) {
    const panel = this.#panel();
    if (!this.line || !panel) return;
    this.news.add(changes);
    const { look, charts } = markNews(panel, this.news);
    this.tabs.chart.toggleAttribute("data-news", charts);
    this.turn("chart" in this.line.dataset ? "chart" : look);
  }

  /** Shows the picture or the charts. @param {Look} look */
  turn(look) {
    this.look = look;
    this.#mark();
  }

  /** The text below keeps its place in the window: the instrument may have got another height in its dock. */
  end() {
    const before = this.place.getBoundingClientRect().bottom;
    this.near.disconnect();
    this.grows.disconnect();
    this.ended.abort();
    this.stage.querySelector(".dock-bar")?.remove();
    this.place.classList.remove("docked");
    this.place.style.minHeight = "";
    this.#panel()?.removeAttribute("data-docked");
    const grown = this.place.getBoundingClientRect().bottom - before;
    if (grown && before <= 0) scrollBy(0, grown);
  }

  /** The front panel, which may be in a shadow root. */
  #panel() {
    return within(this.place, ".front-panel");
  }

  /** Tells the front panel what to show. */
  #mark() {
    const panel = this.#panel();
    const charts = panel !== null && parts(panel, ".chart").length > 0;
    const look = charts ? this.look : "picture";
    panel?.setAttribute("data-docked", look);
    for (const [name, tab] of Object.entries(this.tabs)) {
      tab.hidden = !charts;
      tab.ariaPressed = String(name === look);
    }
  }

  /** Scrolls by what the dock covers of the line that is being read. */
  #clear() {
    const line = this.line?.getBoundingClientRect();
    const dock = this.stage.getBoundingClientRect();
    if (!line || line.right < dock.left || line.top > innerHeight) return;
    const covered = line.bottom + CLEAR - dock.top;
    if (covered > 0) scrollBy(0, covered);
  }

  /** The head of the dock: its title, what it shows, the way to the whole instrument, and an end. */
  #bar() {
    const { place } = this;
    const made = document.createElement("div");
    made.className = "dock-bar";
    const title = document.createElement("b");
    title.textContent = place.querySelector(".instrument-title")?.textContent ?? "";
    const whole = document.createElement("a");
    whole.href = `#${place.id}`;
    whole.textContent = "Whole instrument";
    whole.addEventListener("click", () => {
      const { from } = this;
      const { top } = from.getBoundingClientRect();
      undock();
      offerReturn(place, from, top);
    });
    const close = button("×", undock);
    close.className = "close";
    close.ariaLabel = "Close";
    made.append(title, this.tabs.picture, this.tabs.chart, whole, close);
    return made;
  }
}

/** @param {string} words @param {() => void} act */
function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

/**
 * A button at the instrument that goes back to the line that was being read, as the browser's own Back does.
 * @param {HTMLElement} place @param {HTMLElement} line @param {number} top where the line was in the window
 */
function offerReturn(place, line, top) {
  const header = /** @type {HTMLElement} */ (place.querySelector("header"));
  header.querySelector(".return")?.remove();
  const there = location.hash === `#${place.id}`; // then the link adds no step to the browser's history
  const ended = new AbortController();
  const back = button("Back to the text", () => (there ? stand() : history.back()));
  back.className = "return";
  header.insertBefore(back, header.querySelector(".menu"));
  // The browser remembers where the page was; but it notes that a moment late, and heights may have changed since.
  const stand = () => {
    ended.abort();
    back.remove();
    scrollBy(0, line.getBoundingClientRect().top - top);
  };
  const gone = () => location.hash !== `#${place.id}` && requestAnimationFrame(() => requestAnimationFrame(stand));
  if (!there) addEventListener("popstate", gone, { signal: ended.signal });
}
