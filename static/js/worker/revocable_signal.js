/**
 * An interrupt without shared memory, for pages that are not cross-origin isolated. Python reads element 0 while it
 * computes, as it would read shared memory: it is 0 as long as the address of a blob can be requested, and the number of
 * SIGINT, once, when the page has revoked the address.
 */

const SIGINT = 2;

/** The first request of a computation comes after this time, the others as far apart: most computations make none. */
const EVERY_MS = 200;

/** Taken at once, because the code of readers runs in this worker too. */
const { XMLHttpRequest } = globalThis;

export class RevocableSignal {
  /** @param {string} address of a blob */
  constructor(address) {
    this.address = address;
    this.asked = performance.now();
    this.told = false;
  }

  /** A computation begins. */
  begin() {
    this.asked = performance.now();
  }

  /** Whether the address can be requested: it has not been revoked, and no policy forbids it. */
  canBeRequested() {
    try {
      const request = new XMLHttpRequest();
      request.open("GET", this.address, false);
      request.send();
      return true;
    } catch {
      return false;
    }
  }

  get 0() {
    const now = performance.now();
    if (this.told || now - this.asked < EVERY_MS) return 0;
    this.asked = now;
    this.told = !this.canBeRequested();
    return this.told ? SIGINT : 0;
  }

  /** Python sets it to 0 whenever it has read it. */
  set 0(_) {}
}
