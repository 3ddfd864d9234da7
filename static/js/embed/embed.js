/**
 * `<instrument-lab name="ring" t="0.4" lock="seed">`: an instrument of the lab on any page. One script tag, no
 * dependencies. A poster stands there at once; the frame loads when it is near the window, and fits its height.
 *
 * Attributes are settings and options of the embed page's address, `lang` too; `height` keeps the frame at this height, `heights` are
 * those before it has loaded, by the element's width. Changing a
 * setting's attribute moves the instrument. Without `heights`, those of the instrument's first state are used. Events: `ready`, `statechange`, `answer`, `complete` and `error`, with the
 * frame's message as `detail` (see `schema.js`). Methods: `getState()` and `setState({t: 0.4})` return promises.
 */
import { nearestHeight } from "./height_table.js";
import { publishedHeights } from "./published_heights.js";
import { SCHEMA } from "./schema.js";

const SAFE_HEIGHT = 480;
const ANSWER_MS = 30_000;

/** Attributes with which an instrument has other heights than the published ones. */
const OTHER_HEIGHTS = ["layout", "question", "show", "hide", "measures"];

/** Attributes of every element, and of this one, that are not for the address. */
const OWN = ["name", "height", "heights", "id", "class", "style", "slot", "hidden", "dir", "tabindex", "is", "role"];

/** Report of the frame → event of the element; `statement` only if the page asks for it. @type {Record<string, string>} */
const EVENTS = { ready: "ready", stateChanged: "statechange", quizAnswered: "answer", completed: "complete", statement: "statement", error: "error" };

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript ?? document.querySelector('script[src$="embed.js"]'));
const BASE = new URL(".", script?.src || location.href);
const ORIGIN = BASE.origin === "null" ? "*" : BASE.origin; // "null": a file

class InstrumentLab extends HTMLElement {
  constructor() {
    super();
    this.count = 0;
    /** @type {Map<number, {resolve: (state: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.hear = (/** @type {MessageEvent} */ event) => this.#hear(event);
    /** @type {Promise<void>} */
    this.ready = new Promise((resolve) => (this.shown = resolve));
  }

  connectedCallback() {
    if (this.frame) return;
    const name = this.getAttribute("name") ?? "";
    const page = new URL(`embed/${name.split("/").map(encodeURIComponent).join("/")}.html`, BASE);
    for (const { name: key, value } of this.#settings()) page.searchParams.set(key, value);
    const usual = !OTHER_HEIGHTS.some((option) => this.hasAttribute(option));
    const table = this.getAttribute("heights") ?? (usual ? publishedHeights(name) : "");
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>:host{display:block;position:relative}:host([hidden]){display:none}
      img{position:absolute;inset:0;width:100%;height:100%;object-fit:contain;transition:opacity .2s;pointer-events:none}
      .shown{opacity:0}::slotted(:not(iframe)){display:none}</style><slot></slot><img alt="" hidden>`;
    this.poster = /** @type {HTMLImageElement} */ (root.querySelector("img"));
    // A child, not in the shadow: frames there have no place in `parent.frames`, where frames of the lab find each other.
    this.frame = document.createElement("iframe");
    this.frame.allow = "clipboard-write";
    this.frame.style.cssText = "display: block !important; width: 100% !important; border: 0 !important";
    if (!name.includes("/")) {
      const theme = this.getAttribute("theme") ?? "";
      if (/^(light|dark)$/.test(theme)) this.poster.style.colorScheme = theme;
      this.poster.onload = () => (/** @type {HTMLImageElement} */ (this.poster).hidden = false);
      this.poster.src = new URL(`embed/${encodeURIComponent(name)}.svg`, BASE).href;
    }
    this.frame.title = this.getAttribute("title") || name;
    this.frame.height = this.getAttribute("height") || String(SAFE_HEIGHT);
    if (table && !this.hasAttribute("height")) this.#takeHeight(this.frame, table);
    this.frame.loading = "lazy";
    this.frame.src = page.href;
    this.replaceChildren(this.frame);
    addEventListener("message", this.hear);
    this.watch = new MutationObserver((changes) => this.#changed(changes));
    this.watch.observe(this, { attributes: true });
  }

  /** The height before the frame has loaded; in a closed box or tab the element has no width yet. @param {HTMLIFrameElement} frame @param {string} table */
  #takeHeight(frame, table) {
    const take = () => {
      if (!this.clientWidth) return false;
      frame.height = String(nearestHeight(table, this.clientWidth) ?? SAFE_HEIGHT);
      return true;
    };
    if (take()) return;
    const watch = new ResizeObserver(() => take() && watch.disconnect());
    watch.observe(this);
  }

  disconnectedCallback() {
    removeEventListener("message", this.hear);
    this.watch?.disconnect();
    this.frame = undefined; // a frame that is moved loads again
  }

  /** All settings and readings. @returns {Promise<any>} */
  getState() {
    return this.#ask({ type: "getState" });
  }

  /** Moves settings; resolves to the new state, rejects with a sentence for a wrong value. @param {Record<string, any>} settings @returns {Promise<any>} */
  setState(settings) {
    return this.#ask({ type: "setState", settings });
  }

  /** @param {object} request @returns {Promise<any>} */
  async #ask(request) {
    await this.ready;
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      setTimeout(() => this.#settle(id)?.reject(new Error("The instrument does not answer.")), ANSWER_MS);
      this.frame?.contentWindow?.postMessage({ schema: SCHEMA, id, ...request }, ORIGIN);
    });
  }

  /** @param {number} id */
  #settle(id) {
    const asked = this.waiting.get(id);
    this.waiting.delete(id);
    return asked;
  }

  /** @param {MessageEvent} event */
  #hear({ source, data }) {
    if (!this.frame || source !== this.frame.contentWindow || data?.schema !== SCHEMA) return;
    if (data.type === "height" && !this.hasAttribute("height")) this.frame.style.height = `${Number(data.height)}px`;
    if (data.type === "ready") {
      this.poster?.classList.add("shown");
      this.shown?.();
    }
    if (data.id !== undefined) {
      const asked = this.#settle(data.id);
      if (data.type === "error") asked?.reject(new Error(data.message));
      else asked?.resolve(data);
    } else if (EVENTS[data.type]) this.dispatchEvent(new CustomEvent(EVENTS[data.type], { detail: data }));
  }

  #settings() {
    return Array.from(this.attributes).filter(({ name }) => !OWN.includes(name) && !/^(data|aria|on)/.test(name));
  }

  /** @param {MutationRecord[]} changes */
  #changed(changes) {
    const names = changes.map(({ attributeName }) => String(attributeName)).filter((name) => !OWN.includes(name));
    const settings = Object.fromEntries(names.filter((name) => this.hasAttribute(name)).map((name) => [name, this.getAttribute(name)]));
    if (Object.keys(settings).length) this.setState(settings).catch((error) => this.dispatchEvent(new CustomEvent("error", { detail: { message: error.message } })));
  }
}

if (!customElements.get("instrument-lab")) customElements.define("instrument-lab", InstrumentLab);
