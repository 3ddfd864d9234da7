/** The menu of an instrument: a link to its current state, the dialog that embeds it, its picture and data as files. */
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
    embed: async () => {
      place.dispatchEvent(new CustomEvent("lab:embed", { bubbles: true, detail: { query } }));
      return "";
    },
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

/** This page's address with the instrument's settings in it. @param {string} name @param {string} query */
export function stateAddress(name, query, base = location.href, alone = "embed" in document.body.dataset) {
  const address = new URL(base);
  const theme = address.searchParams.get("theme");
  address.search = "";
  if (alone && theme) address.searchParams.set("theme", theme);
  for (const [key, value] of new URLSearchParams(query)) address.searchParams.set(alone ? key : `${name}.${key}`, value);
  address.hash = alone ? "" : `instrument-${name}`;
  return address.href;
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
