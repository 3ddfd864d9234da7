/**
 * The service worker caches the whole site in the browser, so that each chapter opens and runs offline. It does not
 * intercept the requests of a page that came from the network, except for parts that are loaded later: those still come
 * from here when the host has a new version. All others use the browser's own caches of files and of compiled code.
 *
 * What is kept and what is answered is compared with the digests that the build wrote into this script. Names of caches
 * contain the site's folder: another lab on the same host has its own.
 */
import { digestOf } from "../files/check.js";

/**
 * Set by the build: addresses relative to the site's root with their digests; `lazy`: the assets that are loaded later.
 * @type {{build: string, pages: Record<string, string>, assets: Record<string, string>, lazy: string[]}}
 */
const SITE = /** @type {any} */ (globalThis).LAB_SITE;

const worker = /** @type {any} */ (self);

/** @type {string} */
const SCOPE = worker.registration.scope;
const FOLDER = new URL(SCOPE).pathname;

/** Assets have a digest in their name, so that versions share a cache; each version has its own pages. */
const ASSETS = `lab-assets ${FOLDER}`;
const PAGES = `lab-pages ${FOLDER} `;

/** Key of the list of a version's assets, beside its pages. */
const LIST = `${SCOPE}assets.json`;

/** After this time a page is taken from the cache, if the network is slow. */
const PATIENCE_MS = 4000;

/** Files that are downloaded at the same time for offline reading: fewer than the connections that a page may use. */
const AT_ONCE = 4;

const LAZY = new Set(SITE.lazy);

/** Whether the last page came from the network; unknown at the start. */
let reachable = false;

/** @param {string} path */
const address = (path) => SCOPE + path;

/** @param {ArrayBuffer} data @param {string} digest the first digits of its SHA-256 */
const isRight = async (data, digest) => (await digestOf(new Uint8Array(data))).startsWith(digest);

/**
 * A file as the build wrote it; undefined if the host sends something else, even past the browser's cache.
 * @param {string} path @param {string} digest @param {RequestCache} cache @returns {Promise<Response | undefined>}
 */
async function requested(path, digest, cache) {
  const answer = await fetch(address(path), { cache });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const data = await answer.arrayBuffer();
  if (!(await isRight(data, digest))) return cache === "reload" ? undefined : requested(path, digest, "reload");
  const headers = new Headers(answer.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  return new Response(data, { headers }); // not `answer`: browsers refuse one that was redirected
}

/**
 * Does the same with every file, `AT_ONCE` of them at a time.
 * @param {Record<string, string>} files @param {(path: string, digest: string) => Promise<void>} work
 */
async function forEach(files, work) {
  const left = Object.entries(files)[Symbol.iterator]();
  const lane = async () => {
    for (const [path, digest] of left) await work(path, digest);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Caches every file of this build; pages last, since they refer to the others. A page that the host changes is left out. */
async function keepSite() {
  const assets = await caches.open(ASSETS);
  await forEach(SITE.assets, async (path, digest) => {
    if (await assets.match(address(path))) return; // the name contains a digest, so a cached file is current
    const file = await requested(path, digest, "default");
    if (!file) throw new Error(`${path} is damaged`);
    await assets.put(address(path), file);
  });
  const pages = await caches.open(PAGES + SITE.build);
  await pages.put(LIST, Response.json(Object.keys(SITE.assets)));
  await forEach(SITE.pages, async (path, digest) => {
    const page = await requested(path, digest, "no-cache");
    if (page) await pages.put(address(path), page);
  });
}

/** Deletes what versions before the last one have left, and takes control of the open pages, which may be of the last. */
async function takeOver() {
  const needed = new Set(Object.keys(SITE.assets));
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES) || name === PAGES + SITE.build) continue;
    const list = await (await caches.open(name)).match(LIST);
    for (const path of (await list?.json()) ?? []) needed.add(path);
    await caches.delete(name);
  }
  const assets = await caches.open(ASSETS);
  for (const request of await assets.keys()) if (!needed.has(request.url.slice(SCOPE.length))) await assets.delete(request);
  const { navigationPreload } = worker.registration;
  // It sends the request while this script starts. In Firefox a page does not open offline with it: there the failed
  // request fails the page before this script has answered.
  if (/Firefox\//.test(navigator.userAgent)) await navigationPreload?.disable();
  else await navigationPreload?.enable();
  await worker.clients.claim();
}

/** What may be meant by an address: hosts leave out `.html` and `index.html`. @param {string} path */
const meanings = (path) => [path, `${path}.html`, `${path.replace(/\/?$/, "/")}index.html`.replace(/^\//, "")];

/** @param {string} url @returns {Promise<Response | undefined>} */
async function kept(url) {
  const { origin, pathname } = new URL(url);
  for (const path of meanings((origin + pathname).slice(SCOPE.length))) {
    const isPage = Object.hasOwn(SITE.pages, path);
    const store = await caches.open(isPage ? PAGES + SITE.build : ASSETS);
    const answer = await store.match(address(path));
    if (!answer) continue;
    // A file of the last version: the page that asks for it has its digest.
    const digest = isPage ? SITE.pages[path] : (SITE.assets[path] ?? "");
    const data = await answer.arrayBuffer();
    if (await isRight(data, digest)) return new Response(data, { headers: answer.headers });
    await store.delete(address(path));
  }
  return undefined;
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

/** Whether a file is a part that is loaded later, or belongs to the last version. @param {string} path */
const mayBeGone = (path) => path.startsWith("assets/") && (LAZY.has(path) || !Object.hasOwn(SITE.assets, path));

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(keepSite());
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(takeOver()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (request.cache === "reload") return; // a second try, past all caches
  else if (!reachable || !navigator.onLine || mayBeGone(request.url.slice(SCOPE.length))) event.respondWith(asset(request));
});
