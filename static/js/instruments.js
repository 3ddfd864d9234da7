/**
 * Instruments on the page: draws the document that Python sends for each and keeps both ends in step. While Python
 * is busy with an instrument the newest value of each property waits and all older ones are dropped.
 *
 * @typedef {import("./python.js").Python} Python
 * @typedef {{
 *   create_json_patch(events: any[]): any,
 *   apply_json_patch(patch: any, buffers?: Map<string, ArrayBuffer>): void,
 *   on_change(callback: (event: any) => void, batches: boolean): void
 * }} BokehDocument
 * @typedef {{setv(values: Record<string, any>): void}} Settings  The Bokeh model that holds an instrument's Params.
 */

/**
 * @typedef {{place: HTMLElement, still: Node, document?: BokehDocument, settings?: Settings, busy: boolean,
 *   applying: boolean, values: Record<string, any>, events: any[]}} Link  One open instrument: where it stands, its
 *   still picture, its document and Params, and what waits for Python.
 */

/** @param {Python} python */
export function openInstruments(python) {
  // Panel loads component code by this name; every browser that the lab supports can import modules itself.
  /** @type {any} */ (window).importShim ??= Object.assign((/** @type {string} */ url) => import(url), { addImportMap() {} });
  /** @type {Map<string, Link>} */
  const links = new Map();
  /** @param {HTMLElement} place @param {string} slot @param {Record<string, string>} state */
  const open = (place, slot, state) => {
    const still = /** @type {HTMLElement} */ (place.querySelector(".still")).cloneNode(true);
    links.set(slot, { place, still, busy: false, applying: false, values: {}, events: [] });
    const name = String(place.dataset.instrument);
    python.send({ type: "open", slot: { slot, name, state, theme: pageTheme() } });
  };
  for (const element of document.querySelectorAll("[data-instrument]")) {
    const place = /** @type {HTMLElement} */ (element);
    const name = String(place.dataset.instrument);
    open(place, name, { ...JSON.parse(place.dataset.state ?? "{}"), ...addressState(name) });
    place.addEventListener("lab:export", () => python.send({ type: "export", slot: name }));
    place.addEventListener("lab:pin", (event) => {
      const slot = `${name}-pinned`;
      if (links.has(slot)) return;
      const copy = pinBeside(place, /** @type {Link} */ (links.get(name)).still, () => {
        links.delete(slot);
        python.send({ type: "close", slot });
      });
      open(copy, slot, Object.fromEntries(new URLSearchParams(/** @type {CustomEvent} */ (event).detail.query)));
    });
  }
  if (!links.size) python.send({ type: "nothing_to_draw" });

  python.on("document", async ({ slot, docs, items, roots, problems }) => {
    const link = links.get(slot);
    if (!link) return;
    const { worker } = python;
    const notice = /** @type {HTMLElement} */ (link.place.querySelector(".notice"));
    notice.textContent = problems.join(" ");
    notice.hidden = !problems.length;
    let model;
    try {
      model = await draw(link.place, slot, JSON.parse(docs), JSON.parse(items), JSON.parse(roots));
    } catch (error) {
      python.report(slot, `the picture could not be drawn: ${/** @type {Error} */ (error).message}`);
      return;
    }
    if (python.worker !== worker) return; // another has started since, and sends a document of its own
    link.document = model.document;
    link.settings = model.data;
    link.values = {}; // of a document that a retry has replaced
    link.events = [];
    link.document?.on_change((event) => changed(python, slot, link, event), false);
    link.busy = true;
    python.send({ type: "drawn", slot });
  });
  python.on("patch", ({ slot, values, patch, buffers }) => {
    const link = links.get(slot);
    if (!link) return;
    link.applying = true;
    try {
      link.settings?.setv(JSON.parse(values));
      const changes = JSON.parse(patch);
      if (changes.events) link.document?.apply_json_patch(changes, buffers);
    } finally {
      link.applying = false;
    }
  });
  python.on("exported", ({ slot, csv }) => {
    links.get(slot)?.place.dispatchEvent(new CustomEvent("lab:exported", { detail: { csv } }));
  });
  python.on("idle", ({ slot }) => {
    const link = links.get(slot);
    if (!link) return;
    link.busy = false;
    sendWaiting(python, slot, link);
  });
  followPresets(python, links);
}

/**
 * A second front panel of the same instrument beside the first, to compare two settings under one seed.
 * @param {HTMLElement} place @param {Node} still @param {() => void} closed
 * @returns {HTMLElement}
 */
function pinBeside(place, still, closed) {
  const pair = document.createElement("div");
  pair.className = "pair";
  place.replaceWith(pair);
  const copy = document.createElement("figure");
  copy.className = "instrument";
  copy.dataset.instrument = place.dataset.instrument;
  const header = /** @type {HTMLElement} */ (place.querySelector("header")).cloneNode(true);
  const notice = /** @type {HTMLElement} */ (place.querySelector(".notice")).cloneNode(true);
  const stage = document.createElement("div");
  stage.className = "stage";
  stage.append(still.cloneNode(true));
  copy.append(header, notice, stage);
  const button = document.createElement("button");
  button.className = "unpin";
  button.type = "button";
  button.textContent = "Unpin";
  /** @type {HTMLElement} */ (copy.querySelector(".menu")).replaceWith(button);
  button.addEventListener("click", () => {
    pair.replaceWith(place);
    closed();
  });
  pair.append(place, copy);
  return copy;
}

/**
 * The settings that the address asks for: `?t=0.4` on a page of one instrument, `?ring.t=0.4` on a chapter.
 * @param {string} name @returns {Record<string, string>}
 */
function addressState(name) {
  const alone = "embed" in document.body.dataset;
  /** @type {Record<string, string>} */
  const state = {};
  for (const [key, value] of new URLSearchParams(location.search)) {
    const [owner, setting] = key.includes(".") ? key.split(".", 2) : [name, key];
    const ours = alone ? owner === name && setting !== "theme" : key.includes(".") && owner === name;
    if (ours) state[setting] = value;
  }
  return state;
}

export function pageTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

/**
 * A Param that the reader has moved waits under its name, so a newer value takes its place; an event (a button, a tap
 * on the figure) waits in line. What the figure reports of itself, such as its size, is of no use to Python.
 * @param {Python} python @param {string} slot @param {Link} link @param {any} event
 */
function changed(python, slot, link, event) {
  if (link.applying) return;
  if (event.attr && event.model !== link.settings) return;
  if (event.attr) link.values[event.attr] = event.value;
  else link.events.push(event);
  // After this task, so that two Params moved together leave together.
  if (!link.busy) queueMicrotask(() => sendWaiting(python, slot, link));
}

/** Values before events: a button acts on what the reader sees. @param {Python} python @param {string} slot @param {Link} link */
function sendWaiting(python, slot, link) {
  if (link.busy || !link.document) return;
  const { values, events } = link;
  if (Object.keys(values).length) {
    link.values = {};
    link.busy = true;
    python.send({ type: "set", slot, values });
  } else if (events.length) {
    link.events = [];
    link.busy = true;
    python.send({ type: "patch", slot, patch: link.document.create_json_patch(events) });
  }
}

/**
 * Draws a document behind the still picture and changes places when it stands.
 * @param {HTMLElement} place @param {string} slot @param {any} docs @param {any[]} items @param {string[]} roots
 * @returns {Promise<{document: BokehDocument, data: Settings}>} the component's model
 */
async function draw(place, slot, docs, items, roots) {
  const stage = /** @type {HTMLElement} */ (place.querySelector(".stage"));
  const target = document.createElement("div");
  target.id = `live-${slot}`;
  target.className = "arriving";
  stage.querySelector(".arriving, .live-view")?.remove();
  stage.append(target);
  const hidden = roots.slice(1).map((id) => {
    const element = document.createElement("div");
    element.id = `root-${id}`;
    element.hidden = true;
    stage.append(element);
    return [id, element.id];
  });
  items[0].roots = { [roots[0]]: target.id, ...Object.fromEntries(hidden) };
  items[0].root_ids = roots;
  const Bokeh = /** @type {any} */ (window).Bokeh;
  Bokeh.set_log_level("warn");
  const [views] = await Bokeh.embed.embed_items(docs, items);
  const [view] = views.roots;
  await painted(view);
  drawInNextFrame(view);
  target.className = "live-view";
  stage.querySelector(".still")?.remove();
  return view.model;
}

/**
 * Bokeh draws a figure 1/60 s after its last drawing, by a timer that then waits for a frame: a picture that changes with
 * each frame is drawn in every second one. From now on a change is drawn in the next frame.
 * @param {any} view
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

/** Resolves when the view has finished drawing and a frame has passed. @param {any} view */
async function painted(view) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await view.ready;
  for (let frames = 0; frames < 120 && !view.has_finished(); frames++) await frame();
  await frame();
}

/** Links in prose that set an instrument. @param {Python} python @param {Map<string, Link>} links */
function followPresets(python, links) {
  document.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest?.("a.preset");
    if (!(link instanceof HTMLAnchorElement) || python.health === "failed") return;
    const slot = link.hash.replace("#instrument-", "");
    const place = links.get(slot)?.place;
    if (!place) return;
    event.preventDefault();
    const values = Object.fromEntries(String(link.dataset.set).split(" ").map((pair) => pair.split("=")));
    python.send({ type: "set_state", slot, values });
    bringIntoView(place);
  });
}

/** Scrolls only when the picture is not already in sight. @param {HTMLElement} place */
function bringIntoView(place) {
  const box = /** @type {HTMLElement} */ (place.querySelector(".stage")).getBoundingClientRect();
  const visible = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  if (visible < 0.6 * Math.min(box.height, innerHeight)) place.scrollIntoView({ block: "start" });
}
