/**
 * Live preview, only in the pages that `build.py serve` sends. A changed style sheet replaces the old one; a changed page
 * is reloaded with the same scroll position and unfolded details; a chapter keeps its instruments' settings itself, a page
 * of one instrument gets them in its address. A build error is shown over the page until it is fixed.
 *
 * @typedef {{page: string, style: string, search: string, error: string}} State  The page's version without its style
 *   sheet and what it searches, the addresses of both below the site's root, and the error that stops the build.
 * @typedef {{anchors: {id: string, top: number}[], open: string[], query: string}} Place
 *   `anchors`: elements and their distance below the window's edge; the last one that still exists is used;
 *   `open`: names of unfolded details; `query`: the settings of the only instrument.
 */

const script = /** @type {HTMLElement} */ (document.querySelector("script[data-author]"));
const KEPT = `lab:author:${location.pathname}`;

/** @type {State} */
const seen = JSON.parse(String(script.dataset.author));
const place = takePlace();
stand(place);
addEventListener("pagehide", () => (history.scrollRestoration = "auto"));
if ("embed" in document.body.dataset) followSettings();
follow();

/** The scroll position and settings that this page had before it was reloaded. @returns {Place} */
function takePlace() {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return kept ? JSON.parse(kept) : { anchors: [], open: [], query: "" };
}

/** @param {Place} place */
function stand({ anchors, open, query }) {
  for (const details of document.querySelectorAll("details")) if (open.includes(nameOf(details))) details.open = true;
  lendAddress(query);
  const anchor = anchors.filter(({ id }) => document.getElementById(id)).at(-1); // elements drawn by Python do not exist yet
  if (!anchor) return;
  const scroll = () => {
    const top = document.getElementById(anchor.id)?.getBoundingClientRect().top;
    if (top !== undefined) scrollBy(0, top - anchor.top);
  };
  scroll();
  const done = new AbortController(); // as soon as the author scrolls
  for (const kind of ["wheel", "pointerdown", "keydown"]) addEventListener(kind, () => done.abort(), { once: true });
  addEventListener("load", scroll, { once: true, signal: done.signal }); // fonts are loaded
}

/** Puts settings into the page's address, from which the page reads them, until it has loaded. @param {string} query */
function lendAddress(query) {
  if (!query) return;
  const own = location.href;
  const lent = new URL(own);
  for (const [key, value] of new URLSearchParams(query)) lent.searchParams.set(key, value);
  history.replaceState(history.state, "", lent);
  addEventListener("DOMContentLoaded", () => history.replaceState(history.state, "", own), { once: true });
}

/** Records the settings: from Python or, before it is live, from the still picture. */
function followSettings() {
  document.addEventListener("lab:state", (event) => {
    const figure = /** @type {HTMLElement} */ (event.target).closest("figure.instrument[id]"); // not one that is pinned
    if (figure instanceof HTMLElement) place.query = /** @type {CustomEvent} */ (event).detail.query;
  });
}

function follow() {
  const changes = new EventSource(`/_author/changes?page=${encodeURIComponent(location.pathname)}`);
  changes.addEventListener("message", ({ data }) => {
    /** @type {State} */
    const { page, style, search, error } = JSON.parse(data);
    showError(error);
    if (error) return;
    if (page !== seen.page) {
      changes.close();
      loadAgain();
      return;
    }
    const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-documents]"));
    if (button) button.dataset.documents = `/${search}`;
    if (style !== seen.style) {
      seen.style = style;
      restyle(style);
    }
  });
}

function loadAgain() {
  const shown = [...document.querySelectorAll("main [id]")].filter((element) => element.getClientRects().length);
  const marks = shown.map((element) => ({ id: element.id, top: element.getBoundingClientRect().top }));
  const above = marks.filter(({ top }) => top < innerHeight / 3);
  const anchors = above.length ? above : marks.slice(0, 1);
  const open = [...document.querySelectorAll("details")].filter((details) => details.open).map(nameOf);
  sessionStorage.setItem(KEPT, JSON.stringify({ anchors, open, query: place.query }));
  addEventListener("pagehide", () => (history.scrollRestoration = "manual"), { once: true });
  location.reload();
}

/** A name for a `details` element: its place and its summary. @param {HTMLDetailsElement} details */
function nameOf(details) {
  return `${details.closest("[id]")?.id}: ${details.querySelector("summary")?.textContent}`;
}

/** @param {string} address  Below the site's root, where `serve` has it. */
function restyle(address) {
  const old = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=stylesheet]"));
  const link = /** @type {HTMLLinkElement} */ (old.cloneNode());
  link.href = `/${address}`;
  link.addEventListener("load", () => old.remove());
  old.after(link);
}

/** @type {HTMLElement | undefined} */
let sheet;

/** @param {string} error */
function showError(error) {
  sheet?.remove();
  sheet = undefined;
  if (!error) return;
  sheet = document.createElement("lab-build-error");
  const root = sheet.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    section { position: fixed; z-index: 99; inset: auto 0 0 0; max-height: 60vh; overflow: auto; box-sizing: border-box;
      padding: 18px 32px 22px; border-top: 3px solid var(--acc); background: var(--bg); color: var(--ink);
      box-shadow: 0 -8px 32px rgb(0 0 0 / .18); }
    h2 { margin: 0 0 8px; font: 600 14px/1.5 var(--sans); color: var(--acc); }
    pre { margin: 0; font: 14px/1.55 var(--mono); font-variant-ligatures: none; white-space: pre-wrap; overflow-wrap: anywhere; }
    p { margin: 10px 0 0; font: 13px/1.5 var(--sans); color: var(--mute); }
    @media (max-width: 600px) { section { padding: 14px 16px 18px; } pre { font-size: 13px; } }`);
  root.adoptedStyleSheets = [style];
  const section = document.createElement("section");
  section.setAttribute("role", "alert");
  /** @param {string} tag @param {string} text */
  const add = (tag, text) => section.append(Object.assign(document.createElement(tag), { textContent: text }));
  add("h2", "The site could not be built");
  add("pre", error);
  add("p", "You see the last version that could. This message disappears when the file is fixed and saved.");
  root.append(section);
  document.body.append(sheet);
}
