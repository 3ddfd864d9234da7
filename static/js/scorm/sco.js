/**
 * The launch page of a SCORM package: a chapter in a frame, as the site has it, and below it a line that says what is
 * reported. Answers and passed exercises are heard from the chapter's own events; the chapter needs no change.
 */
import { findApi, Session } from "./api.js";
import { LearnerRecord, timespan } from "./record.js";

const { slug = "", tasks = "" } = document.body.dataset;
const frame = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe"));
const record = new LearnerRecord(tasks.split(" ").filter(Boolean));
const begun = Date.now();
const api = findApi(window);
const session = api && new Session(api);
const final = ["passed", "completed"].includes(session?.get("cmi.core.lesson_status") ?? "");
const silent = ["browse", "review"].includes(session?.get("cmi.core.lesson_mode") ?? "");

/** Keys in the browser's store: whose data it has, and what a page keeps beside answers. */
const LEARNER = "lab:scorm:learner";
const OTHERS = [`lab:predict:${slug}.html:`, `lab:cell:${slug}:`, `lab:state:${slug}:`];
const OF_CHAPTER = [...OTHERS, `lab:quiz:${slug}.html:`, `lab:progress:${slug}:`];
const progressKey = (/** @type {string} */ task) => `lab:progress:${slug}:${task}`;
const answerKey = (/** @type {string} */ task) => `lab:quiz:${slug}.html:${task.replace(/^quiz-/, "")}`;
const startsWith = (/** @type {string} */ key, /** @type {string[]} */ beginnings) => beginnings.some((beginning) => key.startsWith(beginning));

/**
 * The part of the browser's store that the pages of this package use (`storedKey` in `page/local_store.js`): other
 * packages and labs on the same host have their own.
 */
class OwnStore {
  /** @param {Storage} area */
  constructor(area) {
    this.area = area;
    const folder = new URL(".", location.href).pathname;
    this.beginning = folder === "/" ? "lab:" : `lab:${folder} `;
  }

  #key = (/** @type {string} */ key) => key.replace(/^lab:/, this.beginning);

  keys() {
    const others = this.beginning === "lab:" ? "lab:/" : " "; // what labs in folders have
    const own = Object.keys(this.area).filter((key) => key.startsWith(this.beginning) && !key.startsWith(others));
    return own.map((key) => `lab:${key.slice(this.beginning.length)}`);
  }

  /** @param {string} key */
  getItem(key) {
    return this.area.getItem(this.#key(key));
  }

  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.area.setItem(this.#key(key), value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.area.removeItem(this.#key(key));
  }
}

/** Calls `act` with the browser's store, where it is not blocked. @param {(store: OwnStore) => void} act */
function withStore(act) {
  try {
    act(new OwnStore(localStorage));
  } catch {
    // blocked: the record alone remembers
  }
}

/**
 * Gives the chapter's page what the course system has kept of this learner. What another learner has left in this
 * browser is deleted, and what belongs to an attempt of which the course system has kept nothing.
 * @param {Session} session
 */
function takeUp(session) {
  const kept = session.get("cmi.suspend_data");
  const learner = fingerprint(session.get("cmi.core.student_id"));
  const others = record.resume(kept);
  withStore((store) => {
    // The store is shared with the course system where both have one origin: only keys of the lab are touched.
    const same = learner !== "" && store.getItem(LEARNER) === learner;
    const gone = same ? (kept ? [] : OF_CHAPTER) : ["lab:"];
    for (const area of [store, new OwnStore(sessionStorage)])
      for (const key of area.keys()) if (startsWith(key, gone) && key !== "lab:theme") area.removeItem(key);
    store.setItem(LEARNER, learner);
    for (const [task, { done, answer }] of record.tried) {
      store.setItem(progressKey(task), done ? "done" : "tried");
      if (answer && task.startsWith("quiz-")) store.setItem(answerKey(task), answer);
    }
    for (const [key, text] of Object.entries(others))
      if (startsWith(key, OTHERS) && store.getItem(key) === null) store.setItem(key, text);
  });
  if (final || silent) return;
  session.set("cmi.core.lesson_status", "incomplete");
  session.commit();
}

/** Tells two learners apart, and names none. @param {string} id */
const fingerprint = (id) => id && String([...id].reduce((hash, sign) => (Math.imul(hash, 31) + Number(sign.codePointAt(0))) | 0, 7));

/** Takes what the chapter's page has kept into the record; returns its other texts. */
function gather() {
  /** @type {Record<string, string>} */
  const others = {};
  withStore((store) => {
    for (const task of record.tasks) {
      const state = store.getItem(progressKey(task));
      if (state) record.note(task, state === "done", store.getItem(answerKey(task)) ?? "");
    }
    for (const key of store.keys())
      if (startsWith(key, OTHERS) && !key.endsWith(":more")) others[key] = store.getItem(key) ?? "";
  });
  return others;
}

function report() {
  const others = gather();
  if (session && !silent) {
    if (record.tried.size) {
      session.set("cmi.core.score.min", 0, true);
      session.set("cmi.core.score.max", 100, true);
      session.set("cmi.core.score.raw", record.score);
    }
    if (!final) session.set("cmi.core.lesson_status", record.status);
    session.set("cmi.suspend_data", record.suspended(others));
    session.set("cmi.core.session_time", timespan(Date.now() - begun));
    session.set("cmi.core.exit", "suspend");
    session.commit();
  }
  say();
}

/** The line below the chapter. */
function say() {
  const done = record.tasks.length ? `${record.done} of ${record.tasks.length} questions and exercises done. ` : "";
  let words = "Reported to your course.";
  if (!session) words = "No course system was found: your results stay in this browser.";
  else if (session.problem) words = `The course system refused a part of the report: ${session.problem}.`;
  else if (silent) words = "Your course has opened this for review: nothing is reported.";
  /** @type {HTMLElement} */ (document.querySelector("[role=status]")).textContent = done + words;
}

/** Listens to the page in the frame; a reader may follow links to other chapters and back. */
function follow() {
  const page = frame.contentDocument;
  if (!page) return;
  document.title = page.title;
  const dress = () => (document.documentElement.dataset.theme = page.documentElement.dataset.theme ?? "");
  dress();
  new MutationObserver(dress).observe(page.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  if (/** @type {HTMLElement | null} */ (page.querySelector("[data-chapter]"))?.dataset.chapter !== slug) return;
  page.addEventListener("lab:quiz", (event) => {
    const { answer, right } = /** @type {CustomEvent} */ (event).detail;
    tried(`quiz-${/** @type {HTMLElement} */ (event.target).dataset.quiz}`, right, answer);
  });
  page.addEventListener("lab:exercise", (event) => {
    tried(String(/** @type {HTMLElement} */ (event.target).dataset.cell), /** @type {CustomEvent} */ (event).detail.passed);
  });
  report();
}

/** @param {string} task @param {boolean} done @param {string} [answer] of a question */
function tried(task, done, answer) {
  record.note(task, done, answer);
  if (!silent) session?.addTry(task, done, answer);
  report();
}

if (session?.open) takeUp(session);
say();
frame.addEventListener("load", follow);
frame.src = `chapters/${slug}.html`;
document.addEventListener("visibilitychange", () => document.hidden && report());
addEventListener("pagehide", () => {
  report();
  session?.finish();
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload()); // its session has ended
