/**
 * The search: a dialog with a field and the results for what is typed there. Loaded when it is first opened, and with it
 * the documents in which it searches. Arrow keys go through the results, which are links.
 *
 * @typedef {import("./find.js").Piece} Piece
 * @typedef {import("./find.js").Results} Results
 */
import { downloadJson } from "../files/download.js";
import { makeFinder, MOST } from "./find.js";

const STYLE = `
:host { color: var(--ink); font: 14px/1.5 var(--sans); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
dialog { width: min(680px, 94vw); max-height: min(720px, 86vh); margin: 8vh auto auto; padding: 0; border: 1px solid var(--line); border-radius: 6px; background: var(--bg); color: inherit; overflow: hidden; }
dialog[open] { display: flex; flex-direction: column; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
header { display: flex; align-items: center; gap: 12px; padding: 10px 14px 10px 18px; border-bottom: 1px solid var(--line); }
input { flex: 1; min-width: 0; padding: 6px 0; border: 0; outline: 0; background: none; color: inherit; font: 18px/1.4 var(--sans); }
input::placeholder { color: var(--mute); }
header:focus-within { box-shadow: inset 0 -2px var(--acc); }
button { padding: 5px 12px; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; font: 500 13px var(--sans); cursor: pointer; }
button:hover { border-color: var(--mute); }
.said { display: block; padding: 9px 18px; color: var(--mute); font-size: 13px; font-variant-numeric: tabular-nums; }
.said[data-failed] { color: var(--acc); }
.said button { margin-left: 8px; padding: 1px 9px; }
.list { overflow-y: auto; padding: 0 0 10px; }
h2 { margin: 10px 18px 2px; font: 500 12px/1.5 var(--sans); letter-spacing: .04em; color: var(--mute); }
ul { margin: 0; padding: 0; list-style: none; }
a { display: block; padding: 7px 18px 8px; border-left: 2px solid transparent; color: inherit; text-decoration: none; }
a:hover { background: var(--soft); }
a:focus { outline: 0; background: var(--soft); border-color: var(--acc); }
b { font-weight: 600; }
a span { display: block; color: var(--mute); font-size: 13.5px; overflow-wrap: anywhere; }
mark { background: none; color: var(--acc); font-weight: 600; }
button:focus-visible { outline: 2px solid var(--acc); outline-offset: 1px; }
@media (max-width: 600px) { dialog { width: 100vw; max-width: 100vw; max-height: 100dvh; margin-top: 0; border-width: 0 0 1px; border-radius: 0; } }`;

const MARKUP = `
<dialog aria-label="Search">
  <header><input type="text" role="searchbox" placeholder="Search the chapters" aria-label="Search the chapters" autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="go"><button type="button" class="close">Close</button></header>
  <output class="said" role="status"></output>
  <div class="list"></div>
</dialog>`;

/** @type {((typed: string) => Results) | undefined} */
let finder;

/** @type {HTMLElement | undefined} */
let host;

/**
 * Opens the dialog, once more with what was typed before.
 * @param {string} documents address of what to search in @param {string} root address of the site
 */
export function openSearch(documents, root) {
  host ??= made(documents, root);
  const part = /** @type {ShadowRoot} */ (host.shadowRoot);
  const dialog = /** @type {HTMLDialogElement} */ (part.querySelector("dialog"));
  if (dialog.open) return;
  dialog.showModal();
  /** @type {HTMLInputElement} */ (part.querySelector("input")).select();
}

/** @param {string} documents @param {string} root */
function made(documents, root) {
  const element = document.createElement("div");
  const shadow = element.attachShadow({ mode: "open" });
  shadow.innerHTML = `<style>${STYLE}</style>${MARKUP}`;
  document.body.append(element);
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (shadow.querySelector(selector));
  const dialog = /** @type {HTMLDialogElement} */ (part("dialog"));
  const field = /** @type {HTMLInputElement} */ (part("input"));
  const said = part(".said");
  const show = () => {
    if (!finder) return;
    const typed = field.value.trim();
    const results = finder(typed);
    said.textContent = typed ? counted(results.count) : "";
    said.hidden = !typed;
    part(".list").replaceChildren(...results.groups.map((group) => section(group, root)));
    part(".list").scrollTop = 0;
  };
  const load = async () => {
    delete said.dataset.failed;
    said.hidden = false;
    said.textContent = "Loading …";
    try {
      finder ??= makeFinder(await downloadJson(documents));
      show();
    } catch (error) {
      const again = document.createElement("button");
      again.type = "button";
      again.textContent = "Retry";
      again.addEventListener("click", load);
      said.dataset.failed = "";
      said.replaceChildren(`There is nothing to search in: ${/** @type {Error} */ (error).message}`, again);
    }
  };
  load();
  field.addEventListener("input", show);
  part(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // beside its content
  part(".list").addEventListener("click", ({ target }) => target instanceof Element && target.closest("a") && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const links = /** @type {HTMLAnchorElement[]} */ ([...shadow.querySelectorAll(".list a")]);
    const now = links.indexOf(/** @type {HTMLAnchorElement} */ (shadow.activeElement));
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 });
    if (event.key in steps) {
      event.preventDefault();
      const next = now + steps[event.key];
      if (next < 0) field.focus();
      else links[Math.min(next, links.length - 1)]?.focus();
    } else if (event.key === "Enter" && shadow.activeElement === field) links[0]?.click();
    else if (now >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus(); // what is typed goes on there
  });
  return element;
}

/** How many results there are, in words. @param {number} count */
export function counted(count) {
  if (!count) return "Nothing found. Try fewer or other words.";
  if (count > MOST) return `${count} results; the best ${MOST} are shown.`;
  return count === 1 ? "1 result" : `${count} results`;
}

/** @param {Results["groups"][number]} group @param {string} root */
function section({ name, results }, root) {
  const element = document.createElement("section");
  const title = document.createElement("h2");
  title.textContent = name;
  const list = document.createElement("ul");
  list.append(
    ...results.map(({ at, heading, snippet }) => {
      const link = document.createElement("a");
      link.href = new URL(at, root).href;
      const first = document.createElement("b");
      first.append(...marked(heading));
      const below = document.createElement("span");
      below.append(...marked(snippet));
      link.append(first, below);
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
  element.append(title, list);
  return element;
}

/** @param {Piece[]} pieces @returns {(Node | string)[]} */
const marked = (pieces) =>
  pieces.map(({ text, found }) => {
    if (!found) return text;
    const mark = document.createElement("mark");
    mark.textContent = text;
    return mark;
  });
