/**
 * How a page interrupts Python while it computes. A page that is cross-origin isolated shares a byte of memory with the
 * worker, which Python reads now and then. Any other page gives the worker the address of a blob: the worker requests it
 * now and then, and the request fails once the page has revoked the address (`worker/revocable_signal.js`).
 */

/** The number of SIGINT. */
const SIGINT = 2;

export class Interrupts {
  /** @param {(signal: Uint8Array | string) => void} give  sends the worker what it is to look at */
  constructor(give) {
    this.give = give;
    this.memory = sharedByte();
    this.address = "";
    /** Whether the worker can see an interrupt: a host's policy may forbid requests to blobs. */
    this.usable = this.memory !== undefined;
    if (this.memory) give(this.memory);
    else this.#giveBlob();
  }

  /** Interrupts Python; false if this page cannot. */
  send() {
    if (this.memory) this.memory[0] = SIGINT;
    else if (this.usable) this.#giveBlob();
    return this.usable;
  }

  /** Revokes the address that the worker has, and gives it another one for later. */
  #giveBlob() {
    URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(new Blob([]));
    this.give(this.address);
  }
}

/** Memory that the page shares with a worker, where it may. Some browsers isolate a page and yet have no shared memory. */
function sharedByte() {
  const may = globalThis.crossOriginIsolated && typeof SharedArrayBuffer === "function";
  return may ? new Uint8Array(new SharedArrayBuffer(1)) : undefined;
}
