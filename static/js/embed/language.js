/**
 * Speaks another language than English in an embedded page: its own words are exchanged as they appear, by a table from
 * the English ones. Loaded where the address asks for a language (`?lang=de`). What an instrument or a chapter says stays
 * English, and is marked so. A new language is a file `words_xx.js` and a line here and in `LANGUAGES` of `options.js`.
 *
 * @typedef {Record<string, string>} Words
 */

/** @type {Record<string, () => Promise<{WORDS: Words}>>} */
const TABLES = { de: () => import("./words_de.js") };

/** What is not the page's own interface: prose, code, figures and numbers. */
const CONTENT = ".prose, pre, .figure, .cm-editor, .output, .readouts, .measures, .status, .asked label, style, script, [data-reading]";

/** What says more than the page's own words. */
const ENGLISH = ".front-panel, .prose, pre, .instrument-title, .cell .title";

const ATTRIBUTES = ["aria-label", "title", "placeholder"];

/**
 * What a table has for an English text; undefined where it has nothing. What is put into a sentence may be in the table too.
 * @param {Words} words @param {string} text @returns {string | undefined}
 */
export function translated(words, text) {
  if (Object.hasOwn(words, text)) return words[text];
  for (const [english, other] of Object.entries(words)) {
    const parts = english.split("{}");
    if (parts.length === 1 || !text.startsWith(parts[0]) || !text.endsWith(String(parts.at(-1)))) continue;
    const found = new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+?)")}$`, "s").exec(text);
    if (!found) continue;
    let next = 0;
    return other.replace(/\{(\d?)\}/g, (_, place) => {
      const put = found[Number(place) || ++next];
      return translated(words, put) ?? put;
    });
  }
  return undefined;
}

/** The page in one language. */
export class Language {
  /** @param {string} name @param {Words} words */
  constructor(name, words) {
    this.name = name;
    this.words = words;
    this.observer = new MutationObserver((changes) => this.#changed(changes));
    document.documentElement.lang = name;
    this.watch(document);
  }

  /** Exchanges the words of a document or shadow root, now and whenever they change. @param {Document | ShadowRoot} root */
  watch(root) {
    for (const part of root.querySelectorAll(ENGLISH)) if (!part.hasAttribute("lang")) part.setAttribute("lang", "en");
    this.#all(root);
    this.observer.observe(root, { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES });
  }

  /** @param {MutationRecord[]} changes */
  #changed(changes) {
    for (const { type, target, addedNodes, attributeName } of changes) {
      if (type === "attributes") this.#attribute(/** @type {Element} */ (target), String(attributeName));
      else for (const node of type === "childList" ? addedNodes : [target]) this.#all(node);
    }
  }

  /** @param {Node} node */
  #all(node) {
    if (node instanceof Text) return this.#text(node);
    if (!(node instanceof Element || node instanceof Document || node instanceof ShadowRoot)) return;
    if (node instanceof Element) {
      if (node.matches(CONTENT)) return;
      if (node.matches(".cannot span")) return this.#markup(node);
      for (const name of ATTRIBUTES) this.#attribute(node, name);
    }
    for (const child of node.childNodes) this.#all(child);
  }

  /** @param {Text} text */
  #text(text) {
    const english = text.data.trim();
    const parent = text.parentElement;
    const other = english && parent && !parent.closest(CONTENT) ? translated(this.words, english) : undefined;
    if (!parent || other === undefined || other === english) return;
    text.data = text.data.replace(english, () => other);
    if (parent.closest("[lang]")?.getAttribute("lang") === "en") parent.lang = this.name;
  }

  /** @param {Element} element @param {string} name */
  #attribute(element, name) {
    const english = element.getAttribute(name);
    const other = english && !element.closest(CONTENT) ? translated(this.words, english) : undefined;
    if (other !== undefined && other !== english) element.setAttribute(name, other);
  }

  /** A sentence with markup in it, from the page's own templates. @param {Element} element */
  #markup(element) {
    const other = translated(this.words, element.innerHTML.trim());
    if (other !== undefined) element.innerHTML = other;
  }
}

/** @param {string} name of a language that has a table */
export const speak = async (name) => new Language(name, (await TABLES[name]()).WORDS);
