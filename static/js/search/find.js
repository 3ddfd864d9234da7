/**
 * Finds parts of the site by words: an index of the documents that the build has written, and what a page shows of each
 * result. Pure functions.
 *
 * @typedef {{at: string, kind: string, group: string, heading: string, text: string}} Part  `at`: address from the
 *   site's root; `group`: the chapter or page that results are listed under
 * @typedef {{text: string, found: boolean}} Piece  of a text; `found`: to be marked
 * @typedef {{at: string, kind: string, heading: Piece[], snippet: Piece[]}} Result
 * @typedef {{count: number, groups: {name: string, results: Result[]}[]}} Results  `count`: all that were found, of which
 *   the best are listed
 */
import MiniSearch from "minisearch";

/** At most so many results are listed. */
export const MOST = 40;

/** Characters of a snippet. */
const LENGTH = 150;

/** A word, as the index divides texts. */
const WORD = /[\p{L}\p{M}\p{N}_]+/gu;

/** Words that are in every part, which a question may have in it. */
const COMMON = new Set("a an and are does for from how in is it of on or that the to what why with".split(" "));

/** The names of Greek letters, which are typed for them. @type {Record<string, string>} */
const GREEK = { α: "alpha", β: "beta", γ: "gamma", δ: "delta", ε: "epsilon", η: "eta", θ: "theta", λ: "lambda", μ: "mu", π: "pi", ρ: "rho", σ: "sigma", ς: "sigma", φ: "phi", ϕ: "phi", ω: "omega" };

/** A word as it is compared: without case and accents, Greek letters by name: `ᾱ_t` is `alpha_t`. @param {string} word */
const compared = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[α-ϕ]/g, (letter) => GREEK[letter] ?? letter);

/** @param {string} text */
const words = (text) => text.match(WORD) ?? [];

/** @param {Part[]} parts @returns {(typed: string) => Results} */
export function makeFinder(parts) {
  const index = new MiniSearch({ idField: "at", fields: ["heading", "text"], tokenize: words, processTerm: compared });
  index.addAll(parts);
  const partAt = new Map(parts.map((part) => [part.at, part]));
  /** @param {string} typed @param {"AND" | "OR"} combineWith */
  const search = (typed, combineWith) =>
    index.search(typed, {
      combineWith,
      boost: { heading: 3 },
      processTerm: (word) => (COMMON.has(compared(word)) ? null : compared(word)),
      prefix: (word) => word.length > 1,
      fuzzy: (word) => (word.length > 3 ? 0.2 : false),
      boostDocument: (at) => (partAt.get(at)?.kind === "term" ? 1.5 : 1), // a definition is the shortest answer
    });
  return (typed) => {
    const all = search(typed, "AND");
    const found = all.length ? all : search(typed, "OR");
    /** @type {Map<string, Result[]>} */
    const groups = new Map();
    for (const { id, terms } of found.slice(0, MOST)) {
      const { at, kind, group, heading, text } = /** @type {Part} */ (partAt.get(id));
      const wanted = new Set(terms);
      const result = { at, kind, heading: pieces(heading, wanted), snippet: pieces(excerpt(text, wanted), wanted) };
      groups.set(group, [...(groups.get(group) ?? []), result]);
    }
    return { count: found.length, groups: [...groups].map(([name, results]) => ({ name, results })) };
  };
}

/** The part of a text with most of the wanted words, whole words only. @param {string} text @param {Set<string>} wanted */
export function excerpt(text, wanted) {
  const places = [...text.matchAll(WORD)].filter(([word]) => wanted.has(compared(word))).map((match) => match.index);
  const within = (/** @type {number} */ start) => places.filter((place) => place >= start && place < start + LENGTH * 0.8).length;
  const first = places.reduce((best, place) => (within(place) > within(best) ? place : best), places[0] ?? 0);
  const from = first < LENGTH * 0.4 ? 0 : text.indexOf(" ", first - LENGTH * 0.2) + 1;
  if (text.length - from <= LENGTH) return `${from ? "… " : ""}${text.slice(from)}`;
  return `${from ? "… " : ""}${text.slice(from, text.lastIndexOf(" ", from + LENGTH))} …`;
}

/** Divides a text where words are to be marked. @param {string} text @param {Set<string>} wanted @returns {Piece[]} */
export function pieces(text, wanted) {
  const found = [];
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!wanted.has(compared(word))) continue;
    if (index > end) found.push({ text: text.slice(end, index), found: false });
    found.push({ text: word, found: true });
    end = index + word.length;
  }
  return end < text.length ? [...found, { text: text.slice(end), found: false }] : found;
}
