/**
 * The editor's requests to Python: completions, and the signature of the call around the cursor. They are sent only while
 * Python is idle, since it answers messages one after the other.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {{length: number, options: {label: string, kind: string, detail: string, info: string, boost: number}[]}} Found
 * @typedef {{name: string, parameters: string[], current: number, doc: string}} Signature
 */

let asked = 0;

export class CompletionClient {
  /** @param {Python} python @param {() => boolean} busy whether a cell runs */
  constructor(python, busy) {
    this.python = python;
    this.busy = busy;
    /** @type {Map<number, (found: any) => void>} */ this.waiting = new Map();
    python.on("answer", ({ ask, found }) => {
      this.waiting.get(ask)?.(JSON.parse(found));
      this.waiting.delete(ask);
    });
    python.on("stage", ({ stage }) => stage === "worker" && this.#forget()); // a new interpreter has no open requests
    python.on("failed", () => this.#forget());
  }

  /** Undefined where Python is busy or not live, null where it finds nothing. @param {string} before @returns {Promise<Found | null | undefined>} */
  complete(before) {
    return this.#ask("complete", before);
  }

  /** @param {string} before @returns {Promise<Signature | null | undefined>} */
  signature(before) {
    return this.#ask("signature", before);
  }

  /** @param {"complete" | "signature"} what @param {string} before @returns {Promise<any>} */
  #ask(what, before) {
    if (this.python.health !== "live" || this.busy()) return Promise.resolve(undefined);
    asked += 1;
    this.python.send({ type: "ask", ask: asked, what, before });
    return new Promise((resolve) => this.waiting.set(asked, resolve));
  }

  #forget() {
    for (const answer of this.waiting.values()) answer(undefined);
    this.waiting.clear();
  }
}
