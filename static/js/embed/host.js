/**
 * The frame's side of the conversation with the page around it. Messages come only from the parent window, and only from
 * the origins that the address allows; they are sent to these origins, so that no other page can read them.
 *
 * @typedef {import("./schema.js").Report} Report
 * @typedef {import("./schema.js").Request} Request
 */
import { GREETINGS, heightIn, understood } from "./dialects.js";
import { readRequest, SCHEMA } from "./schema.js";

/** The origin of the page around this one, as far as the browser tells; "" if it does not. @returns {string} */
function parentOrigin() {
  const told = location.ancestorOrigins?.[0] ?? document.referrer;
  try {
    const { origin } = new URL(told);
    return origin === "null" ? "" : origin;
  } catch {
    return "";
  }
}

export class Host {
  /** @param {string[]} origins that the address allows; [] allows the parent, whatever it is */
  constructor(origins) {
    this.there = window.parent !== window;
    const known = parentOrigin();
    this.checked = origins.length > 0;
    this.targets = this.checked ? origins.filter((each) => !known || each === known) : [known || "*"];
    /** @type {Set<import("./dialects.js").Dialect>} */
    this.dialects = new Set();
    this.height = 0;
    /** Called after each report. @type {((report: Report) => void) | undefined} */
    this.also = undefined;
  }

  /** @param {Report} report @param {any} [id] of the request that it answers */
  send(report, id) {
    if (!this.there) return;
    this.#post({ schema: SCHEMA, ...report, ...(id === undefined ? {} : { id }) });
    this.also?.(report);
    if (report.type !== "height") return;
    this.height = report.height;
    for (const dialect of this.dialects) this.#post(heightIn(dialect, this.height));
  }

  /** @param {object} message */
  #post(message) {
    for (const target of this.targets) window.parent.postMessage(message, target);
  }

  /** Calls `answer` with each valid request; other ones are answered by an error. @param {(request: Request, id: any) => void} answer */
  listen(answer) {
    if (!this.there) return;
    addEventListener("message", (event) => {
      if (event.source !== window.parent || (this.checked && !this.targets.includes(event.origin))) return;
      const read = readRequest(event.data);
      if (!read) this.#learn(event.data);
      else if ("problem" in read) this.send({ type: "error", message: read.problem }, read.id);
      else answer(read.request, read.id);
    });
    for (const greeting of GREETINGS) this.#post(greeting);
  }

  /** A course system that says how it takes heights. @param {any} data */
  #learn(data) {
    const dialect = understood(data);
    if (!dialect || this.dialects.has(dialect)) return;
    this.dialects.add(dialect);
    if (this.height) this.#post(heightIn(dialect, this.height));
  }
}
