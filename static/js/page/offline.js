/** Caches the site for offline reading, once Python and its snapshot are done. */

/** @typedef {import("./python_worker.js").Python} Python */

/** @param {Python} python @param {string} script address of the service worker */
export function keepForOffline(python, script) {
  const saving = /** @type {any} */ (navigator).connection?.saveData;
  const embedded = window.top !== window; // do not cache the whole site for readers of another site
  if (!("serviceWorker" in navigator) || saving || embedded) return;
  let asked = false;
  const keep = () => {
    if (asked || python.health !== "live" || !python.snapshot) return;
    asked = true;
    navigator.serviceWorker.register(script).catch(() => {}); // storage is blocked: pages still load over the network
  };
  python.on("stage", keep);
  python.on("snapshot", keep);
}
