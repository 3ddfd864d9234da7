/**
 * The page's line to Python: one worker for the whole page, its start, its failure, and who hears which message.
 *
 * @typedef {import("./protocol.js").ToWorker} ToWorker
 * @typedef {import("./protocol.js").FromWorker} FromWorker
 * @typedef {FromWorker["type"]} Kind
 */
import { unsupported } from "./protocol.js";

/** @typedef {"starting" | "live" | "failed"} Health */

export class Python {
  /** @param {string} address of the worker's script */
  constructor(address) {
    this.address = address;
    /** @type {Health} */ this.health = "starting";
    /** When each stage was reached, in ms since navigation. @type {Record<string, number>} */
    this.stages = {};
    /** @type {Map<Kind, ((message: any) => void)[]>} */
    this.listeners = new Map();
    /** What was asked of Python; asked again of a new worker after a failed start. @type {ToWorker[]} */
    this.opened = [];
    /** @type {Worker | undefined} */
    this.worker = undefined;
    /** What is known of the memory snapshot: "restored", "kept", "none", or why it could not be made. */
    this.snapshot = "";
  }

  /** Starts Python, or takes over the worker that the page's head has started; `fresh`: not from a snapshot. */
  start({ fresh = false } = {}) {
    const reason = unsupported();
    if (reason) return this.#receive({ type: "failed", where: "start", message: reason });
    const early = /** @type {any} */ (window).labWorker;
    delete (/** @type {any} */ (window).labWorker);
    this.worker = early?.worker ?? new Worker(this.address, { type: "module", name: fresh ? "fresh" : "" });
    const worker = /** @type {Worker} */ (this.worker);
    worker.onmessage = (event) => this.#receive(event.data);
    worker.onerror = (event) =>
      this.#receive({ type: "failed", where: "start", message: event.message || "the worker could not be loaded" });
    for (const event of early?.early ?? []) this.#receive(event.data);
  }

  /** Throws the failed worker away and starts again; what had been opened is opened again. */
  retry() {
    this.worker?.terminate();
    this.#receive({ type: "failed", where: "cell", message: "Python was started again before the cell had ended." });
    this.health = "starting";
    this.start({ fresh: true });
    for (const message of this.opened) this.worker?.postMessage(message);
  }

  /** @param {ToWorker} message */
  send(message) {
    if (message.type === "open" || message.type === "nothing_to_draw") this.opened.push(message);
    if (message.type === "close") this.opened = this.opened.filter((open) => open.type !== "open" || open.slot.slot !== message.slot);
    this.worker?.postMessage(message);
  }

  /**
   * @template {Kind} K
   * @param {K} kind @param {(message: Extract<FromWorker, {type: K}>) => void} listener
   */
  on(kind, listener) {
    this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), listener]);
  }

  /** Tells the page that an instrument failed on this side. @param {string} slot @param {string} message */
  report(slot, message) {
    this.#receive({ type: "failed", where: "instrument", slot, message });
  }

  /** @param {FromWorker} message */
  #receive(message) {
    if (message.type === "stage") this.stages[message.stage] ??= message.at - performance.timeOrigin;
    if (message.type === "stage" && message.stage === "live") this.health = "live";
    if (message.type === "failed" && message.where === "start") this.health = "failed";
    if (message.type === "snapshot") this.snapshot = message.state;
    if (message.type === "start_again") this.retry();
    for (const listener of this.listeners.get(message.type) ?? []) listener(message);
  }
}
