/**
 * The browser's half of an instrument's front panel: puts the markup that Python made into the page and keeps
 * its inputs and read-outs in step with the Params. Runs inside Panel, and so works the same in a static page, under
 * `panel serve` and in a notebook. It imports only what few instruments need, and that on demand; `app/instrument/view.py`
 * writes these imports so that they work outside the lab's pages too.
 * (The functions that show numbers also serve the still picture before Python is live.)
 *
 * @typedef {Record<string, any> & {
 *   on(name: string | string[], callback: () => void): void,
 *   get_child(name: string): HTMLElement[],
 *   send_msg(message: {action: string, x?: number, y?: number}): void
 * }} Model  Panel's proxy: Params as properties.
 */

const SETTLED_MS = 700; // a description is announced once the state has not changed for this long

/** @param {{model: Model}} context @returns {HTMLElement} */
export function render({ model }) {
  const holder = document.createElement("div");
  holder.innerHTML = model.markup;
  const root = /** @type {HTMLElement} */ (holder.querySelector(".front-panel"));
  root.dataset.live = "";
  /** @param {string} selector @returns {HTMLElement[]} */
  const all = (selector) => [...root.querySelectorAll(/** @type {"div"} */ (selector))];

  bindInputs(all("[data-param]"), model);
  for (const mark of all("[data-goto]"))
    mark.addEventListener("click", () => (model[String(mark.dataset.goto)] = Number(/** @type {HTMLButtonElement} */ (mark).value)));
  for (const button of all("[data-action]"))
    button.addEventListener("click", () => model.send_msg({ action: String(button.dataset.action) }));
  for (const die of all("[data-die]")) die.addEventListener("click", () => roll(die, model));
  for (const button of all("[data-more]"))
    button.addEventListener("click", () => button.setAttribute("aria-expanded", String(button.ariaExpanded !== "true")));
  for (const item of all("[data-when]")) {
    const conditions = String(item.dataset.when).split(";").map((condition) => condition.split(":"));
    const show = () =>
      (item.hidden = !conditions.every(([name, wanted]) => wanted.split("|").includes(String(model[name]))));
    for (const [name] of conditions) follow(model, name, show);
  }

  follow(model, "readings_shown", (values) => showReadings(root, values));
  for (const element of all("[data-status]")) follow(model, "status", (text) => write(element, text));
  describe(root, model);
  for (const transport of all("[data-plays]")) player(transport, model);
  for (const pad of all("[data-handle]")) handle(pad, model);
  for (const pad of all("[data-brush]")) brush(pad, model);
  for (const pad of all("[data-tap]")) tapped(pad, model);
  for (const pad of all("[data-ellipses]")) onceShown(pad, model, async () => (await import("./pad_ellipses.js")).edit(pad, model));
  // A picture or a number that shows an earlier state is pale while the new one is computed.
  follow(model, "pale", (/** @type {string[]} */ pale) => {
    for (const figure of all("[data-scene]")) figure.toggleAttribute("data-pale", pale.includes(String(figure.dataset.scene)));
    for (const text of all("[data-reading]")) text.toggleAttribute("data-pale", pale.includes(`reading ${text.dataset.reading}`));
  });
  // An event carries the state to the rest of the page (the menu), which does not know the component. It is dispatched
  // in the next frame, when the component is in the page.
  follow(model, "query", (query) =>
    requestAnimationFrame(() => {
      const detail = { query, numbers: model.numbers };
      holder.dispatchEvent(new CustomEvent("lab:state", { detail, bubbles: true, composed: true }));
    }),
  );
  followTheme(holder, model);

  const drawings = model.get_child("scenes");
  all("[data-scene]").forEach((figure) => figure.append(drawings[Number(figure.dataset.place)]));
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
      // Radios are grouped by name; each instrument on a page needs its own group.
      input.name = `${name}-${model.id}`;
      input.addEventListener("change", () => input.checked && (model[name] = input.value));
      follow(model, name, (value) => (input.checked = value === input.value));
    } else if (input.type === "text") {
      input.addEventListener("change", () => input.reportValidity() && (model[name] = input.value));
      if (input.dataset.words) completeWords(input, input.dataset.words.split("|"));
      follow(model, name, (value) => (input.value = value));
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

/**
 * Offers the known words that begin as the last word typed does, by the browser's own list of proposals: a proposal is
 * the whole text with that word completed.
 * @param {HTMLInputElement} input @param {string[]} words
 */
export function completeWords(input, words) {
  const list = document.createElement("datalist");
  list.id = `${input.dataset.param}-words`; // unique in its shadow tree
  input.after(list);
  input.setAttribute("list", list.id);
  const offer = () => {
    const [, before, begun] = /** @type {RegExpMatchArray} */ (input.value.match(/^(.*?)([^ ,.]*)$/));
    const fitting = words.filter((word) => word !== begun && word.startsWith(begun.toLowerCase()));
    list.replaceChildren(...fitting.map((word) => new Option("", before + word)));
  };
  input.addEventListener("focus", offer);
  input.addEventListener("input", offer);
}

/** Sets a seed to another number, at random. @param {HTMLElement} die @param {Model} model */
function roll(die, model) {
  const name = String(die.dataset.die);
  const sides = Number(die.dataset.sides);
  model[name] = (model[name] + 1 + Math.floor(Math.random() * (sides - 1))) % sides;
}

/** The input's number moved into its bounds and onto its grid of steps, or null if it holds none. @param {HTMLInputElement} input */
function inBounds(input) {
  if (!Number.isFinite(input.valueAsNumber)) return null;
  const value = Math.min(Number(input.max), Math.max(Number(input.min), input.valueAsNumber));
  return Number.isInteger(Number(input.step)) ? Math.round(value) : value;
}

/** @param {HTMLInputElement} input @param {number} value */
export function showNumber(input, value) {
  const decimals = (input.step.split(".")[1] ?? "").length;
  input.value = value.toFixed(decimals);
  if (input.type === "range") {
    const share = (value - Number(input.min)) / (Number(input.max) - Number(input.min));
    input.style.setProperty("--share", String(share));
  }
}

/** Read-outs, measures and bars. @param {HTMLElement} root @param {Record<string, any>} values */
export function showReadings(root, values) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-reading]")))
    write(element, values[String(element.dataset.reading)] ?? "");
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-bars]")))
    showBars(list, values[String(list.dataset.bars)]);
}

/** Writes a text only where it differs: the browser would repeat the layout even for an equal text. @param {Element} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLElement} list @param {number[]} values */
function showBars(list, values) {
  const scale = Number(list.dataset.scale);
  values.forEach((value, k) => {
    const bar = /** @type {HTMLElement} */ (list.children[k]);
    bar.style.setProperty("--v", String(value / scale));
    write(/** @type {HTMLElement} */ (bar.firstElementChild), value.toFixed(3));
  });
}

/**
 * The description is the label of the first picture that the state shows; the others are labelled by their titles.
 * @param {HTMLElement} panel @param {string} description
 */
export function labelPictures(panel, description) {
  const panes = /** @type {HTMLElement[]} */ ([...panel.querySelectorAll(".pane")]);
  const described = panes.find((pane) => !pane.hidden);
  for (const pane of panes) {
    const figure = /** @type {HTMLElement} */ (pane.querySelector(".figure"));
    figure.setAttribute("aria-label", pane === described ? description : String(figure.dataset.title));
  }
}

/** The text alternative of the picture: always its label, announced only when the state has settled. @param {HTMLElement} root @param {Model} model */
function describe(root, model) {
  const announced = /** @type {HTMLElement} */ (root.querySelector(".description"));
  let timer = 0;
  let first = true;
  const label = () => labelPictures(root, model.description);
  for (const pane of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".pane[data-when]")))
    for (const condition of String(pane.dataset.when).split(";")) model.on(condition.split(":")[0], label);
  follow(model, "description", (text) => {
    label();
    clearTimeout(timer);
    if (!first) timer = window.setTimeout(() => (announced.textContent = text), SETTLED_MS);
    first = false;
  });
}

/**
 * A setting that is played, and the places where it is at equal times, from its low to its high bound; grain: the step of
 * a whole number, which goes from one step to the next.
 * @typedef {{setting: string, places: number[], grain: number}} Film
 */

/** The place at a share of the time from 0 to 1. @param {Film} film @param {number} share */
function placeAt({ places, grain }, share) {
  const at = share * (places.length - 1);
  const k = Math.min(Math.floor(at), places.length - 2);
  const place = places[k] + (at - k) * (places[k + 1] - places[k]);
  return grain ? places[0] + grain * Math.floor((place - places[0]) / grain + 1e-9) : place;
}

/** The share of the time at which a place is reached. @param {Film} film @param {number} place */
function timeOf({ places }, place) {
  const above = places.findIndex((other) => other > place);
  if (above < 1) return above ? 1 : 0;
  return (above - 1 + (place - places[above - 1]) / (places[above] - places[above - 1])) / (places.length - 1);
}

const SCRUBBED = 0.02; // of the playing time: a setting that is further off has been moved by hand

/**
 * Plays the setting of the present view. Python draws each frame it can keep up with; while the picture lags behind the
 * setting, playing waits.
 * @param {HTMLElement} transport @param {Model} model
 */
function player(transport, model) {
  /** @type {Record<string, Film>} */
  const films = JSON.parse(String(transport.dataset.plays));
  const seconds = Number(transport.dataset.seconds);
  const button = /** @type {HTMLElement} */ (transport.querySelector("[data-play]"));
  let last = 0;
  let share = 0; // of the time; kept apart from the setting, whose echo from Python may lag a frame
  let running = false;
  /** @type {Film | undefined} */ let shown;

  const begin = (/** @type {Film | undefined} */ film) => {
    shown = film;
    last = 0;
    const place = film && model[film.setting];
    share = film && place < /** @type {number} */ (film.places.at(-1)) ? timeOf(film, place) : 0;
  };
  /** @param {number} now */
  const frame = (now) => {
    const film = films[""] ?? films[model.view];
    // In another view playing goes on only from the start, where the run button puts it.
    if (film !== shown && film && model[film.setting] === film.places[0]) begin(film);
    else if (film !== shown || !film) model.playing = false;
    running = Boolean(model.playing && film) && transport.isConnected;
    if (!running || !film) return;
    const place = model[film.setting];
    const off = place - placeAt(film, share);
    if (last && Math.abs(off) > film.grain && Math.abs(timeOf(film, place) - share) > SCRUBBED) share = timeOf(film, place);
    if (!model.waiting) share = Math.min(1, share + (last ? now - last : 0) / (1000 * seconds));
    last = now;
    model[film.setting] = placeAt(film, share);
    if (share >= 1) model.playing = false;
    requestAnimationFrame(frame);
  };
  follow(model, "playing", (playing) => {
    button.setAttribute("aria-pressed", String(playing));
    transport.classList.toggle("playing", playing);
    if (!playing || running) return;
    running = true;
    begin(films[""] ?? films[model.view]);
    // In the next frame: settings changed while a change from Python is being applied are not sent back to Python.
    requestAnimationFrame((now) => {
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) share = 1;
      frame(now);
    });
  });
  button.addEventListener("click", () => (model.playing = !model.playing));
}

/**
 * A point that is moved by pressing or dragging anywhere on the picture, or with the arrow keys.
 * @param {HTMLElement} pad @param {Model} model
 */
function handle(pad, model) {
  const knob = /** @type {HTMLElement} */ (pad.querySelector("button"));
  const names = [String(pad.dataset.x), String(pad.dataset.y)];
  const extent = String(pad.dataset.extent).split(" ").map(Number);
  const root = /** @type {HTMLElement} */ (pad.closest(".front-panel"));
  const numbers = names.map((name) => root.querySelector(`input[type=number][data-param=${name}]`));
  const inputs = /** @type {HTMLInputElement[]} */ (numbers);
  /** @param {number[]} point in data units; on the grid and within the bounds of the two Params */
  const move = (point) =>
    point.forEach((value, k) => {
      const { min, max, step } = inputs[k];
      const onGrid = Math.round(value / Number(step)) * Number(step);
      model[names[k]] = Number(Math.min(Number(max), Math.max(Number(min), onGrid)).toFixed(6));
    });
  /** @param {PointerEvent} event */
  const follow_ = (event) => {
    const [across, up] = placeOn(pad, event);
    move([(2 * across - 1) * extent[0], (2 * up - 1) * extent[1]]);
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    follow_(event);
  });
  pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && follow_(event));
  knob.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    move(names.map((name, k) => model[name] + way[k] * Number(inputs[k].step) * (event.shiftKey ? 10 : 1)));
  });
  follow(model, names[0], (x) => (knob.style.left = `${50 + (50 * x) / extent[0]}%`));
  follow(model, names[1], (y) => (knob.style.top = `${50 - (50 * y) / extent[1]}%`));
}

/**
 * Builds the content of a pad when it is first shown; if that fails, the pad says so, and the next time it is tried again.
 * @param {HTMLElement} pad @param {Model} model @param {() => Promise<void>} build
 */
function onceShown(pad, model, build) {
  let begun = false;
  const look = () => {
    if (begun || pad.hidden) return;
    begun = true;
    build().catch(() => {
      begun = false;
      pad.textContent = "This editor could not be loaded. Choose the data again to try once more.";
    });
  };
  for (const condition of String(pad.dataset.when ?? "").split(";")) model.on(condition.split(":")[0], look);
  look();
}

const BRUSH_PIXELS = 9; // between two points of a stroke

/**
 * Strokes of a pointer become points, four base-36 digits each. They are shown on the pad at once, whatever Python draws.
 * @param {HTMLElement} pad @param {Model} model
 */
function brush(pad, model) {
  const name = String(pad.dataset.brush);
  const path = /** @type {SVGElement} */ (pad.querySelector("path"));
  follow(model, name, (/** @type {string} */ points) => {
    const dots = (points.match(/.{4}/g) ?? []).map((point) => {
      const [x, y] = [point.slice(0, 2), point.slice(2)].map((digits) => parseInt(digits, 36));
      return `M${x} ${1295 - y}h0`; // a round cap of no length
    });
    path.setAttribute("d", dots.join(""));
  });
  const most = 4 * Number(pad.dataset.max);
  let last = [NaN, NaN];
  /** @param {PointerEvent} event */
  const dab = (event) => {
    if (Math.hypot(event.clientX - last[0], event.clientY - last[1]) < BRUSH_PIXELS) return;
    if (model[name].length >= most) return;
    last = [event.clientX, event.clientY];
    const digits = (/** @type {number} */ share) => Math.round(1295 * share).toString(36).padStart(2, "0");
    model[name] += placeOn(pad, event).map(digits).join("");
  };
  /** @type {string[]} */ const before = []; // drawings to go back to
  const note = () => before.push(model[name]) > 100 && before.shift();
  pad.addEventListener("pointerdown", (event) => {
    if (/** @type {HTMLElement} */ (event.target).closest("button, .bring")) return;
    note();
    pad.setPointerCapture(event.pointerId);
    pad.toggleAttribute("data-drawing", true);
    last = [NaN, NaN];
    dab(event);
  });
  pad.addEventListener("lostpointercapture", () => pad.toggleAttribute("data-drawing", false));
  pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && dab(event));
  const put = (/** @type {string} */ points) => {
    note();
    model[name] = points;
  };
  const bring = (/** @type {File | null} */ file) =>
    import("./pad_points.js").then(
      (module) => module.bring(pad, put, file),
      () => pad.append(Object.assign(document.createElement("p"), { className: "bring", textContent: "This entry could not be loaded; try again." })),
    );
  /** @type {Record<string, () => void>} */
  const actions = { clear: () => put(""), undo: () => (model[name] = before.pop() ?? model[name]), bring: () => bring(null) };
  for (const [action, act] of Object.entries(actions)) pad.querySelector(`[data-do=${action}]`)?.addEventListener("click", act);
  pad.addEventListener("dragover", (event) => event.preventDefault());
  pad.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    event.preventDefault();
    if (file) bring(file);
  });
}

/** Where on the pad, as shares from its lower left corner, within it. @param {HTMLElement} pad @param {PointerEvent} event */
function placeOn(pad, event) {
  const box = pad.getBoundingClientRect();
  const shares = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
  return shares.map((share) => Math.min(1, Math.max(0, share)));
}

/** Taps on the picture are sent to Python in data units. @param {HTMLElement} pad @param {Model} model */
function tapped(pad, model) {
  const [left, right, bottom, top] = String(pad.dataset.range).split(" ").map(Number);
  pad.addEventListener("click", (event) => {
    const [across, up] = placeOn(pad, /** @type {PointerEvent} */ (event));
    model.send_msg({ action: "tap", x: left + across * (right - left), y: bottom + up * (top - bottom) });
  });
}

/** The figure's colours follow the page's theme. @param {HTMLElement} holder @param {Model} model */
function followTheme(holder, model) {
  const page = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow_ = () => {
    const theme = page.dataset.theme ?? (dark.matches ? "dark" : "light");
    if (model.theme !== theme) model.theme = theme;
    // Outside the lab's own pages the colours are not defined: define them here.
    const host = /** @type {ShadowRoot} */ (holder.getRootNode()).host;
    const own = !getComputedStyle(page).getPropertyValue("--ink");
    host?.classList.toggle("own-theme", own);
    host?.classList.toggle("dark", own && theme === "dark");
  };
  dark.addEventListener("change", follow_);
  const watch = new MutationObserver(follow_);
  watch.observe(page, { attributes: true, attributeFilter: ["data-theme"] });
  model.on("remove", () => {
    // Both would keep the component and its document.
    dark.removeEventListener("change", follow_);
    watch.disconnect();
  });
  requestAnimationFrame(follow_);
}

export default { render };
