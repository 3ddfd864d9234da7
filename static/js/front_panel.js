/**
 * The browser's half of an instrument's front panel: puts the markup that Python made into the page and keeps
 * its inputs and read-outs in step with the Params. Runs inside Panel, so in a static page, under `panel serve`
 * and in a notebook alike; it stands alone and imports nothing.
 *
 * @typedef {Record<string, any> & {
 *   on(name: string | string[], callback: () => void): void,
 *   get_child(name: string): HTMLElement,
 *   send_msg(message: {action: string}): void
 * }} Model  Panel's proxy: Params as properties.
 */

const SETTLED_MS = 700; // a description is announced once the state has rested this long
const RESTED_MS = 250; // and what takes long is computed

/** @param {{model: Model}} context @returns {HTMLElement} */
export function render({ model }) {
  const holder = document.createElement("div");
  holder.innerHTML = model.markup;
  const root = /** @type {HTMLElement} */ (holder.querySelector(".front-panel"));
  root.dataset.live = "";
  /** @param {string} selector @returns {HTMLElement[]} */
  const all = (selector) => [...root.querySelectorAll(/** @type {"div"} */ (selector))];

  bindInputs(all("[data-param]"), model);
  for (const button of all("[data-action]"))
    button.addEventListener("click", () => model.send_msg({ action: String(button.dataset.action) }));
  for (const item of all("[data-when]")) {
    const [name, wanted = "true"] = String(item.dataset.when).split(":");
    follow(model, name, (value) => (item.hidden = String(value) !== wanted));
  }

  const readings = all("[data-reading]");
  const bars = all("[data-bars]");
  follow(model, "readings_shown", (values) => {
    for (const element of readings) element.textContent = values[String(element.dataset.reading)];
    for (const list of bars) showBars(list, values[String(list.dataset.bars)]);
  });
  for (const element of all("[data-status]")) follow(model, "status", (text) => (element.textContent = text));
  describe(root, model);
  for (const transport of all("[data-plays]")) player(transport, model);
  // The page around (its menu) learns the state without knowing the component; it hears it once we stand in the page.
  follow(model, "query", (query) =>
    requestAnimationFrame(() =>
      holder.dispatchEvent(new CustomEvent("lab:state", { detail: { query }, bubbles: true, composed: true })),
    ),
  );
  rests(model);
  followTheme(holder, model);

  root.querySelector(".figure")?.append(model.get_child("figure"));
  root.querySelector(".chart .plot")?.append(model.get_child("chart"));
  return holder;
}

/**
 * Calls `show` now and at each change of a Param.
 * @param {Model} model @param {string} name @param {(value: any) => void} show
 */
function follow(model, name, show) {
  model.on(name, () => show(model[name]));
  show(model[name]);
}

/** @param {HTMLElement[]} inputs @param {Model} model */
function bindInputs(inputs, model) {
  for (const element of inputs) {
    const input = /** @type {HTMLInputElement} */ (element);
    const name = String(input.dataset.param);
    if (input.type === "checkbox") {
      input.addEventListener("change", () => (model[name] = input.checked));
      follow(model, name, (value) => (input.checked = value));
    } else if (input.type === "radio") {
      // Radios are grouped by name; each instrument on a page needs a group of its own.
      input.name = `${name}-${model.id}`;
      input.addEventListener("change", () => input.checked && (model[name] = input.value));
      follow(model, name, (value) => (input.checked = value === input.value));
    } else if (input.tagName === "SELECT") {
      input.addEventListener("change", () => (model[name] = input.value));
      follow(model, name, (value) => (input.value = value));
    } else {
      const event = input.type === "range" ? "input" : "change";
      input.addEventListener(event, () => {
        const value = inBounds(input);
        if (value !== null) model[name] = value;
        if (input.type === "number") showNumber(input, model[name]);
      });
      follow(model, name, (value) => showNumber(input, value));
    }
  }
}

/** The input's number moved into its bounds and onto its grid of steps, or null if it holds none. @param {HTMLInputElement} input */
function inBounds(input) {
  if (!Number.isFinite(input.valueAsNumber)) return null;
  const value = Math.min(Number(input.max), Math.max(Number(input.min), input.valueAsNumber));
  return Number.isInteger(Number(input.step)) ? Math.round(value) : value;
}

/** @param {HTMLInputElement} input @param {number} value */
function showNumber(input, value) {
  const decimals = (input.step.split(".")[1] ?? "").length;
  input.value = value.toFixed(decimals);
  if (input.type === "range") {
    const share = (value - Number(input.min)) / (Number(input.max) - Number(input.min));
    input.style.setProperty("--share", String(share));
  }
}

/** @param {HTMLElement} list @param {number[]} values */
function showBars(list, values) {
  const scale = Number(list.dataset.scale);
  values.forEach((value, k) => {
    const bar = /** @type {HTMLElement} */ (list.children[k]);
    bar.style.setProperty("--v", String(value / scale));
    /** @type {HTMLElement} */ (bar.firstElementChild).textContent = value.toFixed(3);
  });
}

/** The picture in words: always as its label, announced only when it has settled. @param {HTMLElement} root @param {Model} model */
function describe(root, model) {
  const figure = /** @type {HTMLElement} */ (root.querySelector(".figure"));
  const announced = /** @type {HTMLElement} */ (root.querySelector(".description"));
  let timer = 0;
  let first = true;
  follow(model, "description", (text) => {
    figure.setAttribute("aria-label", text);
    clearTimeout(timer);
    if (!first) timer = window.setTimeout(() => (announced.textContent = text), SETTLED_MS);
    first = false;
  });
}

/**
 * Plays one Param from its low to its high bound in the stated seconds; Python draws each frame it can keep up with.
 * @param {HTMLElement} transport @param {Model} model
 */
function player(transport, model) {
  const name = String(transport.dataset.plays);
  const perMs = 1 / (1000 * Number(transport.dataset.seconds));
  const button = /** @type {HTMLElement} */ (transport.querySelector("[data-play]"));
  let last = 0;
  let position = 0; // kept apart from the Param, whose echo from Python may lag a frame
  let running = false;

  /** @param {number} now */
  const frame = (now) => {
    running = Boolean(model.playing) && transport.isConnected;
    if (!running) return;
    if (last && Math.abs(model[name] - position) > 0.02) position = model[name]; // the reader scrubbed
    position = Math.min(1, position + (last ? now - last : 0) * perMs);
    last = now;
    model[name] = position;
    if (position >= 1) model.playing = false;
    requestAnimationFrame(frame);
  };
  follow(model, "playing", (playing) => {
    button.setAttribute("aria-pressed", String(playing));
    transport.classList.toggle("playing", playing);
    if (!playing || running) return;
    running = true;
    last = 0;
    position = model[name] >= 1 ? 0 : model[name];
    // In a frame of its own: what is set while a change from Python is being taken in does not go back to Python.
    requestAnimationFrame((now) => {
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) position = 1;
      frame(now);
    });
  });
  button.addEventListener("click", () => (model.playing = !model.playing));
}

/** Tells Python when no setting has changed for a while. @param {Model} model */
function rests(model) {
  let timer = 0;
  model.on("query", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => (model.rested = model.query), RESTED_MS);
  });
}

/** The figure's colours follow the page's theme. @param {HTMLElement} holder @param {Model} model */
function followTheme(holder, model) {
  const page = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow_ = () => {
    const theme = page.dataset.theme ?? (dark.matches ? "dark" : "light");
    if (model.theme !== theme) model.theme = theme;
    // Outside the lab's own pages nobody has set the colours: bring our own.
    const host = /** @type {ShadowRoot} */ (holder.getRootNode()).host;
    const own = !getComputedStyle(page).getPropertyValue("--ink");
    host?.classList.toggle("own-theme", own);
    host?.classList.toggle("dark", own && theme === "dark");
  };
  dark.addEventListener("change", follow_);
  new MutationObserver(follow_).observe(page, { attributes: true, attributeFilter: ["data-theme"] });
  requestAnimationFrame(follow_);
}

export default { render };
