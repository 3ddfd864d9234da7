/**
 * The service worker caches the whole site in the browser, so that each chapter opens and runs offline. It does not
 * intercept the requests of a page that came from the network: those use the browser's own caches of files and of
 * compiled code.
 */

/** Set by the build: addresses relative to the site's root. @type {{pages: string[], assets: string[]}} */
const SITE = /** @type {any} */ (globalThis).LAB_SITE;

const STORE = "lab-site";

/** After this time a page is taken from the cache, if the network is slow. */
const PATIENCE_MS = 4000;

const worker = /** @type {any} */ (self);

/** Whether the last page came from the network; unknown at the start. */
let reachable = false;

/** @param {string} path */
const address = (path) => new URL(path, worker.registration.scope).href;

/** Caches every file of this build; pages last, since they refer to the others. */
async function keepSite() {
  const store = await caches.open(STORE);
  for (const path of SITE.assets) {
    const url = address(path);
    if (!(await store.match(url))) await store.add(url); // the name contains a hash, so a cached file is current
  }
  await store.addAll(SITE.pages.map((path) => new Request(address(path), { cache: "no-cache" })));
}

/** Deletes the caches of earlier builds, and takes control of the open pages. */
async function takeOver() {
  const current = new Set([...SITE.assets, ...SITE.pages].map(address));
  const store = await caches.open(STORE);
  for (const request of await store.keys()) if (!current.has(request.url)) await store.delete(request);
  await worker.registration.navigationPreload?.enable(); // sends the request while this script starts
  await worker.clients.claim();
}

/** @param {string} url @returns {Promise<Response | undefined>} */
async function kept(url) {
  const { origin, pathname } = new URL(url);
  const store = await caches.open(STORE);
  return store.match(origin + pathname.replace(/\/$/, "/index.html"));
}

/** A page with its query: from the network, or from the cache. @param {any} event */
async function page({ request, preloadResponse }) {
  const asked = Promise.resolve(preloadResponse).then((answer) => answer ?? fetch(request));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const answer = await Promise.race([asked, late]).catch(() => undefined);
  reachable = answer !== undefined;
  return answer ?? (await kept(request.url)) ?? asked;
}

/** @param {Request} request */
const asset = async (request) => (await kept(request.url)) ?? fetch(request);

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(keepSite());
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(takeOver()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(worker.registration.scope)) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (!reachable || !navigator.onLine) event.respondWith(asset(request));
});
