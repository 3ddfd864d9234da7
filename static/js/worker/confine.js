/**
 * Takes objects of the browser away from the code of readers, which runs in this worker too. Through the caches it could
 * change the site that is kept for offline reading; in a worker that it starts it would find the caches again.
 */

/** @param {"caches" | "Worker"} name @returns {any} the object, or undefined where the browser refuses it */
function taken(name) {
  let found;
  try {
    found = self[name];
  } catch {
    // storage is blocked
  }
  for (let scope = self; scope; scope = Object.getPrototypeOf(scope)) Reflect.deleteProperty(scope, name);
  return found;
}

/** @type {CacheStorage} */
export const caches = taken("caches");

/** @type {typeof globalThis.Worker} */
export const Worker = taken("Worker");
