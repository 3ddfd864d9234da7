/**
 * Downloads files of the site. Each is compared with the digest in its name before it is used. A file that came damaged,
 * or something else in its place, is requested again past the browser's cache, which may hold the damaged copy. What
 * fails for good is an error with one sentence for the reader: what came, from where, and what to do.
 *
 * @typedef {{cache?: RequestCache, digest?: string, received?: (bytes: number, of: number) => void}} How  `digest`: first digits of
 *   the file's SHA-256, if they are not in its name; `received` is called with the bytes so far and their
 *   total, 0 where the host does not say it.
 */
import { digestIn, digestOf } from "./check.js";
import { SilenceTimer } from "./silence_timer.js";

/** A download from which nothing arrives for this time has failed, however slow the network is. */
const SILENCE_MS = 20_000;

/** A file of the site could not be downloaded; the message is for the reader. */
export class NotDownloaded extends Error {
  /** @param {string} message @param {{again?: boolean}} [options] `again`: a request past the browser's cache may help */
  constructor(message, { again = true } = {}) {
    super(message);
    this.name = "NotDownloaded";
    this.again = again;
    /** Whether that request has brought the file since, so that the next start will have it. */
    this.renewed = false;
  }
}

/** @param {string} address @param {How} [how] @returns {Promise<Uint8Array<ArrayBuffer>>} */
export const download = async (address, how = {}) => twice((cache) => read(address, { ...how, cache }), how.cache);

/** One attempt. @param {string} address @param {How} how @returns {Promise<Uint8Array<ArrayBuffer>>} */
export const downloadOnce = (address, how) => read(address, how);

/** @param {string} address @param {How} [how] @returns {Promise<any>} */
export const downloadJson = async (address, how) => JSON.parse(new TextDecoder().decode(await download(address, how)));

/**
 * A WebAssembly module. The browser compiles it while it arrives, and caches the compiled code; it is compiled from its
 * bytes where the host sends it with a wrong type. `module` does not wait for the digest: nothing that the module computes
 * may be shown or kept before `checked`, which rejects where the module is not what the build wrote.
 * @param {string} address @param {How & {response?: Promise<Response>}} [how] `response`: to a request that has been sent
 * @returns {{module: Promise<WebAssembly.Module>, checked: Promise<void>}}
 */
export function downloadModule(address, how = {}) {
  /** @type {(compiling?: Promise<WebAssembly.Module>) => void} */
  let opened = () => {};
  /** @type {Promise<WebAssembly.Module | undefined>} */
  const streamed = new Promise((resolve) => (opened = resolve));
  const first = read(address, {
    ...how,
    opened: (answer) => {
      const known = answer.headers.get("content-type") === "application/wasm";
      opened(known ? WebAssembly.compileStreaming(answer.clone()) : undefined);
    },
  });
  first.catch(() => opened());
  const data = twice((cache) => (cache === "reload" ? read(address, { ...how, cache, response: undefined }) : first), how.cache);
  const used = streamed.catch(() => undefined); // why it could not be compiled, the digest tells
  const module = used.then(async (compiled) => compiled ?? WebAssembly.compile(await data));
  const checked = first.then(
    () => {},
    async (error) => {
      await data;
      if (await used) throw Object.assign(error, { renewed: true });
    },
  );
  for (const promise of [module, checked]) promise.catch(() => {}); // reported where they are awaited
  return { module, checked };
}

/**
 * Tries again past the browser's cache where that may help.
 * @template T
 * @param {(cache?: RequestCache) => Promise<T>} attempt @param {RequestCache} [cache] of the first attempt
 */
async function twice(attempt, cache) {
  try {
    return await attempt(cache);
  } catch (error) {
    if (cache === "reload" || !(error instanceof NotDownloaded) || !error.again) throw error;
    return attempt("reload");
  }
}

/**
 * @param {string} address
 * @param {How & {response?: Promise<Response>, opened?: (answer: Response) => void}} how
 */
async function read(address, { cache, digest = digestIn(address), received = () => {}, response, opened = () => {} }) {
  const words = new Words(address);
  const silence = new AbortController();
  const timer = new SilenceTimer(SILENCE_MS, () => silence.abort());
  /** @type {Promise<never>} */
  const silent = new Promise((_, reject) => silence.signal.addEventListener("abort", reject));
  silent.catch(() => {}); // raced below
  let bytes = 0;
  /** @type {Response | undefined} */
  let answer;
  try {
    answer = await Promise.race([response ?? fetch(address, { cache, signal: silence.signal }), silent]);
    if (!answer.ok) throw new NotDownloaded(words.refused(answer.status));
    opened(answer);
    const of = answer.headers.has("content-encoding") ? 0 : Number(answer.headers.get("content-length"));
    const parts = [];
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (answer.body).getReader();
    for (let part = await Promise.race([reader.read(), silent]); !part.done; part = await Promise.race([reader.read(), silent])) {
      timer.heard();
      parts.push(part.value);
      received((bytes += part.value.length), of);
    }
    const data = joined(parts, bytes);
    if (digest && !(await digestOf(data)).startsWith(digest)) throw new NotDownloaded(words.wrong(data, answer));
    return data;
  } catch (error) {
    if (error instanceof NotDownloaded) throw error;
    if (silence.signal.aborted) throw new NotDownloaded(words.silent(bytes), { again: false });
    throw new NotDownloaded(answer ? words.cut(bytes) : words.unanswered(), { again: answer !== undefined });
  } finally {
    timer.end();
  }
}

/** @param {Uint8Array<ArrayBuffer>[]} parts @param {number} length */
function joined(parts, length) {
  if (parts.length === 1) return parts[0];
  const data = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

/** The sentences about one file. */
export class Words {
  /** @param {string} address */
  constructor(address) {
    const { host, pathname } = new URL(address, globalThis.location?.href);
    this.file = pathname.split("/").at(-1);
    this.host = host || "this site";
  }

  unanswered() {
    return `${this.host} did not answer the request for ${this.file}; check the connection, then try again.`;
  }

  /** @param {number} bytes */
  silent(bytes) {
    const wait = `for ${SILENCE_MS / 1000} seconds`;
    const what = bytes ? `Of ${this.file}, ${size(bytes)} came from ${this.host}, then nothing ${wait}` : `${this.host} sent nothing of ${this.file} ${wait}`;
    return `${what}; check the connection, then try again.`;
  }

  /** @param {number} bytes */
  cut(bytes) {
    return `${this.host} sent only the first ${size(bytes)} of ${this.file}; check the connection, then try again.`;
  }

  /** @param {number} status */
  refused(status) {
    if (status === 404 || status === 410)
      return `${this.file} is not on ${this.host} (${status}); if the site has just been updated, reload the page.`;
    return `${this.host} answered ${status} to the request for ${this.file}; try again later.`;
  }

  /** @param {Uint8Array} data @param {Response} [answer] */
  wrong(data, answer) {
    const page = /^\s*</.test(new TextDecoder().decode(data.subarray(0, 64))) || /html/.test(answer?.headers.get("content-type") ?? "");
    if (page) return `${this.host} sent a web page, perhaps its login page, in place of ${this.file}; open the site in another tab, log in there, then try again.`;
    return `What ${this.host} sent as ${this.file} (${size(data.length)}) is cut off or damaged; try again.`;
  }
}

/** @param {number} bytes */
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
