/**
 * Workers that keep to the page's Content-Security-Policy. A worker from an address obeys only the policy that the host
 * sends with its script, and most static hosts send none; a worker from a blob inherits the page's. So Python in it, a
 * stranger's cell included, reaches no other origin.
 */

/** @param {string} address of a module, absolute @param {string} name @returns {Worker} */
export function workerUnderPolicy(address, name) {
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)}`], { type: "text/javascript" }));
  return new Worker(blob, { type: "module", name });
}
