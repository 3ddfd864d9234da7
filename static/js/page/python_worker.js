/**
 * The page's connection to one Python interpreter in a worker: start, failure, restart, and listeners by message.
 *
 * @typedef {import("./protocol.js").ToWorker} ToWorker
 * @typedef {import("./protocol.js").FromWorker} FromWorker
 * @typedef {FromWorker["type"]} Kind
 */
import { download } from "../files/download.js";
import { Interrupts } from "./interrupts.js";
import { unsupported } from "./protocol.js";
import { workerUnderPolicy } from "./worker_under_policy.js";
import { WorkerWatch } from "./worker_watch.js";

/**
 * @typedef {"asleep" | "starting" | "live" | "failed"} Health
 * @typedef {{postMessage(message: any): void, terminate(): void, onmessage: ((event: MessageEvent) => void) | null,
 *   onerror?: ((event: any) => void) | null,
 *   onmessageerror?: ((event: any) => void) | null, isShared?(): boolean}} Connection  A worker, or the port of one that another
 *   frame has started. isShared: whether other frames use it; where it says that none does, none will.
 */

export class Python {
  /** @param {string} address of the worker's script @param {"instruments" | "cells"} role */
  constructor(address, role = "instruments") {
    this.address = address;
    this.role = role;
    /** @type {Health} */ this.health = "asleep";
    /** When each stage was reached, in ms since navigation. @type {Record<string, number>} */
    this.stages = {};
    /** @type {Map<Kind, ((message: any) => void)[]>} */
    this.listeners = new Map();
    /** Messages that are sent again to the new worker after a restart. @type {ToWorker[]} */
    this.opened = [];
    /** @type {Connection | undefined} */
    this.worker = undefined;
    /**
     * Makes the connection to an interpreter. Frames of one page share one: see `embed/share.js`.
     * @type {(address: string, name: string, alone: boolean) => Connection}
     */
    this.connect = (address, name) => workerUnderPolicy(address, name);
    /** State of the memory snapshot: "restored", "kept", "none", or why it could not be made. */
    this.snapshot = "";
    /** @type {Interrupts | undefined} */ this.interrupts = undefined;
    /** @type {WorkerWatch | undefined} */ this.watch = undefined;
    /** Whether the worker's script has been downloaded again since the last retry or success. */
    this.scriptRenewed = false;
  }

  /**
   * Starts Python, or uses the worker that the page's head has started; `fresh`: not from a snapshot; `alone`: in an
   * interpreter that no other frame uses.
   */
  start({ fresh = false, alone = false } = {}) {
    this.health = "starting";
    const reason = unsupported();
    if (reason) return this.#receive({ type: "failed", where: "start", message: reason });
    const early = this.role === "instruments" ? takeEarly() : undefined;
    const name = this.role + (fresh ? " fresh" : "");
    const worker = /** @type {Connection} */ (early?.worker ?? this.connect(this.address, name, alone));
    this.worker = worker;
    this.#follow(worker);
    for (const event of early?.early ?? []) /** @type {any} */ (worker)[`on${event.type ?? "message"}`](event);
    if (this.worker !== worker) return; // it has failed, and been replaced
    // New ones, which no interrupt of the interpreter before this one has used.
    this.interrupts = new Interrupts((signal) => worker.postMessage({ type: "signal", signal }));
    for (const message of this.opened) worker.postMessage(message);
  }

  /** @param {Connection} worker */
  #follow(worker) {
    this.watch?.end();
    worker.onmessage = (event) => this.#receive(event.data);
    worker.onerror = (event) => this.#ended(event.message || "the worker could not be loaded");
    worker.onmessageerror = () => this.#ended("a message could not be read");
    this.watch = new WorkerWatch(worker, {
      unloaded: () => this.#renewScript("the browser did not start the worker; try again, or restart the browser."),
      silent: () => this.#failStart("nothing has happened for a minute; close other tabs if the computer is short of memory, then try again."),
      ended: () => this.#ended(ENDED),
    });
  }

  /** The worker has ended, or has not come to life. @param {string} message */
  #ended(message) {
    if (this.health === "live") this.#receive({ type: "broken", message });
    else if (this.watch?.began) this.#failStart(message);
    else this.#renewScript(message);
  }

  /** @param {string} message */
  #failStart(message) {
    this.watch?.end();
    this.worker?.terminate();
    if (this.health === "starting") this.#receive({ type: "failed", where: "start", message });
  }

  /**
   * Called when the worker's script has not run: what the browser has of it may be damaged or something else. Downloads
   * it past the browser's cache, and starts once more.
   * @param {string} message what to say if that does not help
   */
  async #renewScript(message) {
    const { worker } = this;
    worker?.terminate();
    this.watch?.end();
    if (this.scriptRenewed) return this.#failStart(message);
    this.scriptRenewed = true;
    try {
      await download(this.address, { cache: "reload" });
      if (this.worker === worker) this.replace();
    } catch (error) {
      if (this.worker === worker) this.#failStart(/** @type {Error} */ (error).message);
    }
  }

  /** Starts Python if it has not started, or if its start has failed. */
  wake() {
    if (this.health === "asleep") this.start();
    else if (this.health === "failed") this.retry();
  }

  /** Restarts Python: a new interpreter replaces this one, and everything that was open is opened again. */
  replace({ fresh = false, alone = false } = {}) {
    this.worker?.terminate();
    this.watch?.end();
    this.#receive({ type: "replaced" });
    this.start({ fresh, alone });
  }

  /** Restarts Python after a failed start, without the snapshot. */
  retry() {
    this.scriptRenewed = false;
    this.replace({ fresh: true });
  }

  /** Interrupts Python's computation; false if this page cannot send interrupts. */
  interrupt() {
    return this.interrupts?.send() ?? false;
  }

  /** The settings that the instrument in `slot` gets when it is opened in another interpreter. @param {string} slot @param {string | undefined} query */
  restore(slot, query) {
    for (const message of this.opened)
      if (message.type === "open" && message.slot.slot === slot) message.slot = { ...message.slot, query };
  }

  /** @param {ToWorker} message */
  send(message) {
    if (message.type === "open" || message.type === "nothing_to_draw") this.opened.push(message);
    if (message.type === "close") this.opened = this.opened.filter((open) => open.type !== "open" || open.slot.slot !== message.slot);
    // Code of a reader runs in no interpreter that other frames use.
    if (message.type === "edit" && this.worker?.isShared?.()) this.replace({ alone: true });
    this.worker?.postMessage(message);
  }

  /**
   * @template {Kind} K
   * @param {K} kind @param {(message: Extract<FromWorker, {type: K}>) => void} listener
   */
  on(kind, listener) {
    this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), listener]);
  }

  /** Reports a failure of an instrument on the page's side. @param {string} slot @param {string} message */
  report(slot, message) {
    this.#receive({ type: "failed", where: "instrument", slot, message });
  }

  /** @param {FromWorker} message */
  #receive(message) {
    this.watch?.heard(message);
    if (message.type === "broken" && this.health !== "live") message = { ...message, type: "failed", where: "start" };
    if (message.type === "stage") this.stages[message.stage] ??= message.at - performance.timeOrigin;
    if (message.type === "stage" && message.stage === "live") {
      this.health = "live";
      this.scriptRenewed = false;
    }
    if (message.type === "interruptible" && this.interrupts) this.interrupts.usable = true;
    if (message.type === "failed" && message.where === "start") this.health = "failed";
    // What was wrong with a snapshot is kept; the restarted Python makes none.
    if (message.type === "snapshot" && !(this.snapshot && message.state.startsWith("none"))) this.snapshot = message.state;
    if (message.type === "start_again") this.retry();
    for (const listener of this.listeners.get(message.type) ?? []) listener(message);
  }
}

const ENDED = "The browser ended Python, perhaps because memory was short. Python was restarted.";

/** Returns the worker that the page's head has started, with its messages so far; once. */
function takeEarly() {
  const early = /** @type {any} */ (window).labWorker;
  delete (/** @type {any} */ (window).labWorker);
  return early;
}
