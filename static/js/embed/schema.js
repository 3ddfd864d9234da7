/**
 * The messages between an embedded page of the lab (the frame) and the page around it (the host), version 1.
 *
 * Each message is an object with `schema: "diffusion-lab/1"` and a `type`. A host may give a request an `id`; the answer
 * carries it. A message with another schema, or with none, is ignored; a wrong one with ours is answered by `error`.
 * The page “For teachers” shows the same tables to people.
 *
 * @typedef {Record<string, number | boolean | string>} Values  Settings by name.
 *
 * @typedef {{type: "hello"}
 *   | {type: "getState"}
 *   | {type: "setState", settings: Values}
 *   | {type: "describe"}
 *   | {type: "setTheme", theme: "light" | "dark" | "auto"}
 *   | {type: "start"}
 *   | {type: "statements"}
 * } Request  From the host. hello: asks for `ready` and `height` again. setState: moves the named settings, others stay.
 *   describe: asks for the settings with their bounds. start: starts Python where the frame waits.
 *   statements: asks for a `statement` with each answer, completion and state from now on.
 *
 * @typedef {{type: "ready", stage: "picture" | "live", name: string}
 *   | {type: "height", height: number}
 *   | {type: "state", name: string, settings: Values, query: string, readings: Record<string, any>}
 *   | {type: "stateChanged", name: string, settings: Values, query: string, readings: Record<string, any>}
 *   | {type: "settings", name: string, settings: Setting[]}
 *   | {type: "quizAnswered", name: string, answer: string, right: boolean | null}
 *   | {type: "completed", name: string}
 *   | {type: "statement", statement: object}
 *   | {type: "error", message: string}
 * } Report  From the frame. ready: the picture can be seen; later, Python is live. height: of the whole content, in CSS
 *   pixels. state: the answer to getState and setState. readings: numbers by name, null where undefined. right: null for
 *   a question that has no right answer. completed: answered rightly, or the exercise's checks have passed.
 *   statement: in the shape of xAPI 1.0.3, without an actor (`xapi.js`).
 *
 * @typedef {{name: string, label: string, doc: string, kind: "number" | "whole" | "switch" | "choice" | "text",
 *   default: number | boolean | string, symbol: string, unit: string, on_picture: boolean,
 *   low?: number, high?: number, step?: number, options?: [value: string, label: string][], pattern?: string}} Setting
 */

export const SCHEMA = "diffusion-lab/1";

const LONGEST_TEXT = 5000;
const LONGEST_ID = 200;
const MOST_SETTINGS = 100; // that one message may name
const SENTENCES = 5; // about wrong settings, shown at once

/** Numbers as Python and JavaScript both read them. */
const WHOLE = /^[-+]?\d{1,20}$/;
const NUMBER = /^[-+]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})(e[-+]?\d{1,3})?$/i;

/** The fields of each request, beside `id`, and the values that they may have. @type {Record<Request["type"], Record<string, (value: any) => boolean>>} */
const REQUESTS = {
  hello: {},
  getState: {},
  setState: { settings: (value) => typeof value === "object" && value !== null && !Array.isArray(value) },
  describe: {},
  setTheme: { theme: (value) => ["light", "dark", "auto"].includes(value) },
  start: {},
  statements: {},
};

/**
 * Reads what a host has sent; undefined where it is no message of ours.
 * @param {any} data @returns {{request: Request, id?: any} | {problem: string, id?: any} | undefined}
 */
export function readRequest(data) {
  if (typeof data !== "object" || data === null || data.schema !== SCHEMA) return undefined;
  const id = typeof data.id === "number" || (typeof data.id === "string" && data.id.length <= LONGEST_ID) ? { id: data.id } : {};
  const fields = typeof data.type === "string" && Object.hasOwn(REQUESTS, data.type) ? REQUESTS[/** @type {Request["type"]} */ (data.type)] : undefined;
  if (!fields) return { problem: `There is no message \`${short(data.type)}\`; there is ${Object.keys(REQUESTS).join(", ")}.`, ...id };
  for (const [name, valid] of Object.entries(fields))
    if (!valid(data[name])) return { problem: `\`${data.type}\` has a wrong \`${name}\`: ${short(data[name])}.`, ...id };
  return { request: /** @type {Request} */ (data), ...id };
}

/**
 * The valid part of the values asked for, as an address writes them, and a sentence for each other one.
 * @param {Setting[]} settings @param {Record<string, any>} asked @returns {{values: Record<string, string>, problems: string[]}}
 */
export function checkState(settings, asked) {
  /** @type {Record<string, string>} */
  const values = {};
  const problems = [];
  for (const [name, value] of Object.entries(asked).slice(0, MOST_SETTINGS)) {
    const setting = settings.find((other) => other.name === name);
    if (!setting) problems.push(`There is no setting \`${short(name)}\`; there is ${settings.map((s) => s.name).join(", ")}.`);
    else if (accepts(setting, value)) values[name] = String(value);
    else problems.push(`\`${name}\` must be ${allowed(setting)}, got ${short(value)}.`);
  }
  return { values, problems: few(problems) };
}

/** @param {Setting} setting @param {any} value */
function accepts({ kind, low = -Infinity, high = Infinity, options = [], pattern = "" }, value) {
  if (!["string", "number", "boolean"].includes(typeof value) || String(value).length > LONGEST_TEXT) return false;
  const text = String(value).trim();
  if (kind === "switch") return ["true", "false"].includes(text);
  if (kind === "choice") return options.some(([option]) => option === text);
  if (kind === "text") return typeof value === "string" && matches(pattern, value);
  const number = Number(text);
  return typeof value !== "boolean" && (kind === "whole" ? WHOLE : NUMBER).test(text) && number >= low && number <= high;
}

/** @param {string} pattern of Python @param {string} value */
function matches(pattern, value) {
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return true; // a pattern that only Python reads: Python checks the text
  }
}

/** The values that a setting accepts, in words. @param {Setting} setting */
export function allowed({ kind, low, high, options = [], pattern }) {
  if (kind === "switch") return "true or false";
  if (kind === "choice") return `one of ${options.map(([value]) => value).join(", ")}`;
  if (kind === "text") return `a text that matches ${pattern}`;
  return `a ${kind === "whole" ? "whole number" : "number"} from ${low} to ${high}`;
}

/** All settings with typed values: the defaults, and those that a query names. @param {Setting[]} settings @param {string} query @returns {Values} */
export function stateOf(settings, query) {
  const { values } = checkState(settings, Object.fromEntries(new URLSearchParams(query)));
  return Object.fromEntries(settings.map((setting) => [setting.name, Object.hasOwn(values, setting.name) ? typed(setting, values[setting.name]) : setting.default]));
}

/** @param {Setting} setting @param {string} text */
function typed({ kind }, text) {
  if (kind === "switch") return text === "true";
  return kind === "number" || kind === "whole" ? Number(text) : text;
}

/** A state as the query of an address, in the settings' order. @param {Values} values */
export const queryOf = (values) => new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)])).toString();

/** Any value, written in at most 60 characters. @param {any} value */
export function short(value) {
  const text = typeof value === "string" ? `“${value.slice(0, 100)}”` : String(typeof value === "object" && value ? "an object" : value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The first sentences, and how many more there are. @param {string[]} sentences */
export function few(sentences) {
  const more = sentences.length - SENTENCES;
  return more > 0 ? [...sentences.slice(0, SENTENCES), `There are ${more} more such problems.`] : sentences;
}
