/**
 * One interpreter for all frames of the lab on a page. The frame that starts first offers its worker to those that come
 * later; they join it by a port. Frames find each other as windows beside them that they may look into: of the same
 * origin, in the same storage, not shut off by a sandbox. All others have an interpreter each.
 *
 * When the frame that has started the worker goes away, the browser ends the worker; the others then start one of their
 * own, with their present states. They see its end by a lock that each frame holds as long as it lives.
 *
 * @typedef {import("../page/python_worker.js").Connection} Connection
 * @typedef {{address: string, fresh: boolean, lock: Lock, join(port: MessagePort, id: string): () => void}} Share
 *   What a frame offers to others: a worker made from the script at `address`; `fresh`: not from a snapshot; the lock that
 *   the frame holds. `join` returns the function that leaves.
 * @typedef {(address: string, name: string, alone: boolean) => Connection} Make
 * @typedef {{id: string, held: Promise<void>}} Lock  The lock of a frame, and when it holds it: before that, who asks for
 *   it would get it.
 */

const OFFER = "labShare"; // property of the window
const MOST = 100; // windows that are looked at

/** @type {Lock | undefined} */
let own;

/** The lock that this frame holds until it ends. @returns {Lock} */
function ownLock() {
  const id = `diffusion-lab frame ${Math.random().toString(36).slice(2)}`;
  const hold = (/** @type {() => void} */ held) => () => (held(), new Promise(() => {}));
  return (own ??= { id, held: new Promise((held, never) => navigator.locks.request(id, hold(held)).catch(never)) });
}

/** Calls `act` when the frame that holds a lock has gone. @param {string} id @param {() => void} act @param {AbortSignal} [signal] */
function whenGone(id, act, signal) {
  navigator.locks.request(id, { mode: "shared", signal }, act).catch(() => {});
}

/** The offers of the windows beside this one. @returns {Share[]} */
function offers() {
  const found = [];
  for (let k = 0; k < Math.min(parent.length, MOST); k++) {
    try {
      const offer = parent[k] !== window && /** @type {any} */ (parent[k])[OFFER];
      if (offer) found.push(offer);
    } catch {
      // a window of another origin
    }
  }
  return found;
}

/**
 * Makes connections to an interpreter: a shared one where there is one.
 * @param {() => void} lost called when the frame that has started the interpreter has gone
 * @param {Make} make makes a worker
 * @returns {(address: string, name: string, alone: boolean) => Connection}
 */
export function sharing(lost, make) {
  /** @type {Share | undefined} */
  let last; // what has been left is not joined again
  return (address, name, alone) => {
    const fresh = name.includes("fresh");
    const usable = (/** @type {Share} */ offer) => offer !== last && offer.address === address && (offer.fresh || !fresh);
    const offer = alone || !canShare() ? undefined : offers().find(usable);
    last = offer;
    return offer ? new Joined(offer, lost) : new Owned(make(address, name, alone), address, name, !alone && canShare());
  };
}

function canShare() {
  try {
    return window.parent !== window && navigator.locks !== undefined;
  } catch {
    return false;
  }
}

/** The connection to a worker that another frame has started. @implements {Connection} */
class Joined {
  /** @param {Share} offer @param {() => void} lost */
  constructor(offer, lost) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    /** @type {Connection["onmessage"]} */
    this.onmessage = null;
    port1.onmessage = (event) => this.onmessage?.(event);
    this.left = new AbortController();
    const { signal } = this.left;
    const lock = ownLock();
    const join = () => {
      if (signal.aborted) return;
      this.leave = offer.join(port2, lock.id);
      whenGone(offer.lock.id, lost, signal);
    };
    Promise.all([lock.held, offer.lock.held]).then(join).catch(() => signal.aborted || lost());
  }

  /** @param {any} message */
  postMessage(message) {
    if (message.type !== "signal") this.port.postMessage(message); // an interrupt would stop the others too
  }

  terminate() {
    this.left.abort();
    this.port.close();
    try {
      this.leave?.();
    } catch {
      // the frame has gone meanwhile
    }
  }

  isShared() {
    return true;
  }
}

/** A worker of this frame, and what it offers to others. @implements {Connection} */
class Owned {
  /** @param {Connection} worker @param {string} address @param {string} name @param {boolean} offered */
  constructor(worker, address, name, offered) {
    this.worker = worker;
    /** @type {Connection["onmessage"]} */ this.onmessage = null;
    /** @type {Connection["onerror"]} */ this.onerror = null;
    /** @type {Connection["onmessageerror"]} */ this.onmessageerror = null;
    this.others = new Set();
    this.count = 0;
    this.left = false; // by this frame; others may still use it
    this.worker.onmessage = (event) => this.#hear(event);
    this.worker.onerror = (event) => {
      this.#withdraw();
      if (!this.left) this.onerror?.(event);
    };
    this.worker.onmessageerror = (event) => this.onmessageerror?.(event);
    const join = (/** @type {MessagePort} */ port, /** @type {string} */ id) => this.#join(port, id);
    /** @type {Share | undefined} */
    this.offer = offered && !(OFFER in window) ? { address, fresh: name.includes("fresh"), lock: ownLock(), join } : undefined;
    if (this.offer) /** @type {any} */ (window)[OFFER] = this.offer;
  }

  /** @param {any} message */
  postMessage(message) {
    this.worker.postMessage(message);
  }

  /** This frame leaves. The worker ends, unless others use it. */
  terminate() {
    this.left = true;
    if (this.others.size) this.worker.postMessage({ type: "leave", client: 0 });
    else this.#end();
  }

  isShared() {
    if (!this.others.size) this.#withdraw();
    return this.others.size > 0;
  }

  /** @param {MessagePort} port @param {string} id of the lock that the other frame holds */
  #join(port, id) {
    const client = ++this.count;
    this.others.add(client);
    /** @type {any} */ (this.worker).postMessage({ type: "join", client, port }, [port]);
    const leave = () => {
      if (!this.others.delete(client)) return;
      this.worker.postMessage({ type: "leave", client });
      if (this.left && !this.others.size) this.#end();
    };
    whenGone(id, leave);
    return leave;
  }

  /** @param {MessageEvent} event */
  #hear(event) {
    const { type, where, slot } = event.data;
    const over = type === "broken" || type === "start_again" || (type === "failed" && where === "start" && !slot);
    if (over) {
      this.#withdraw();
      this.others.clear(); // they hear it too, and leave
    }
    if (!this.left) this.onmessage?.(event);
    else if (over) this.#end();
  }

  #withdraw() {
    if (this.offer && /** @type {any} */ (window)[OFFER] === this.offer) delete (/** @type {any} */ (window)[OFFER]);
    this.offer = undefined;
  }

  #end() {
    this.#withdraw();
    this.worker.terminate();
  }
}
