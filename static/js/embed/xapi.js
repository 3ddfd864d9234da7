/**
 * Statements in the shape of xAPI 1.0.3, made from a frame's reports when the host asks for them. The host adds the
 * actor, which a frame does not know, and sends them to its record store. Verbs and types are of ADL's vocabulary.
 *
 * @typedef {import("./schema.js").Report} Report
 * @typedef {{id: string, type: string, name: string, description?: string, interactionType?: "fill-in" | "long-fill-in",
 *   parent?: {id: string, name: string}}} Activity
 * @typedef {{main: Activity, question?: Activity}} Activities  question: what an instrument asks first
 */

const ADL = "http://adlnet.gov/expapi";
const SETTLED_MS = 1500; // a state is worth a statement when it has stayed for so long

/**
 * Sends statements to the host from now on, after the reports that they are made from.
 * @param {import("./host.js").Host} host @param {Activities} activities
 * @param {() => boolean} touched whether the reader has pressed anything yet
 */
export function followReports(host, activities, touched) {
  if (host.also) return;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let settling;
  host.also = (report) => {
    const send = () => {
      const statement = statementOf(report, activities, touched());
      if (statement) host.send({ type: "statement", statement });
    };
    if (report.type !== "stateChanged") return send();
    clearTimeout(settling);
    settling = setTimeout(send, SETTLED_MS);
  };
}

/**
 * The statement that a report makes, without an actor; undefined where it makes none.
 * @param {Report} report @param {Activities} activities @param {boolean} touched whether the reader has pressed anything yet
 */
export function statementOf(report, { main, question }, touched) {
  switch (report.type) {
    case "quizAnswered": {
      const { answer, right } = report;
      const verdict = right === null ? {} : { success: right, score: { scaled: Number(right) } };
      return statement("answered", question ?? main, { response: answer, ...verdict });
    }
    case "completed":
      return statement("completed", question ?? main, { completion: true, ...(question ? {} : { success: true, score: { scaled: 1 } }) });
    case "stateChanged": {
      const { settings, readings, query } = report;
      const extensions = { [new URL("../teachers.html#statements", main.id).href]: { settings, readings } };
      return statement(touched ? "interacted" : "experienced", main, { response: query, extensions });
    }
    default:
      return undefined;
  }
}

/** @param {"answered" | "completed" | "experienced" | "interacted"} verb @param {Activity} activity @param {object} result */
function statement(verb, { id, type, name, description, interactionType, parent }, result) {
  const definition = {
    type: `${ADL}/activities/${type}`,
    name: { en: name },
    ...(description && { description: { en: description } }),
    ...(interactionType && { interactionType }),
  };
  const within = parent && { id: parent.id, definition: { type: `${ADL}/activities/lesson`, name: { en: parent.name } } };
  return {
    id: uuid(),
    timestamp: new Date().toISOString(),
    verb: { id: `${ADL}/verbs/${verb}`, display: { en: verb } },
    object: { objectType: "Activity", id, definition },
    result,
    context: { platform: "Diffusion Instrument Lab", language: "en", ...(within && { contextActivities: { parent: [within] } }) },
    version: "1.0.3",
  };
}

/**
 * What an embedded page is about.
 * @param {HTMLElement} main the page's element @param {string} asked a question that the address asks first
 * @returns {Activities}
 */
export function activitiesOf(main, asked) {
  const id = location.href.replace(/[?#].*/, "");
  const words = (/** @type {string} */ selector) => wordsOf(main.querySelector(selector));
  const link = /** @type {HTMLAnchorElement | null} */ (main.querySelector(".origin a, figcaption a"));
  const parent = link ? { parent: { id: link.href.replace(/#.*/, ""), name: link.textContent ?? "" } } : {};
  if (main.querySelector("form[data-quiz]"))
    return {
      main: { id, type: "cmi.interaction", interactionType: "fill-in", name: words(".label"), description: words(".question"), ...parent },
    };
  if (!main.querySelector("[data-instrument]"))
    return {
      main: { id, type: "performance", name: `${words(".cell .label")}: ${words(".cell .title")}`, description: words(".task"), ...parent },
    };
  const instrument = { id, type: "simulation", name: words(".instrument-title"), ...parent };
  if (!asked) return { main: instrument };
  const address = `${id}?${new URLSearchParams({ question: asked })}`;
  return {
    main: instrument,
    question: {
      id: address, type: "cmi.interaction", interactionType: "long-fill-in", name: asked, description: asked,
      parent: { id, name: instrument.name },
    },
  };
}

/** An element's text, with formulas as TeX. @param {Element | null} element */
function wordsOf(element) {
  const copy = /** @type {Element | undefined} */ (element?.cloneNode(true));
  for (const formula of copy?.querySelectorAll(".katex") ?? []) formula.replaceWith(formula.querySelector("annotation")?.textContent ?? "");
  return copy?.textContent?.replace(/\s+/g, " ").trim() ?? "";
}

/** A random UUID (version 4); `crypto.randomUUID` is missing where a page has no HTTPS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
