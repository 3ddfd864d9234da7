/** Caches the site for offline reading, once Python and its snapshot are done; says at the page's foot where it cannot. */

/** @typedef {import("./python_worker.js").Python} Python */

/** The site takes about half of this, in bytes. */
const ROOM = 120e6;

/** @param {Python} python @param {string} script address of the service worker */
export function keepForOffline(python, script) {
  if (window.top !== window) return; // do not cache the whole site for readers of another site
  const refused = refusal();
  if (refused) return say(refused);
  let asked = false;
  const keep = async () => {
    if (asked || python.health !== "live" || !python.snapshot) return;
    asked = true;
    try {
      const known = await navigator.serviceWorker.getRegistration();
      const { quota = ROOM, usage = 0 } = (await navigator.storage?.estimate()) ?? {};
      const left = quota - usage;
      if (!known?.active && left < ROOM) say(`this browser has only ${Math.round(left / 1e6)} MB of storage left for this site`);
      else follow(await navigator.serviceWorker.register(script));
    } catch {
      say("this browser stores nothing for this site");
    }
  };
  python.on("stage", keep);
  python.on("snapshot", keep);
}

/** Why nothing is kept, or "". */
function refusal() {
  if (!isSecureContext) return "the page was not sent over https";
  if (!("serviceWorker" in navigator)) return "this browser does not allow it here, perhaps because the window is private";
  if (/** @type {any} */ (navigator).connection?.saveData) return "the browser is set to save data";
  return "";
}

/** @param {ServiceWorkerRegistration} registration */
function follow({ installing }) {
  installing?.addEventListener("statechange", () => {
    if (installing.state === "redundant") say("the browser could not store all pages; the next visit tries again");
  });
}

/** @param {string} reason */
function say(reason) {
  const foot = document.querySelector(".foot");
  if (!foot) return;
  const line = foot.querySelector(".offline") ?? document.createElement("span");
  line.className = "offline";
  line.textContent = `Offline reading is not available: ${reason}.`;
  foot.append(line);
}
