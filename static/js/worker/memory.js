/**
 * A bound on the memory of the Python in this worker. Without it a cell that asks for ever more takes the browser's,
 * and the page goes with it; with it Python raises `MemoryError`.
 */

/** No interpreter takes more, in bytes. */
const LIMIT = 2 ** 30;

const PAGE = 65536;

let refused = false;

/** From now on no memory of WebAssembly grows beyond the bound. */
export function boundMemory() {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (/** @type {number} */ pages) {
    if (this.buffer.byteLength + pages * PAGE > LIMIT) {
      refused = true;
      throw new RangeError("Python's memory is used up"); // Emscripten takes it for a system without memory
    }
    return grow.call(this, pages);
  };
}

/**
 * Whether memory was refused since the last call, and so much is taken that little else would find room.
 * @param {any} python
 */
export function usedUp(python) {
  const was = refused;
  refused = false;
  return was && python._module.HEAP8.length > 0.7 * LIMIT;
}
