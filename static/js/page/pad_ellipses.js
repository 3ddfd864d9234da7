/**
 * The editor of a mixture of Gaussians on the picture: each has a knob at its centre, the chosen one a knob at the end of
 * each axis. Loaded when the pad is first shown. The setting is a text (`Ellipses` in app/instrument/panel.py).
 *
 * @typedef {{x: number, y: number, along: number, across: number, angle: number, weight: number}} Gaussian  In data units
 *   and radians; weight from 0 to 1, relative to the others.
 * @typedef {{extent: number, sds: [number, number]}} Range  Half the width of the picture, and the bounds of deviations.
 */

const STEPS = 1295; // a number has two base-36 digits
const OUTSIDE = 17; // pixels between an ellipse and the knobs of its axes
const DRAWN = 2; // standard deviations at which an ellipse is drawn

/** @param {number} value @param {number} low @param {number} high */
const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** The Gaussians that a text means. @param {string} text @param {Range} range @returns {Gaussian[]} */
export function read(text, { extent, sds: [low, high] }) {
  return (text.match(/.{12}/g) ?? []).map((code) => {
    const [x, y, along, across, angle, weight] = (code.match(/../g) ?? []).map((digits) => parseInt(digits, 36) / STEPS);
    return {
      x: extent * (2 * x - 1), y: extent * (2 * y - 1), weight,
      along: low + (high - low) * along, across: low + (high - low) * across, angle: (Math.PI * angle * STEPS) / (STEPS + 1),
    };
  });
}

/** The text of Gaussians; what is out of bounds is moved into them. @param {Gaussian[]} gaussians @param {Range} range */
export function written(gaussians, { extent, sds: [low, high] }) {
  const turn = (/** @type {number} */ angle) => (((angle / Math.PI) % 1) + 1) % 1;
  return gaussians
    .flatMap(({ x, y, along, across, angle, weight }) => [
      (x / extent + 1) / 2, (y / extent + 1) / 2, (along - low) / (high - low), (across - low) / (high - low),
      Math.round(turn(angle) * (STEPS + 1)) % (STEPS + 1) / STEPS, weight,
    ])
    .map((share) => Math.round(STEPS * within(share, 0, 1)).toString(36).padStart(2, "0"))
    .join("");
}

/** A new Gaussian, where it is furthest from the others. @param {Gaussian[]} others @param {number} extent @returns {Gaussian} */
export function added(others, extent) {
  const along = [-0.6, -0.3, 0, 0.3, 0.6].map((share) => share * extent);
  const places = along.flatMap((y) => along.map((x) => ({ x, y })));
  const room = ({ x, y } = { x: 0, y: 0 }) => Math.min(...others.map((other) => Math.hypot(other.x - x, other.y - y)));
  const best = places.reduce((a, b) => (room(b) > room(a) + 1e-9 ? b : a));
  const weight = others.reduce((sum, other) => sum + other.weight, 0) / (others.length || 1);
  return { ...best, along: 0.4, across: 0.2, angle: 0, weight: weight || 0.5 };
}

/** What a key does to a Gaussian at one of its knobs; null for another key. @param {Gaussian} g @param {string} part @param {KeyboardEvent} event */
export function keyed(g, part, { key, shiftKey }) {
  const far = shiftKey ? 10 : 1;
  const [across, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] ?? [0, 0];
  if (key === "+" || key === "-") return { ...g, weight: within(g.weight + (key === "+" ? 0.05 : -0.05), 0, 1) };
  if (!across && !up) return null;
  if (part === "centre") return { ...g, x: g.x + 0.05 * far * across, y: g.y + 0.05 * far * up };
  const turned = g.angle - (across * far * Math.PI) / 36;
  return part === "along"
    ? { ...g, along: g.along + 0.02 * far * up, angle: turned }
    : { ...g, across: g.across + 0.02 * far * up, angle: turned };
}

/** What a pull of a knob to (x, y) makes of a Gaussian. @param {Gaussian} g @param {string} part @param {number} x @param {number} y @param {number} outside in data units */
export function pulled(g, part, x, y, outside) {
  if (part === "centre") return { ...g, x, y };
  const [dx, dy] = [x - g.x, y - g.y];
  const sd = (Math.hypot(dx, dy) - outside) / DRAWN;
  if (part === "along") return { ...g, along: sd, angle: Math.atan2(dy, dx) };
  return { ...g, across: sd, angle: Math.atan2(dy, dx) - Math.PI / 2 };
}

/** A Gaussian in words, and how it is changed. @param {Gaussian[]} all @param {number} k @param {string} how */
export function words(all, k, how) {
  const g = all[k];
  const share = g.weight + 1 / STEPS;
  const total = all.reduce((sum, other) => sum + other.weight + 1 / STEPS, 0);
  const [x, y, along, across] = [g.x, g.y, g.along, g.across].map((value) => value.toFixed(2));
  const [turned, weight] = [(180 * g.angle) / Math.PI, (100 * share) / total].map(Math.round);
  return `Gaussian ${k + 1} of ${all.length}: at (${x}, ${y}), standard deviations ${along} and ${across}, turned ${turned}°, weight ${weight} %; ${how}`;
}

/** Builds the editor on its pad. @param {HTMLElement} pad @param {import("./front_panel.js").Model} model */
export function edit(pad, model) {
  const { ellipses: name = "", start = "", max = "8" } = pad.dataset;
  const range = { extent: Number(pad.dataset.extent), sds: /** @type {[number, number]} */ (String(pad.dataset.sds).split(" ").map(Number)) };
  /** @type {string[]} */ const before = []; // texts to go back to
  let chosen = 0;
  pad.innerHTML = `<svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true"></svg><div class="knobs"></div>
    <div class="bar"><button type="button" data-do="add">Add</button><button type="button" data-do="delete">Delete</button>
    <button type="button" data-do="undo">Undo</button><label>Weight <input type="range" min="0" max="1" step="0.01"></label></div>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (pad.querySelector(selector));
  const [svg, knobs, weight] = [find("svg"), find(".knobs"), /** @type {HTMLInputElement} */ (find("input"))];

  const gaussians = () => read(model[name] || start, range);
  const note = () => before.at(-1) !== model[name] && before.push(model[name]) > 100 && before.shift();
  const put = (/** @type {Gaussian[]} */ all) => (model[name] = written(all, range));
  const change = (/** @type {number} */ k, /** @type {Gaussian} */ to) => put(gaussians().map((g, i) => (i === k ? to : g)));

  /** One of the knobs, made where it is missing: those in use keep the focus and the pointer. @param {number} k @param {string} part */
  const knob = (k, part) => {
    const old = find(`[data-k="${k}"][data-part="${part}"]`);
    if (old) return old;
    const made = document.createElement("button");
    made.type = "button";
    Object.assign(made.dataset, { k, part });
    knobs.append(made);
    return made;
  };
  const show = () => {
    const all = gaussians();
    chosen = Math.min(chosen, all.length - 1);
    const unit = 1 / (2 * range.extent);
    svg.innerHTML = all
      .map(({ x, y, along, across, angle }, k) => {
        const at = `translate(${0.5 + x * unit} ${0.5 - y * unit}) rotate(${(-180 * angle) / Math.PI})`;
        return `<ellipse transform="${at}" rx="${DRAWN * along * unit}" ry="${DRAWN * across * unit}"${k === chosen ? " data-chosen" : ""}/>`;
      })
      .join("");
    const wanted = new Set();
    all.forEach((g, k) => {
      const parts = k === chosen ? ["centre", "along", "across"] : ["centre"];
      for (const part of parts) {
        const element = knob(k, part);
        wanted.add(element);
        const angle = part === "across" ? g.angle + Math.PI / 2 : g.angle;
        const reach = part === "centre" ? 0 : DRAWN * g[/** @type {"along" | "across"} */ (part)] * unit;
        const out = part === "centre" ? 0 : OUTSIDE;
        // Knobs of long axes stay within the picture.
        const left = within(50 + 100 * (g.x * unit + reach * Math.cos(angle)), 2, 98);
        const top = within(50 - 100 * (g.y * unit + reach * Math.sin(angle)), 2, 98);
        element.style.left = `calc(${left}% + ${out * Math.cos(angle)}px)`;
        element.style.top = `calc(${top}% - ${out * Math.sin(angle)}px)`;
        const how = { centre: "arrow keys move it, plus and minus weigh it, Delete deletes it", along: "first axis: arrow keys stretch and turn it", across: "second axis: arrow keys stretch and turn it" }[part];
        element.setAttribute("aria-label", words(all, k, String(how)));
        element.title = words(all, k, "drag it, or use the arrow keys");
        element.toggleAttribute("data-chosen", k === chosen);
      }
    });
    for (const element of [...knobs.children]) if (!wanted.has(element)) element.remove();
    weight.value = String(all[chosen].weight);
    /** @type {HTMLButtonElement} */ (find("[data-do=add]")).disabled = all.length >= Number(max);
    /** @type {HTMLButtonElement} */ (find("[data-do=delete]")).disabled = all.length < 2;
    /** @type {HTMLButtonElement} */ (find("[data-do=undo]")).disabled = !before.length;
  };

  const remove = () => {
    const all = gaussians();
    if (all.length < 2) return;
    note();
    put(all.filter((_, k) => k !== chosen));
    chosen = Math.max(0, chosen - 1);
    show();
    find(`[data-k="${chosen}"][data-part=centre]`).focus();
  };
  const undo = () => {
    const text = before.pop();
    if (text !== undefined) model[name] = text;
    show();
  };
  const actions = {
    add() {
      const all = gaussians();
      note();
      chosen = all.length;
      put([...all, added(all, range.extent)]);
      show();
      find(`[data-k="${chosen}"][data-part=centre]`).focus();
    },
    delete: remove,
    undo,
  };

  knobs.addEventListener("pointerdown", (event) => {
    const element = /** @type {HTMLElement} */ (event.target);
    if (!element.dataset.part) return;
    element.setPointerCapture(event.pointerId);
    note();
    chosen = Number(element.dataset.k);
    show();
  });
  knobs.addEventListener("pointermove", (event) => {
    const element = /** @type {HTMLElement} */ (event.target);
    if (!element.dataset.part || !element.hasPointerCapture(event.pointerId)) return;
    const box = pad.getBoundingClientRect();
    const scale = (2 * range.extent) / box.width;
    const [x, y] = [(event.clientX - box.left) * scale - range.extent, range.extent - (event.clientY - box.top) * scale];
    change(chosen, pulled(gaussians()[chosen], element.dataset.part, x, y, OUTSIDE * scale));
  });
  knobs.addEventListener("focusin", (event) => {
    const { k, part } = /** @type {HTMLElement} */ (event.target).dataset;
    if (part === "centre" && Number(k) !== chosen) {
      chosen = Number(k);
      show();
    }
  });
  pad.addEventListener("keydown", (event) => {
    const { part } = /** @type {HTMLElement} */ (event.target).dataset;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
    else if (part && (event.key === "Delete" || event.key === "Backspace")) remove();
    else {
      const to = part && keyed(gaussians()[chosen], part, event);
      if (!to) return;
      note();
      change(chosen, to);
    }
    event.preventDefault();
  });
  for (const button of pad.querySelectorAll("[data-do]")) {
    const act = actions[/** @type {keyof typeof actions} */ (/** @type {HTMLElement} */ (button).dataset.do)];
    button.addEventListener("click", act);
  }
  weight.addEventListener("pointerdown", note);
  weight.addEventListener("keydown", note);
  weight.addEventListener("input", () => change(chosen, { ...gaussians()[chosen], weight: weight.valueAsNumber }));
  model.on(name, show);
  show();
}
