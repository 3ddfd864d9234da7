/** Before Python is live: the main slider shows the nearest frame in all pictures, and remembers where it was put. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openStill } from "../../static/js/page/still_frames.js";

const film = {
  param: "t",
  places: [0, 0.5, 1],
  pictures: ["<svg>far</svg>", "<svg>near</svg>", "<svg>chart</svg>"],
  frames: [0, 1, 0].map((picture, k) => ({
    pictures: [picture, 2], readings: { sum: String(k) }, status: `status ${k}`, description: `frame ${k}`,
  })),
};

/** @returns {any} */
function element(dataset = {}, more = {}) {
  /** @type {Record<string, ((event: any) => void)[]>} */
  const listeners = {};
  return {
    dataset, innerHTML: "", textContent: "", attributes: /** @type {Record<string, any>} */ ({}),
    setAttribute(/** @type {string} */ name, /** @type {any} */ value) { this.attributes[name] = value; },
    addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => (listeners[name] ??= []).push(listener),
    fire: (/** @type {string} */ name) => (listeners[name] ?? []).forEach((listener) => listener({})),
    ...more,
  };
}

/** @type {any} */ let input;
/** @type {any} */ let slider;
/** @type {any[]} */ let figures;
/** @type {any} */ let sum;
/** @type {any} */ let status;
/** @type {any} */ let place;
/** @type {string[]} */ let fetched;
/** @type {(() => void)[]} */ let near;
/** @type {Record<string, (() => void)[]>} */ let onWindow;

beforeEach(() => {
  fetched = [];
  near = [];
  onWindow = {};
  slider = element();
  input = element({ param: "t" }, {
    matches: () => false, type: "range", min: "0", max: "1", step: "0.01", value: "", valueAsNumber: NaN, style: { setProperty() {} }, closest: () => slider,
  });
  figures = [element({ scene: "plane", place: "0" }), element({ scene: "chart", place: "1" })];
  [sum, status] = [element({ reading: "sum" }), element()];
  const pane = element({}, { hidden: false, querySelector: () => figures[0] });
  const all = /** @type {Record<string, any[]>} */ ({ ".pane": [pane], "[data-scene]": figures, "[data-reading]": [sum], '.slider input[data-param="t"]': [input] });
  const one = /** @type {Record<string, any>} */ ({ "[data-status]": status });
  const panel = element({}, {
    isConnected: true,
    querySelector: (/** @type {string} */ selector) => one[selector] ?? null,
    querySelectorAll: (/** @type {string} */ selector) => all[selector] ?? [],
  });
  place = element({ frames: "frames.json", framesParam: "t" }, { querySelector: () => panel });
  Object.assign(globalThis, {
    fetch: async (/** @type {string} */ address) => (fetched.push(address), Response.json(film)),
    location: new URL("http://lab/"),
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ listener) => (onWindow[name] ??= []).push(listener),
    IntersectionObserver: class {
      constructor(/** @type {any} */ seen) { near.push(() => seen([{ isIntersecting: true }])); }
      observe() {}
      disconnect() {}
    },
  });
});

const settled = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
};

/** The reader moves the slider. @param {number} value */
async function move(value) {
  input.valueAsNumber = value;
  input.fire("input");
  await settled();
}

test("the frames are fetched once, when the picture is near", async () => {
  openStill(place, {});
  assert.deepEqual(fetched, []);
  near[0]();
  await settled();
  await move(0.4);
  assert.deepEqual(fetched, ["frames.json"]);
  assert.equal("ready" in slider.dataset, true);
});

test("each picture, the texts and the label are those of the nearest frame", async () => {
  openStill(place, {});
  await move(0.3);
  assert.deepEqual(figures.map(({ innerHTML }) => innerHTML), ["<svg>near</svg>", "<svg>chart</svg>"]);
  assert.deepEqual([sum.textContent, status.textContent, figures[0].attributes["aria-label"]], ["1", "status 1", "frame 1"]);
  await move(0.2);
  assert.equal(figures[0].innerHTML, "<svg>far</svg>");
  assert.equal(sum.textContent, "0");
});

test("where the slider was put is remembered and told, within its bounds", async () => {
  let told = 0;
  const still = openStill(place, {}, () => told++);
  assert.deepEqual(still?.moved, {});
  await move(7);
  assert.deepEqual(still?.moved, { t: 1 });
  await move(NaN);
  assert.deepEqual(still?.moved, { t: 1 });
  assert.equal(told, 1);
});

for (const end of ["pointerup", "pointercancel"])
  test(`a hand on the slider is waited for, until ${end}`, async () => {
    const still = openStill(place, {});
    let free = false;
    input.fire("pointerdown");
    still?.released().then(() => (free = true));
    await settled();
    assert.equal(free, false);
    for (const listener of onWindow[end] ?? []) listener();
    await settled();
    assert.equal(free, true);
  });

test("an address that asks for the slider's setting alone is shown; one that asks for more has no frames", async () => {
  assert.ok(openStill(place, { t: "0.6" }));
  await settled();
  assert.equal(figures[0].innerHTML, "<svg>near</svg>");
  assert.equal(input.value, "0.60");
  assert.equal(openStill(place, { t: "0.6", view: "b" }), undefined);
});

test("without frames there is nothing to move, and frames that do not come are done without", async () => {
  assert.equal(openStill(element({}, { querySelector: () => null }), {}), undefined);
  globalThis.fetch = async () => Promise.reject(new Error("no network"));
  const still = openStill(place, {});
  await move(0.3);
  assert.deepEqual([figures[0].innerHTML, still?.moved], ["", { t: 0.3 }]);
});
