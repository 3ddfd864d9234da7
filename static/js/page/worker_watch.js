/**
 * Watches a worker. A start without any message for a while has failed, however slow the network is: while files arrive,
 * the worker says so. A worker that ends by itself, or is ended by the browser for lack of memory, sends no event; it
 * holds a lock, which the browser then gives to the page. Where there are no locks (plain http), its end goes unnoticed
 * until the reader presses Stop.
 *
 * @typedef {import("./protocol.js").FromWorker} FromWorker
 */
import { SilenceTimer } from "../files/silence_timer.js";

/** The first message needs only the worker's script, which is small. */
const SCRIPT_MS = 20_000;

/** Until Python is live, this is the longest computation on a slow computer, several times over. */
const SILENCE_MS = 60_000;

export class WorkerWatch {
  /**
   * @param {{postMessage(message: any): void}} worker
   * @param {{unloaded(): void, silent(): void, ended(): void}} act called once each: its script has not run; its start
   *   makes no progress; it has ended
   */
  constructor(worker, act) {
    this.act = act;
    this.began = false;
    this.timer = new SilenceTimer(SCRIPT_MS, () => act.unloaded());
    this.waiting = new AbortController();
    this.lock = `lab-python ${Math.random()}`;
    worker.postMessage({ type: "watch", lock: this.lock });
  }

  /** @param {FromWorker} message */
  heard(message) {
    if (!this.began) {
      this.began = true;
      this.timer.end();
      this.timer = new SilenceTimer(SILENCE_MS, () => this.act.silent());
    }
    this.timer.heard();
    if (message.type === "watched") this.#waitForLock();
    if (message.type === "failed" || (message.type === "stage" && message.stage === "live")) this.timer.end();
  }

  async #waitForLock() {
    const { signal } = this.waiting;
    await navigator.locks.request(this.lock, { signal }, () => {}).then(() => this.act.ended(), () => {});
  }

  /** Ends the watch: the page itself ends the worker. */
  end() {
    this.timer.end();
    this.waiting.abort();
  }
}
