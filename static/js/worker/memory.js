/**
 * A limit on the memory of the Python in this worker. A cell that allocates more and more gets a `MemoryError`; without
 * the limit it would crash the page.
 */

/** The limit of one interpreter, in bytes. */
const LIMIT = 2 ** 30;

const PAGE = 65536;

let refused = false;

/** Keeps every WebAssembly memory from growing beyond the limit. */
export function boundMemory() {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (/** @type {number} */ pages) {
    if (this.buffer.byteLength + pages * PAGE > LIMIT) {
      refused = true;
      throw new RangeError("Python's memory is used up"); // Emscripten treats this as a failed allocation
    }
    return grow.call(this, pages);
  };
}

/**
 * Whether an allocation was refused since the last call, and so much memory is used that little is left.
 * @param {any} python
 */
export function usedUp(python) {
  const was = refused;
  refused = false;
  return was && python._module.HEAP8.length > 0.7 * LIMIT;
}
