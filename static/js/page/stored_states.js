/**
 * Stored states: pictures and texts that the build has made of presets, examples and each place's own state. Loaded where
 * Python is not live and a preset is pressed, or where the address asks for a state.
 *
 * Each file is a script that calls `labStored` with its data, because a frame that its host shuts off, or a page opened
 * from a file, can load nothing else. Other pages read the data out of it.
 *
 * @typedef {Record<string, string>} Texts  Settings as texts.
 * @typedef {[over: Texts, file: string][]} Index  The stored states of a place: settings over its own, and the file.
 * @typedef {{state: Texts, pictures: string[], readings: Record<string, any>, status: string, description: string}} Stored
 *   `state`: all settings; `pictures`: the SVG of each scene, "" for one that is not seen.
 * @typedef {import("./dock_news.js").Changes} Changes
 */
import { download } from "../files/download.js";
import { labelPictures, showNumber, showReadings } from "./front_panel.js";

/**
 * The stored state that a place shows with these settings; undefined if the build has stored none.
 * @param {string} address of the place's index @param {Texts} own the place's settings @param {Texts} asked all settings
 * @returns {Promise<Stored | undefined>}
 */
export async function storedState(address, own, asked) {
  const load = self.origin === "null" ? loadByScript : loadAsText;
  const index = new URL(address, document.baseURI).href;
  const file = fileOf(await load(index), own, asked);
  return file === undefined ? undefined : checked(await load(new URL(file, index).href));
}

/** @param {Index} index @param {Texts} own @param {Texts} asked all settings @returns {string | undefined} */
export function fileOf(index, own, asked) {
  const found = index.find(([over]) => Object.keys(own).every((name) => same(over[name] ?? own[name], asked[name])));
  return found?.[1];
}

/** Whether two texts are the same value: numbers may be written in several ways. @param {string} text @param {string} other */
const same = (text, other) => text === other || (text.trim() !== "" && String(other).trim() !== "" && Number(text) === Number(other));

/** @param {any} data @returns {Stored} */
function checked(data) {
  const { state, pictures, readings } = data ?? {};
  if (typeof state !== "object" || typeof readings !== "object" || !Array.isArray(pictures)) throw new Error("not a stored state");
  return data;
}

/** @param {string} address @returns {Promise<any>} */
async function loadAsText(address) {
  const text = new TextDecoder().decode(await download(address));
  return JSON.parse(text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")));
}

/** One script after the other, so that it is known whose data `labStored` gets. @type {Promise<unknown>} */
let scripts = Promise.resolve();

/** @param {string} address @returns {Promise<any>} */
function loadByScript(address) {
  const loaded = scripts.then(
    () =>
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        /** @type {any} */ (globalThis).labStored = resolve;
        script.onload = script.onerror = () => {
          script.remove();
          reject(new Error(`${address} could not be loaded`)); // without effect where it has called `labStored`
        };
        script.src = address;
        document.head.append(script);
      }),
  );
  scripts = loaded.catch(() => {});
  return loaded;
}

/**
 * Shows a stored state in a still front panel: pictures, texts, and the values of the controls.
 * @param {HTMLElement} panel @param {Stored} stored @param {Texts} before the settings shown so far
 * @returns {Changes} what has changed
 */
export function showStored(panel, { state, pictures, readings, status, description }, before) {
  const texts = () => new Map(all(panel, "[data-reading], [data-bars]").map((item) => [item.dataset.reading ?? item.dataset.bars, item.textContent]));
  const [texted, changes] = [texts(), /** @type {Changes} */ ({ settings: {}, layers: {}, ranges: {}, texts: {} })];
  for (const [name, text] of Object.entries(state)) if (text !== before[name]) changes.settings[name] = text;
  for (const figure of all(panel, "[data-scene]")) {
    const [drawn, picture] = [figure.innerHTML, pictures[Number(figure.dataset.place)]];
    delete figure.dataset.pale;
    if (!picture) {
      figure.innerHTML = ""; // not seen in this state: its masks would fail there, and with them equal ones in sight
      continue;
    }
    figure.innerHTML = picture;
    if (figure.innerHTML !== drawn) changes.layers[`${figure.dataset.scene}.`] = picture;
  }
  for (const control of all(panel, "[data-param]")) put(/** @type {HTMLInputElement} */ (control), state[String(control.dataset.param)]);
  for (const item of all(panel, "[data-when]")) item.hidden = !met(String(item.dataset.when), state);
  for (const pad of all(panel, "[data-handle]")) moveKnob(pad, state);
  showReadings(panel, readings);
  for (const [key, text] of texts()) if (text !== texted.get(key)) changes.texts[String(key)] = text;
  for (const line of all(panel, "[data-status]")) line.textContent = status;
  labelPictures(panel, description);
  for (const words of all(panel, ".description")) words.textContent = description; // announced
  return changes;
}

/** @param {HTMLElement} panel @param {string} selector @returns {HTMLElement[]} */
const all = (panel, selector) => [...panel.querySelectorAll(/** @type {"div"} */ (selector))];

/** @param {HTMLInputElement} control @param {string} text */
function put(control, text) {
  if (control.type === "checkbox") control.checked = text === "true";
  else if (control.type === "radio") control.checked = text === control.value;
  else if (control.type === "range" || control.type === "number") showNumber(control, Number(text));
  else control.value = text;
}

/** Whether a condition holds: `view:flow|pairs;show_paths:true`. @param {string} condition @param {Texts} state */
const met = (condition, state) =>
  condition.split(";").every((part) => {
    const [name, wanted] = part.split(":");
    return wanted.split("|").includes(state[name]);
  });

/** @param {HTMLElement} pad @param {Texts} state */
function moveKnob(pad, state) {
  const { x = "", y = "", extent = "" } = pad.dataset;
  const [wide, high] = extent.split(" ").map(Number);
  const knob = /** @type {HTMLElement} */ (pad.querySelector("button"));
  knob.style.left = `${50 + (50 * Number(state[x])) / wide}%`;
  knob.style.top = `${50 - (50 * Number(state[y])) / high}%`;
}
