/** The page “Read a receipt”: pasted codes become a table, which can be saved as CSV. Nothing leaves the page. */
import { csvOf, MOST_TEXT, readText, rowsOf } from "./reading.js";

/** @typedef {import("./reading.js").Row} Row */

export function openReader() {
  const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-receipts]"));
  const input = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
  const save = /** @type {HTMLButtonElement} */ (part(".receipts .save"));
  const table = part(".receipts table");
  const lab = JSON.parse(String(part("script.lab").textContent));
  /** @type {Row[]} */
  let rows = [];

  const read = () => {
    const { found, unread } = readText(input.value);
    rows = rowsOf(found, lab);
    part(".receipts .sum").textContent = summary(rows, unread, input.value);
    part(".receipts tbody").replaceChildren(...rows.map((row) => rowElement(row, lab.version)));
    table.hidden = save.hidden = !rows.length;
  };
  input.disabled = false;
  input.addEventListener("input", read);
  form.addEventListener("submit", (event) => event.preventDefault());
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.download = "receipts.csv";
    // The mark at the beginning tells spreadsheets that the text is UTF-8.
    link.href = URL.createObjectURL(new Blob(["\ufeff", csvOf(rows, new URL(".", document.baseURI).href)], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then the browser has saved it
  });
  read(); // a text that the browser has kept over a reload
}

/** @param {Row[]} rows @param {number} unread lines @param {string} text */
function summary(rows, unread, text) {
  if (!text.trim()) return "";
  if (!rows.length) return "No code is in this text. A code begins with DIL1.";
  const damaged = rows.filter((row) => row.problem).length;
  const repeated = rows.filter((row) => row.same !== undefined).length;
  const parts = [rows.length === 1 ? "1 code." : `${rows.length} codes.`];
  if (damaged) parts.push(`${damaged} cannot be read.`);
  if (repeated) parts.push(`${repeated} ${repeated === 1 ? "is" : "are"} a repetition.`);
  if (unread) parts.push(unread === 1 ? "1 line has no code." : `${unread} lines have no code.`);
  if (text.length > MOST_TEXT) parts.push("The text is too long: its end was not read.");
  return parts.join(" ");
}

/** @param {Row} row @param {string} version of this copy of the lab */
function rowElement(row, version) {
  const element = document.createElement("tr");
  const cell = (/** @type {string} */ label, /** @type {(Node | string)[]} */ ...contents) => {
    const added = element.insertCell();
    added.dataset.label = label;
    added.append(...contents);
    return added;
  };
  cell("Beside the code", row.text || `Line ${row.line}`).classList.toggle("none", !row.text);
  if (row.problem) {
    const said = cell("Receipt", row.problem);
    said.colSpan = 3;
    said.className = "problem";
    said.append(small(row.code.length > 60 ? `${row.code.slice(0, 60)}…` : row.code, "code"));
    return element;
  }
  const about = cell("Receipt", row.address ? link(row.address, row.about) : row.about);
  if (row.version !== version) about.append(small(`Made with version ${row.version}; this page is of ${version}.`));
  const result = cell("Says", row.of === undefined ? "" : `${row.done} of ${row.of} done`);
  if (row.settings) result.append(`Settings: ${row.settings}`);
  if (row.details.length) {
    const list = document.createElement("ul");
    for (const detail of row.details) list.appendChild(document.createElement("li")).textContent = detail;
    result.append(list);
  }
  const made = cell("Made", row.made);
  if (row.same !== undefined) made.append(small(`The same code as in line ${row.same}.`, "same"));
  return element;
}

/** @param {string} address @param {string} text */
function link(address, text) {
  const element = document.createElement("a");
  element.href = address;
  element.textContent = text;
  return element;
}

/** @param {string} text */
function small(text, kind = "") {
  const element = document.createElement("small");
  element.textContent = text;
  element.className = kind;
  return element;
}
