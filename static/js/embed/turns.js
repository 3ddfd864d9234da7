/**
 * When a frame may start Python: when it is in sight, and after the frames of the lab that asked before it, so that ten
 * on a page do not keep the first from starting. A press starts it at once.
 */

const LOCK = "diffusion-lab start";
const SPREAD_MS = 150; // a frame that is hardly in sight asks this much later than one that is wholly

/**
 * Resolves when this frame may start, with a function to call when it has started.
 * @param {Element} element @param {{paused: boolean, pressed: Promise<void>}} options paused: waits for the press
 * @returns {Promise<() => void>}
 */
export async function turn(element, { paused, pressed }) {
  const begun = () => {};
  if (paused) return pressed.then(() => begun);
  if (window.parent === window) return begun;
  const sight = new Sight(element);
  const atOnce = pressed.then(() => "pressed");
  for (;;) {
    if ((await Promise.race([atOnce, sight.seen()])) === "pressed") break;
    await new Promise((resolve) => setTimeout(resolve, SPREAD_MS * (1 - sight.share)));
    const asked = new AbortController();
    const release = await Promise.race([atOnce, sight.lost(), lock(asked.signal)]);
    if (typeof release === "function") {
      sight.close();
      return release;
    }
    asked.abort();
    if (release === "pressed") break;
  }
  sight.close();
  return begun;
}

/** Waits for the lock that all frames of the lab on a page share; resolves with the function that releases it. @param {AbortSignal} signal @returns {Promise<() => void>} */
function lock(signal) {
  return new Promise((granted) => {
    const alone = () => granted(() => {}); // no locks here: no frame waits for another
    const held = () =>
      new Promise((release) => {
        signal.addEventListener("abort", release);
        granted(() => release(undefined));
        if (signal.aborted) release(undefined);
      });
    try {
      navigator.locks.request(LOCK, { signal }, held).catch(alone);
    } catch {
      alone();
    }
  });
}

/** Whether an element is in sight, and how much of it. */
class Sight {
  /** @param {Element} element */
  constructor(element) {
    this.share = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.observer = new IntersectionObserver(
      (entries) => {
        this.share = entries.at(-1)?.intersectionRatio ?? 0;
        if (entries.at(-1)?.isIntersecting) this.share ||= 0.01;
        for (const act of this.waiting.splice(0)) act();
      },
      { threshold: [0, 0.25, 0.5, 0.75, 1] },
    );
    this.observer.observe(element);
  }

  /** @param {() => boolean} holds */
  async #until(holds) {
    while (!holds()) await new Promise((resolve) => this.waiting.push(() => resolve(undefined)));
  }

  /** Resolves when it is in sight. */
  seen() {
    return this.#until(() => this.share > 0);
  }

  /** Resolves when it is out of sight. */
  lost() {
    return this.#until(() => this.share === 0);
  }

  close() {
    this.observer.disconnect();
  }
}
