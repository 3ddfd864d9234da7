/**
 * The course system's side: the API adapter of SCORM 1.2, an object `API` in a window above this one or in the one that
 * opened it.
 *
 * @typedef {{LMSInitialize(empty: ""): string, LMSFinish(empty: ""): string, LMSGetValue(element: string): string,
 *   LMSSetValue(element: string, value: string): string, LMSCommit(empty: ""): string, LMSGetLastError(): string,
 *   LMSGetErrorString(code: string): string}} Api
 */

const MOST_WINDOWS = 50;

/** The API in a window, one above it, or one that opened any of these. @param {Window} start @returns {Api | undefined} */
export function findApi(start) {
  /** @type {Window[]} */
  const waiting = [start];
  const seen = new Set();
  while (waiting.length && seen.size < MOST_WINDOWS) {
    const place = /** @type {any} */ (waiting.shift());
    if (!place || seen.has(place)) continue;
    seen.add(place);
    try {
      if (typeof place.API?.LMSInitialize === "function") return place.API;
    } catch {
      // a window of another origin: those above it may be of ours
    }
    waiting.splice(0, 0, place.parent); // all windows above come before those that opened them
    try {
      waiting.push(place.opener);
    } catch {
      // as above
    }
  }
  return undefined;
}

/** A session with a course system. `problem` is the last refusal, in words; "" while there is none. */
export class Session {
  /** @param {Api} api */
  constructor(api) {
    this.api = api;
    this.problem = "";
    this.open = this.#done(() => api.LMSInitialize(""), "LMSInitialize");
  }

  /** The value of an element; "" where the course system has none. @param {string} element */
  get(element) {
    if (!this.open) return "";
    try {
      const value = String(this.api.LMSGetValue(element) ?? "");
      return String(this.api.LMSGetLastError()) === "0" ? value : "";
    } catch {
      return "";
    }
  }

  /** @param {string} element @param {string | number} value @param {boolean} [optional] whether a refusal is no problem */
  set(element, value, optional = false) {
    if (!this.open) return;
    const { problem } = this;
    this.#done(() => this.api.LMSSetValue(element, String(value)), element);
    if (optional) this.problem = problem;
  }

  /**
   * Adds one try to the list of answers, where the course system has such a list: it is optional in SCORM 1.2.
   * @param {string} id of the question or exercise @param {boolean} right
   * @param {string} [response] as typed; undefined for an exercise @param {Date} [now]
   */
  addTry(id, right, response, now = new Date()) {
    const count = this.get("cmi.interactions._count");
    if (!/^\d+$/.test(count)) return;
    const fields = { id, time: now.toTimeString().slice(0, 8), type: response === undefined ? "performance" : "fill-in" };
    const answer = response === undefined ? {} : { student_response: response.slice(0, 255) };
    for (const [name, value] of Object.entries({ ...fields, ...answer, result: right ? "correct" : "wrong" }))
      this.set(`cmi.interactions.${count}.${name}`, value, true);
  }

  commit() {
    if (this.open) this.#done(() => this.api.LMSCommit(""), "LMSCommit");
  }

  finish() {
    if (this.open) this.#done(() => this.api.LMSFinish(""), "LMSFinish");
    this.open = false;
  }

  /** @param {() => string} call @param {string} what */
  #done(call, what) {
    try {
      if (String(call()) === "true") return true;
      const code = String(this.api.LMSGetLastError());
      this.problem = `${what}: ${this.api.LMSGetErrorString(code) || "error"} (${code})`;
    } catch (error) {
      this.problem = `${what}: ${/** @type {Error} */ (error).message}`;
    }
    return false;
  }
}
