/**
 * The height of an embedded page. A host that listens gives the frame the height of the whole content. In a frame that
 * stays lower, the instrument takes the compact layout: picture, main slider and run button fit, the rest is in a drawer.
 *
 * The height that is reported depends on the width alone: it is that of the full layout, in the compact one too.
 */
import { Heights } from "./heights.js";

const LOW = 500; // below this height a frame is compact at once
const COMPACT_HEIGHT = 480; // reported where the address asks for the compact layout
const NEARLY = 24; // a frame that lacks no more than this while it loads was made for the full layout: the host will mend it

/** Whether the reader has pressed what moves the picture. @param {Event} event */
function moves(event) {
  const [target] = event.composedPath(); // within the shadow root of Python's panel
  return target instanceof Element && target.closest(".slider, .pad, .transport") !== null;
}

export class Layout {
  /**
   * @param {HTMLElement} content whose height is reported @param {"auto" | "compact" | "full" | "plain"} asked "plain":
   *   a page without a compact layout @param {(height: number) => void} report
   */
  constructor(content, asked, report) {
    this.content = content;
    this.asked = asked;
    this.report = report;
    this.heights = new Heights();
    this.follows = false; // the host has set the height that was reported
    this.compact = document.documentElement.dataset.layout === "compact"; // set by the page's head
    /** @type {Set<HTMLElement>} */
    this.panels = new Set();
    for (const event of ["pointerdown", "keydown"]) addEventListener(event, (pressed) => this.heights.renew(moves(pressed)), true);
    addEventListener("resize", () => this.#resized());
    if (document.readyState !== "complete") addEventListener("load", () => this.#resized(), { once: true });
    new ResizeObserver(() => this.#tell()).observe(content);
    const stage = content.querySelector(".stage");
    if (stage) new ResizeObserver(() => this.#fill(stage)).observe(stage);
    this.#resized();
  }

  /** A front panel that has come into the page. @param {HTMLElement} panel */
  add(panel) {
    this.panels.add(panel);
    this.#mark(this.compact);
  }

  /** Reports the height again, for a host that has asked. */
  repeat() {
    this.heights.renew();
    this.heights.sent = 0;
    this.#tell();
  }

  #resized() {
    if (this.asked !== "plain") this.#choose();
    this.#tell(window.innerHeight === this.heights.sent);
  }

  #choose() {
    const full = this.#full();
    if (this.heights.sent && window.innerHeight === this.heights.sent && this.asked !== "compact") this.follows = true;
    const lacks = full - window.innerHeight;
    const low = lacks > (document.readyState === "complete" ? 1 : NEARLY) || (lacks > 0 && window.innerHeight < LOW);
    const framed = window.parent !== window;
    this.#mark(this.asked === "compact" || (this.asked === "auto" && framed && low && !this.follows));
  }

  /** @param {boolean} [echo] whether the frame has just got the height that was reported last */
  #tell(echo) {
    const next = this.heights.next(this.#wanted(), window.innerWidth, echo);
    if (next !== undefined) this.report(next);
    // Where the host follows, no scroll bar flashes before it has; one remains possible where reports have ended.
    document.documentElement.toggleAttribute("data-follows", this.follows && this.heights.left > 0);
  }

  #wanted() {
    return this.asked === "compact" ? Math.min(this.#full(), COMPACT_HEIGHT) : this.#full();
  }

  /** The height that would be reported in a frame of another width. @param {number} width */
  heightAt(width) {
    const root = document.documentElement;
    const framed = root.hasAttribute("data-framed");
    root.toggleAttribute("data-framed", true); // pictures are bounded by the window elsewhere
    this.content.style.width = `${width}px`;
    const height = this.#wanted();
    this.content.style.width = "";
    root.toggleAttribute("data-framed", framed);
    return height;
  }

  /** The height of the content in the full layout; measured without a paint in the compact one. */
  #full() {
    const { compact } = this;
    if (compact) this.#mark(false);
    const { height } = this.content.getBoundingClientRect();
    if (compact) this.#mark(true);
    return Math.ceil(height);
  }

  /** @param {boolean} compact */
  #mark(compact) {
    this.compact = compact;
    const layout = compact ? "compact" : "full";
    document.documentElement.dataset.layout = layout;
    for (const panel of this.panels) panel.dataset.layout = layout;
  }

  /** The front panel of a compact page is as high as its stage. @param {Element} stage */
  #fill(stage) {
    document.documentElement.style.setProperty("--panel-height", `${stage.clientHeight}px`);
  }
}
