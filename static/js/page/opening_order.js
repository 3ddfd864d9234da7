/**
 * The order in which a page's instruments are opened. The first in the window is opened at once, the others when it has
 * come to life or when they come into the window. So a page's start takes no longer when it has more instruments.
 *
 * @typedef {import("./python_worker.js").Python} Python
 */
import { whenNear } from "./when_near.js";

/**
 * @param {HTMLElement[]} places of instruments, in the order of the page @param {Python} python
 * @returns {(place: HTMLElement) => Promise<unknown> | undefined} resolves when the instrument in `place` may be opened; undefined: at once
 */
export function openingOrder(places, python) {
  const first = places.find(inWindow) ?? places[0];
  const hand = new Hand();
  const started = new Promise((resolve) => {
    python.on("stage", ({ stage }) => stage === "live" && resolve(undefined));
    // The first one cannot be drawn, or has no answer: it would never come to life.
    python.on("failed", ({ where }) => where === "instrument" && resolve(undefined));
  });
  return (place) => {
    if (place === first) return undefined;
    return Promise.race([started.then(() => hand.rests()), new Promise((resolve) => whenNear(place, "0px", () => resolve(undefined)))]);
  };
}

/** @param {Element} element */
function inWindow(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/** Whether the reader holds something, such as a slider: what takes long then waits. */
class Hand {
  constructor() {
    this.holds = false;
    addEventListener("pointerdown", () => (this.holds = true), true);
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (this.holds = false), true);
  }

  /** Resolves when the reader holds nothing and the page has nothing else to do. */
  async rests() {
    for (;;) {
      await idle();
      if (!this.holds) return;
      await new Promise((resolve) => {
        for (const end of ["pointerup", "pointercancel"]) addEventListener(end, resolve, { once: true });
      });
    }
  }
}

/** Resolves when the page has nothing else to do, or after a second. */
const idle = () =>
  new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(resolve, { timeout: 1000 });
    else setTimeout(resolve);
  });
