/**
 * Reads pasted text with receipts in it, and says in words what each receipt says.
 *
 * @typedef {import("./code.js").Receipt} Receipt
 * @typedef {{version: string, chapters: Record<string, {title: string, tasks: [name: string, title: string][]}>,
 *   instruments: Record<string, string>}} Lab  What this copy of the lab has.
 * @typedef {{line: number, text: string, code: string} & ({receipt: Receipt} | {problem: string})} Found  text: beside
 *   the code.
 * @typedef {{line: number, text: string, code: string, problem: string, about: string, made: string, version: string,
 *   done: number | undefined, of: number | undefined, details: string[], settings: string, address: string,
 *   same: number | undefined}} Row  address: of the state, relative to the lab's root; same: the line of an equal code.
 */
import { decode, EPOCH, excessOf, markOf, PREFIX } from "./code.js";

/** More than this is not read: a class of a thousand needs a tenth of it. */
export const MOST_TEXT = 2_000_000;

const CODE = /(?<![0-9A-Z])DIL\d[0-9A-Z]*/gi;
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff]/g; // hyphenation and joining, which some editors insert
const WITHOUT_BEGINNING = /(?<![0-9A-Z])(?=[0-9A-Z]*\d)(?=[0-9A-Z]*[A-Z])[0-9A-Z]{20,}/;

/**
 * All codes of a text, in order. A line without a code belongs to the next code that has no words beside it; the second
 * half of a code that was broken into two lines is joined to it.
 * @param {string} text @returns {{found: Found[], unread: number}} unread: lines with neither a code nor a code below them
 */
export function readText(text) {
  const lines = text.slice(0, MOST_TEXT).replace(INVISIBLE, "").split(/\r\n|\r|\n/);
  /** @type {Found[]} */
  const found = [];
  let above = "";
  let unread = 0;
  for (let number = 0; number < lines.length; number++) {
    const line = number + 1;
    const codes = lines[number].match(CODE) ?? [];
    const beside = tidy(lines[number].replace(CODE, " "));
    if (!codes.length) {
      const [lost] = WITHOUT_BEGINNING.exec(lines[number]) ?? [];
      const problem = `The beginning is missing: a code begins with ${PREFIX}.`;
      if (lost) found.push({ line, text: tidy(lines[number].replace(lost, " ")), code: lost, problem });
      else if (beside) {
        if (above) unread++;
        above = beside;
      }
      continue;
    }
    const words = beside || above;
    above = "";
    for (let code of codes) {
      const next = lines[number + 1]?.trim() ?? "";
      if (lines[number].trimEnd().endsWith(code) && completes(code, next)) {
        code += next;
        number++;
      }
      found.push({ line, text: words, code, ...decode(code) });
    }
  }
  return { found, unread: unread + Number(above !== "") };
}

/** Whether `next` is what `code` lacks. @param {string} code @param {string} next */
const completes = (code, next) => /^[0-9A-Z]+$/i.test(next) && excessOf([...code.toUpperCase().slice(PREFIX.length)]) === -next.length;

/** Without the separators around a code. @param {string} text */
const tidy = (text) => text.replace(/\s+/g, " ").replace(/^[\s,;:|"'–-]+|[\s,;:|"'–-]+$/g, "").slice(0, 300);

/** @param {Found[]} found @param {Lab} lab @returns {Row[]} */
export function rowsOf(found, lab) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return found.map((each) => {
    const code = each.code.toUpperCase();
    const same = seen.get(code);
    if (same === undefined) seen.set(code, each.line);
    const { line, text } = each;
    const empty = { about: "", made: "", version: "", done: undefined, of: undefined, details: [], settings: "", address: "" };
    if ("problem" in each) return { ...empty, line, text, code, same, problem: each.problem };
    const { receipt } = each;
    const words = receipt.kind === "instrument" ? ofInstrument(receipt, lab) : ofTasks(receipt, lab);
    return { ...empty, line, text, code, same, problem: "", made: timeOf(receipt.made), version: receipt.lab, ...words };
  });
}

/** @param {Receipt & {kind: "chapter" | "part"}} receipt @param {Lab} lab */
function ofTasks({ kind, page, total, tasks }, { chapters }) {
  const chapter = Object.hasOwn(chapters, page) ? chapters[page] : undefined;
  const names = new Map((chapter?.tasks ?? []).map(([name, title]) => [markOf(name), title]));
  const title = (/** @type {number} */ mark) => names.get(mark) ?? "A question or exercise that this copy of the lab does not have";
  const answers = tasks.map(({ mark, done, answer }) => {
    const exercise = /^Exercise/.test(names.get(mark) ?? "");
    const verdict = exercise ? (done ? "passed" : "tried, not passed") : done ? "right" : "tried, not right";
    return `${title(mark)}: ${answer ? `${answer}, ` : ""}${verdict}`;
  });
  const about = chapter?.title ?? `A chapter that this copy of the lab does not have: ${page}`;
  return {
    about: kind === "part" ? `One question or exercise of “${about}”` : about,
    done: tasks.filter(({ done }) => done).length, of: total, details: answers,
    address: chapter ? `chapters/${page}.html` : "",
  };
}

/** @param {Receipt & {kind: "instrument"}} receipt @param {Lab} lab */
function ofInstrument({ name, page, query, edited, answer }, { chapters, instruments }) {
  const instrument = name.split("-")[0]; // the place `ring-late` has the instrument `ring`
  const known = Object.hasOwn(instruments, instrument) && (!page || Object.hasOwn(chapters, page));
  const settings = [...new URLSearchParams(query ?? "")];
  const inChapter = page ? ` in “${Object.hasOwn(chapters, page) ? chapters[page].title : page}”` : "";
  const details = [];
  if (answer) details.push(`Answered: ${answer}`);
  if (edited) details.push(`With the reader’s own code: ${edited}`);
  if (query === undefined) details.push("The settings were too long for a code");
  const words = settings.map(([key, value]) => `${key} = ${value}`).join(", ");
  return {
    about: (Object.hasOwn(instruments, instrument) ? instruments[instrument] : `An instrument that this copy of the lab does not have, ${name},`) + inChapter,
    details, settings: query === undefined ? "" : words || "unchanged",
    address: known && query !== undefined ? addressOf(name, page, settings) : "",
  };
}

/** The address that opens a state, as “Copy link to this state” gives it. @param {string} name @param {string} page @param {[string, string][]} settings */
function addressOf(name, page, settings) {
  const query = new URLSearchParams(settings.map(([key, value]) => [page ? `${name}.${key}` : key, value])).toString();
  return `${page ? `chapters/${page}` : `embed/${name}`}.html${query && `?${query}`}${page && `#instrument-${name}`}`;
}

/** The reader's time as year, month, day, hour and minute, in the time zone of this computer. @param {number} minutes */
function timeOf(minutes) {
  const time = new Date(EPOCH + minutes * 60_000);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** The rows as comma-separated values (RFC 4180). @param {Row[]} rows @param {string} root of the lab, for addresses */
export function csvOf(rows, root) {
  const head = ["line", "text", "about", "done", "of", "details", "settings", "address", "made", "version", "problem", "same as line", "code"];
  const lines = rows.map((row) => [
    row.line, row.text, row.about, row.done ?? "", row.of ?? "", row.details.join("; "), row.settings, row.address && new URL(row.address, root).href,
    row.made, row.version, row.problem, row.same ?? "", row.code,
  ]); // prettier-ignore
  return [head, ...lines].map((line) => line.map(field).join(",")).join("\r\n") + "\r\n";
}

/** A text that a spreadsheet would take for a formula gets an apostrophe before it. @param {string | number} value */
function field(value) {
  const text = /^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
