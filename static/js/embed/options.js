/**
 * The options in the address of an embedded page, beside the settings: `?t=0.4&theme=dark&lock=t,seed&menu=0`.
 *
 * @typedef {{theme: "light" | "dark" | "auto" | "", layout: "auto" | "compact" | "full", show: string[] | undefined,
 *   hide: string[], lock: string[], menu: boolean, measures: boolean, paused: boolean, statements: boolean, question: string,
 *   title: string | undefined, lang: string, origins: string[]}} Options  show: undefined shows all; lang: one of
 *   `LANGUAGES`; origins: of the pages that may exchange messages, [] for the parent whatever it is.
 */
import { few, short } from "./schema.js";

/** Buttons that can be hidden and locked like settings. */
export const BUTTONS = ["run", "play", "step", "reset"];

/** Languages of the frame's own words; a page in another one gets the first. */
export const LANGUAGES = ["en", "de"];

/** Option → what it accepts, in words. @type {Record<string, string>} */
export const OPTIONS = {
  theme: "light, dark or auto",
  layout: "auto, compact or full",
  show: "names of settings, or none",
  hide: "names of settings, or run, play, step, reset",
  lock: "names of settings, or run, play, step, reset, or all",
  menu: "0 or 1",
  measures: "0 or 1",
  start: "auto or paused",
  question: "a text",
  title: "a text",
  lang: "a language, such as de",
  statements: "0 or 1",
  origin: "addresses like https://course.example",
};

const LONGEST_TEXT = 400;

/**
 * The options of an address, and a sentence for each that is wrong. A key that resembles no option is ignored: it is a
 * setting, which Python reads, or a tracking parameter.
 * @param {string} search @param {string[]} settings names of the instrument's settings
 * @returns {{options: Options, problems: string[]}}
 */
export function readOptions(search, settings) {
  const query = new URLSearchParams(search);
  /** @type {string[]} */
  const problems = [];
  const wrong = (/** @type {string} */ name) => problems.push(`\`${name}\` must be ${OPTIONS[name]}, got ${short(query.get(name))}.`);
  /** @param {string} name @param {Record<string, any>} values @param {string} usual */
  const one = (name, values, usual) => {
    const text = query.get(name) ?? usual;
    if (Object.hasOwn(values, text)) return values[text];
    wrong(name);
    return values[usual];
  };
  /** @param {string} name @param {string[]} others words that it may hold beside settings */
  const list = (name, others) => {
    const names = query.getAll(name).flatMap((text) => text.split(",")).map((text) => text.trim()).filter(Boolean);
    const known = (/** @type {string} */ word) => settings.includes(word) || others.includes(word);
    const unknown = [...new Set(names)].filter((word) => !known(word)).slice(0, 5).map((word) => `\`${word.slice(0, 40)}\``); // prettier-ignore
    if (unknown.length) problems.push(`\`${name}\` names ${unknown.join(", ")}; the settings are ${settings.join(", ")}.`);
    return [...new Set(names)].filter(known);
  };
  const locked = list("lock", [...BUTTONS, "all"]);
  const origins = query.getAll("origin").flatMap((text) => text.split(",")).filter(Boolean);
  if (!origins.every(isOrigin)) wrong("origin");
  for (const key of new Set(query.keys())) {
    if (Object.hasOwn(OPTIONS, key) || settings.includes(key)) continue;
    const meant = Object.keys(OPTIONS).find((name) => isMisspelt(key, name));
    if (meant) problems.push(`There is no option \`${key}\`; is \`${meant}\` meant?`);
  }
  /** @type {Options} */
  const options = {
    theme: one("theme", { light: "light", dark: "dark", auto: "auto", "": "" }, ""),
    layout: one("layout", { auto: "auto", compact: "compact", full: "full" }, "auto"),
    show: query.has("show") ? list("show", ["none"]) : undefined,
    hide: list("hide", BUTTONS),
    lock: locked.includes("all") ? [...settings, ...BUTTONS] : locked,
    menu: one("menu", { 0: false, 1: true }, "1"),
    measures: one("measures", { 0: false, 1: true }, "1"),
    paused: one("start", { auto: false, paused: true }, "auto"),
    statements: one("statements", { 0: false, 1: true }, "0"),
    question: (query.get("question") ?? "").slice(0, LONGEST_TEXT),
    title: query.get("title")?.slice(0, LONGEST_TEXT),
    lang: LANGUAGES.find((name) => name === query.get("lang")?.toLowerCase().split(/[-_]/)[0]) ?? LANGUAGES[0],
    origins: origins.filter(isOrigin),
  };
  return { options, problems: few(problems) };
}

/** @param {string} text */
function isOrigin(text) {
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}

/** Whether `word` is `meant` with one letter missing, added, changed, or two swapped. @param {string} word @param {string} meant */
export function isMisspelt(word, meant) {
  if (word === meant || meant.length < 4) return false;
  const typed = word.toLowerCase();
  if (typed === meant) return true;
  let start = 0;
  while (start < meant.length && typed[start] === meant[start]) start++;
  const [a, b] = [typed.slice(start), meant.slice(start)];
  return (
    a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) ||
    (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2))
  );
}
