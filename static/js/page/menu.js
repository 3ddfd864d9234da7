/** The menu of an instrument: a link to its current state, the dialog that embeds it, its picture and data as files. */
import { copied, openDropDown } from "./drop_down.js";

export function openMenus() {
  for (const element of document.querySelectorAll("[data-instrument]")) {
    const place = /** @type {HTMLElement} */ (element);
    openMenu(place, String(place.dataset.slot ?? place.dataset.instrument));
  }
}

/** @param {HTMLElement} place the instrument's figure @param {string} name of its place @param {string} [file] name of its files */
export function openMenu(place, name, file = name) {
  const menu = /** @type {HTMLDetailsElement | null} */ (place.querySelector("details.menu"));
  if (!menu) return;
  let query = "";
  place.addEventListener("lab:state", (event) => (query = /** @type {CustomEvent} */ (event).detail.query));

  /** @type {Record<string, () => Promise<string>>} */
  const actions = {
    link: async () => (await copied(stateAddress(name, query))) + withoutEdits(place),
    embed: async () => {
      const detail = { query: allSettings(JSON.parse(String(place.dataset.state)), query), note: withoutEdits(place).trim() };
      place.dispatchEvent(new CustomEvent("lab:embed", { bubbles: true, detail }));
      return "";
    },
    receipt: async () => {
      if (!place.querySelector(".live-view")) return "A receipt can be made once Python is live.";
      place.dispatchEvent(new CustomEvent("lab:receipt", { bubbles: true, detail: { query } }));
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
    picture: async () => saved(place, "svg", stateAddress(name, query), async (svg, address) => {
      const { pngOf } = await import("./png.js");
      save(`${file}.png`, await pngOf(svg, { Title: titleOf(place, name), Source: address, Settings: query }));
    }),
    drawing: async () => saved(place, "svg", stateAddress(name, query), async (svg) => save(`${file}.svg`, dataAddress("image/svg+xml", svg))),
    data: async () => saved(place, "csv", stateAddress(name, query), async (csv, address) => {
      save(`${file}.csv`, dataAddress("text/csv", `# ${address}\n${csv}`));
    }),
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

/** A sentence where the instrument runs the reader's code: no address carries it. @param {HTMLElement} place */
const withoutEdits = ({ dataset: { edited } }) => (edited ? ` It opens with the lab's own code, not with your ${edited}.` : "");

/**
 * All settings as a query, so that it gives the same state in another place and when a default has changed.
 * @param {Record<string, string>} state all settings of the instrument's place @param {string} query those that differ from them
 */
export function allSettings(state, query) {
  return new URLSearchParams({ ...state, ...Object.fromEntries(new URLSearchParams(query)) }).toString();
}

/** @param {HTMLElement} place @param {string} name */
const titleOf = (place, name) => place.querySelector(".instrument-title")?.textContent ?? name;

/**
 * Asks Python for the data (csv) or the picture (svg) of the present state, and saves the answer.
 * @param {HTMLElement} place @param {"csv" | "svg"} kind @param {string} address of the state
 * @param {(text: string, address: string) => Promise<void>} keep @returns {Promise<string>} a message for the reader
 */
async function saved(place, kind, address, keep) {
  if (!place.querySelector(".live-view")) return "This can be downloaded once Python is live.";
  return new Promise((resolve) => {
    const got = async (/** @type {Event} */ event) => {
      await keep(/** @type {CustomEvent} */ (event).detail.text, address);
      resolve("Saved.");
    };
    place.addEventListener("lab:exported", got, { once: true });
    place.dispatchEvent(new CustomEvent("lab:export", { detail: { kind, address } }));
  });
}

/** @param {string} type @param {string} text */
const dataAddress = (type, text) => `data:${type};charset=utf-8,${encodeURIComponent(text)}`;

/** @param {string} name of the file @param {string} address of its contents */
function save(name, address) {
  const link = document.createElement("a");
  link.download = name;
  link.href = address;
  link.click();
}
