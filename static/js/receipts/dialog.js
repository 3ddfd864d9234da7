/**
 * The “Receipt” dialog: the code to paste into a course page, and in words what it says. Loaded when it is opened.
 *
 * @typedef {import("./gather.js").Tried} Tried
 * @typedef {import("./gather.js").Memory & {copied: (text: string) => Promise<string>, lab: string, reader: string}} Page
 *   copied: copies a text and says so; lab: version of the lab; reader: address of the page that reads receipts
 */
import { encode, MOST } from "./code.js";
import { receiptOfInstrument, receiptOfTasks, tasksOf } from "./gather.js";

const STYLE = `
:host { color: var(--ink); font: 14px/1.5 var(--sans); }
* { box-sizing: border-box; }
dialog { width: min(560px, 94vw); max-height: 94vh; padding: 0; border: 1px solid var(--line); border-radius: 6px; background: var(--bg); color: inherit; overflow-y: auto; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 12px 18px; border-bottom: 1px solid var(--line); }
h2 { margin: 0; font-size: 16px; font-weight: 600; line-height: 1.35; }
section { display: grid; gap: 12px; padding: 14px 18px 18px; }
p { margin: 0; }
.said { font-size: 12.5px; color: var(--mute); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; overflow-wrap: anywhere; }
td:last-child { padding-right: 0; text-align: right; white-space: nowrap; color: var(--mute); }
td.ok { color: var(--ok); }
.list { max-height: 38vh; overflow-y: auto; border-top: 1px solid var(--line); }
textarea { display: block; width: 100%; padding: 10px 12px; border: 1px solid var(--line); border-radius: 4px; background: var(--soft); color: var(--ink); font: 14px/1.55 var(--mono); font-variant-ligatures: none; letter-spacing: .02em; overflow-wrap: anywhere; resize: vertical; }
.bar { display: flex; align-items: center; justify-content: flex-end; gap: 14px; }
output { color: var(--ok); }
button { padding: 6px 14px; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; font: 500 13px var(--sans); cursor: pointer; }
button:hover { border-color: var(--mute); }
button.copy { border-color: var(--acc); background: var(--acc); color: var(--on-acc); font-weight: 600; }
a { color: inherit; text-underline-offset: .18em; }
:is(button, textarea, a):focus-visible { outline: 2px solid var(--acc); outline-offset: 1px; }`;

const MARKUP = `
<dialog aria-labelledby="h">
  <header><h2 id="h"></h2><button type="button" class="close">Close</button></header>
  <section>
    <p class="sum"></p>
    <div class="list" tabindex="0" role="region" aria-label="What the code says"><table><tbody></tbody></table></div>
    <textarea readonly spellcheck="false" aria-label="Code of the receipt"></textarea>
    <div class="bar"><output role="status"></output><button type="button" class="copy">Copy the code</button></div>
    <p class="said">Paste the code where your course asks for it. It holds what is listed here, the lab’s version and the time, and no name. Nothing has been sent. <a target="_blank" rel="noopener">Read a receipt</a></p>
  </section>
</dialog>`;

/** Opens the dialog with the receipt of the page's questions and exercises. @param {Page} page @param {HTMLElement} opener gets the focus back */
export function openPageReceipt(page, opener) {
  const tasks = tasksOf(document, page);
  const receipt = receiptOfTasks(document, tasks, madeNow(page));
  const done = tasks.filter((task) => task.done).length;
  const title = document.querySelector("h1")?.textContent ?? tasks.map((task) => task.title).join(", ");
  const sum = tasks.length > 1 ? `${done} of ${tasks.length} questions and exercises done.` : "";
  open(page, opener, { title, sum, lines: tasks.map(lineOf), code: encode(receipt) });
}

/** Opens the dialog with the receipt of an instrument's state. @param {Page} page @param {HTMLElement} place its figure @param {string} query */
export function openStateReceipt(page, place, query) {
  const receipt = receiptOfInstrument(place, query, madeNow(page));
  if (receipt.kind !== "instrument") return;
  const fits = query.length <= MOST.query;
  /** @type {Line[]} */
  const lines = fits ? Array.from(new URLSearchParams(query), ([name, value]) => [name, value, false]) : [];
  if (receipt.answer) lines.push(["Your answer", receipt.answer, false]);
  if (receipt.edited) lines.push(["With your own code", receipt.edited, false]);
  const changed = query ? "Settings that you have changed:" : "No setting is changed.";
  const sum = fits ? changed : "These settings are too long for a code; it is made without them.";
  const summary = /** @type {HTMLElement} */ (place.querySelector("details.menu > summary"));
  open(page, summary, { title: place.querySelector(".instrument-title")?.textContent ?? receipt.name, sum, lines, code: encode(receipt) });
}

/** @param {Page} page */
const madeNow = ({ lab }) => ({ lab, now: Date.now(), nonce: crypto.getRandomValues(new Uint16Array(1))[0] });

/** @typedef {[name: string, words: string, good: boolean]} Line */

/** @param {Tried} task @returns {Line} */
function lineOf({ title, name, tried, done, answer }) {
  const verdict = name.startsWith("exercise-") ? (done ? "passed" : "not passed yet") : done ? "right" : "not right yet";
  return [answer ? `${title}: ${answer}` : title, tried ? verdict : "not tried", done];
}

/** @param {Page} page @param {HTMLElement} opener @param {{title: string, sum: string, lines: Line[], code: string}} contents */
function open(page, opener, { title, sum, lines, code }) {
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  root.innerHTML = `<style>${STYLE}</style>${MARKUP}`;
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
  part("h2").textContent = `Receipt: ${title}`;
  part(".sum").textContent = sum;
  part(".sum").hidden = !sum;
  part(".list").hidden = !lines.length;
  part("tbody").append(...lines.map(([name, words, good]) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = name;
    const cell = row.insertCell();
    cell.textContent = words;
    cell.classList.toggle("ok", good);
    return row;
  }));
  const area = /** @type {HTMLTextAreaElement} */ (part("textarea"));
  area.value = code;
  area.addEventListener("focus", () => area.select());
  /** @type {HTMLAnchorElement} */ (part("a")).href = page.reader;
  const dialog = /** @type {HTMLDialogElement} */ (part("dialog"));
  part(".close").addEventListener("click", () => dialog.close());
  part(".copy").addEventListener("click", async () => {
    const said = await page.copied(code);
    part("output").textContent = said === "Copied." ? said : "Select the code and copy it.";
    if (said !== "Copied.") area.focus();
  });
  dialog.addEventListener("close", () => {
    host.remove();
    opener.focus();
  });
  document.body.append(host);
  dialog.showModal();
  area.style.height = `${Math.min(area.scrollHeight + 2, 180)}px`;
  part(".copy").focus();
}
