/**
 * What a learner has done in a chapter, as SCORM 1.2 wants it: score, status, session time, and the data from which the
 * next visit goes on.
 */

/** The greatest length of `cmi.suspend_data` (SCORM 1.2 RTE, CMIString4096). */
export const MOST_DATA = 4096;
const MOST_ANSWER = 40;

export class LearnerRecord {
  /** @param {string[]} tasks names of the chapter's questions and exercises, such as `quiz-noised-value` */
  constructor(tasks) {
    this.tasks = tasks;
    /** Of tasks that were tried. @type {Map<string, {done: boolean, answer: string}>} */
    this.tried = new Map();
  }

  /**
   * Notes a try. A task that is done stays done, with the answer that was right.
   * @param {string} task @param {boolean} done @param {string} [answer]
   */
  note(task, done, answer = "") {
    if (!this.tasks.includes(task) || this.tried.get(task)?.done) return;
    this.tried.set(task, { done, answer: answer.trim().slice(0, MOST_ANSWER).trim() });
  }

  get done() {
    return [...this.tried.values()].filter(({ done }) => done).length;
  }

  /** The share of tasks that are done, as a whole number from 0 to 100. */
  get score() {
    return this.tasks.length ? Math.round((100 * this.done) / this.tasks.length) : 100;
  }

  /** @returns {"completed" | "incomplete"} completed: all tasks are done */
  get status() {
    return this.done === this.tasks.length ? "completed" : "incomplete";
  }

  /**
   * The record as suspend data. States of all tasks come first, then answers, then as many of the other texts as fit, the
   * shortest first.
   * @param {Record<string, string>} others texts by key, such as predictions and edited cells
   */
  suspended(others = {}) {
    /** @type {{v: 1, done: string[], tried: string[], answers: Record<string, string>, others: Record<string, string>}} */
    const data = { v: 1, done: [], tried: [], answers: {}, others: {} };
    for (const [task, { done }] of this.tried) (done ? data.done : data.tried).push(task);
    /** Adds what fits. @param {Record<string, string>} to @param {[string, string][]} texts */
    const add = (to, texts) => {
      let length = ascii(data).length;
      for (const [key, text] of texts.sort((a, b) => a[1].length - b[1].length)) {
        const more = ascii({ [key]: text }).length; // the braces are as long as the comma, or longer
        if (!text || length + more > MOST_DATA) continue;
        to[key] = text;
        length += more;
      }
    };
    add(data.answers, Array.from(this.tried, ([task, { answer }]) => [task, answer]));
    add(data.others, Object.entries(others));
    return ascii(data);
  }

  /**
   * Takes up what suspend data hold; data that cannot be read hold nothing.
   * @param {string} text @returns {Record<string, string>} the other texts
   */
  resume(text) {
    /** @type {any} */
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      return {};
    }
    if (data?.v !== 1) return {};
    const texts = (/** @type {any} */ object) => Object.entries(object ?? {}).filter((entry) => typeof entry[1] === "string");
    const answers = new Map(texts(data.answers));
    const note = (/** @type {any} */ names, /** @type {boolean} */ done) => {
      for (const task of Array.isArray(names) ? names : []) this.note(String(task), done, answers.get(task));
    };
    note(data.tried, false);
    note(data.done, true);
    return Object.fromEntries(texts(data.others));
  }
}

/** JSON of ASCII characters: some course systems count bytes, and some lose others. @param {object} value */
const ascii = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A duration as a CMITimespan, `0000:12:03.45`. @param {number} milliseconds */
export function timespan(milliseconds) {
  const hundredths = Math.min(Math.max(Math.floor(milliseconds / 10), 0), 9999 * 360_000 + 359_999);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const seconds = Math.floor(hundredths / 100);
  const hours = String(Math.floor(seconds / 3600)).padStart(4, "0");
  return `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${two(hundredths % 100)}`;
}
