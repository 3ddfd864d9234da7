/** The menu of an instrument: a link to its current state, its embed code, its picture and data as files. */
import { copied, openDropDown } from "./drop_down.js";
import { within } from "../bokeh/shadow.js";

export function openMenus() {
  for (const element of document.querySelectorAll("[data-instrument]")) {
    const place = /** @type {HTMLElement} */ (element);
    openMenu(place, String(place.dataset.instrument));
  }
}

/** @param {HTMLElement} place the instrument's figure @param {string} name */
function openMenu(place, name) {
  const menu = /** @type {HTMLDetailsElement | null} */ (place.querySelector("details.menu"));
  if (!menu) return;
  let query = "";
  place.addEventListener("lab:state", (event) => (query = /** @type {CustomEvent} */ (event).detail.query));

  /** @type {Record<string, () => Promise<string>>} */
  const actions = {
    link: async () => copied(stateAddress(name, query)),
    embed: async () => copied(embedCode(place, name, query)),
    pin: async () => {
      place.dispatchEvent(new CustomEvent("lab:pin", { detail: { query } }));
      return "";
    },
    code: async () => {
      place.dispatchEvent(new CustomEvent("lab:code"));
      menu.open = false;
      return "";
    },
    picture: async () => savePicture(place, name),
    data: async () => saveData(place, name),
  };
  openDropDown(menu, actions);
}

/**
 * This page's address with the settings in it that the reader has changed.
 * @param {string} name @param {string} query the settings that differ from those of the instrument's place in this page
 */
export function stateAddress(name, query, base = location.href, alone = "embed" in document.body.dataset) {
  const address = new URL(base);
  const theme = address.searchParams.get("theme");
  address.search = "";
  if (alone && theme) address.searchParams.set("theme", theme);
  for (const [key, value] of new URLSearchParams(query)) address.searchParams.set(alone ? key : `${name}.${key}`, value);
  address.hash = alone ? "" : `instrument-${name}`;
  return address.href;
}

/** Code that shows this state wherever it is pasted. @param {HTMLElement} place @param {string} name @param {string} query */
function embedCode(place, name, query) {
  const address = new URL(String(place.dataset.embed), document.baseURI);
  address.search = allSettings(JSON.parse(String(place.dataset.state)), query);
  const title = place.querySelector("h3")?.textContent ?? name;
  const height = Math.ceil(/** @type {HTMLElement} */ (place.querySelector(".stage")).getBoundingClientRect().height) + 60;
  return `<iframe src="${address.href.replaceAll("&", "&amp;")}" title="${title}" width="100%" height="${height}" style="border:0"></iframe>`;
}

/**
 * All settings as a query, so that it gives the same state in another place and when a default has changed.
 * @param {Record<string, string>} state all settings of the instrument's place @param {string} query those that differ from them
 */
export function allSettings(state, query) {
  return new URLSearchParams({ ...state, ...Object.fromEntries(new URLSearchParams(query)) }).toString();
}

/** Downloads the figure as a PNG on the page's background. @param {HTMLElement} place @param {string} name @returns {Promise<string>} */
async function savePicture(place, name) {
  const canvas = /** @type {HTMLCanvasElement | null} */ (within(place, "canvas"));
  if (!canvas) return "The picture is not drawn yet.";
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = /** @type {CanvasRenderingContext2D} */ (copy.getContext("2d"));
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, copy.width, copy.height);
  context.drawImage(canvas, 0, 0);
  save(`${name}.png`, copy.toDataURL("image/png"));
  return "Saved.";
}

/** Downloads the data of the picture, computed by Python. @param {HTMLElement} place @param {string} name @returns {Promise<string>} */
async function saveData(place, name) {
  if (!place.querySelector(".live-view")) return "The data can be downloaded once Python is live.";
  return new Promise((resolve) => {
    const got = (/** @type {Event} */ event) => {
      const { csv } = /** @type {CustomEvent} */ (event).detail;
      save(`${name}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`);
      resolve("Saved.");
    };
    place.addEventListener("lab:exported", got, { once: true });
    place.dispatchEvent(new CustomEvent("lab:export"));
  });
}

/** @param {string} name of the file @param {string} address of its contents */
function save(name, address) {
  const link = document.createElement("a");
  link.download = name;
  link.href = address;
  link.click();
}
