/** Has the site kept for reading without a network, once Python and its snapshot want nothing more of the machine. */

/** @typedef {import("./python_worker.js").Python} Python */

/** @param {Python} python @param {string} script address of the service worker */
export function keepForOffline(python, script) {
  const saving = /** @type {any} */ (navigator).connection?.saveData;
  const embedded = window.top !== window; // another site's reader has not asked for ours
  if (!("serviceWorker" in navigator) || saving || embedded) return;
  let asked = false;
  const keep = () => {
    if (asked || python.health !== "live" || !python.snapshot) return;
    asked = true;
    navigator.serviceWorker.register(script).catch(() => {}); // storage is blocked: with a network all is as before
  };
  python.on("stage", keep);
  python.on("snapshot", keep);
}
