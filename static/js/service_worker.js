/**
 * The service worker keeps the whole site in the browser, so that each chapter opens and runs without a network. While
 * there is one, what it says counts: every request goes to it, and the browser's own caches of files and of compiled
 * code work as without a service worker.
 */

/** Set by the build: addresses relative to the site's root. @type {{pages: string[], assets: string[]}} */
const SITE = /** @type {any} */ (globalThis).LAB_SITE;

const STORE = "lab-site";

/** A page that a slow network has not sent by then is shown as it was kept. */
const PATIENCE_MS = 4000;

const worker = /** @type {any} */ (self);
/** @param {string} path */
const address = (path) => new URL(path, worker.registration.scope).href;

/** Keeps every file of this build; pages last, for they name the others. */
async function keepSite() {
  const store = await caches.open(STORE);
  for (const path of SITE.assets) {
    const url = address(path);
    if (!(await store.match(url))) await store.add(url); // its name has its hash
  }
  await store.addAll(SITE.pages.map((path) => new Request(address(path), { cache: "no-cache" })));
}

/** Lets go of what belongs to earlier builds. */
async function letGo() {
  const current = new Set([...SITE.assets, ...SITE.pages].map(address));
  const store = await caches.open(STORE);
  for (const request of await store.keys()) if (!current.has(request.url)) await store.delete(request);
}

/** @param {string} url @returns {Promise<Response | undefined>} */
async function kept(url) {
  const { origin, pathname } = new URL(url);
  const store = await caches.open(STORE);
  return store.match(origin + pathname.replace(/\/$/, "/index.html"));
}

/** A page with its query: from the network, or as it was kept. @param {Request} request */
async function page(request) {
  const asked = fetch(request);
  asked.catch(() => {}); // answered below
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    const answer = await Promise.race([asked, late]);
    if (answer) return answer;
  } catch {
    // there is no network
  }
  return (await kept(request.url)) ?? asked;
}

/** @param {Request} request */
async function asset(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const answer = await kept(request.url);
    if (answer) return answer;
    throw error;
  }
}

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(keepSite());
});
worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(letGo().then(() => worker.clients.claim()));
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(worker.registration.scope)) return;
  event.respondWith(request.mode === "navigate" ? page(request) : asset(request));
});
