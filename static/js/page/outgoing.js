/**
 * What leaves for Python: the changes of an instrument, in order. While Python is busy with an instrument, only the newest
 * value of each setting is queued. Where Python is fast, one change is sent while the previous one is still computed:
 * otherwise each would wait until the page, busy drawing, has received the last answer, and would miss a frame.
 *
 * @typedef {import("./python_worker.js").Python} Python
 * @typedef {import("./instruments.js").Link} Link
 */
import { restyle } from "../bokeh/layers.js";

/** An instrument that has not answered after this time is marked, so that a reader can stop code of their own. */
const PATIENCE_MS = 2000;

/**
 * Queues a change for Python: settings under their names, so that a newer value replaces an older one, or an action (a
 * button, a tap; `followPresets` queues presets), behind which later changes of settings wait. The theme and events that
 * a figure reports about itself are not sent: Python does not need them.
 * @param {Python} python @param {Link} link @param {any} event
 */
export function changed(python, link, event) {
  if (link.applying) return;
  if (event.attr) {
    if (event.model !== link.settings) return;
    if (event.attr === "theme") {
      if (link.document) restyle(link.document, event.value);
      return;
    }
    const last = link.queue.at(-1);
    if (last?.values) last.values[event.attr] = event.value;
    else link.queue.push({ values: { [event.attr]: event.value } });
  } else if (event.msg_data?.data?.action) link.queue.push({ message: event.msg_data.data });
  else return;
  link.kept?.touch();
  // After this task, so that two settings moved together are sent together.
  queueMicrotask(() => sendWaiting(python, link));
}

/** The newest queued value of each setting. @param {Link} link @returns {Record<string, any>} */
export const queuedValues = (link) => Object.assign({}, ...link.queue.map(({ values }) => values));

/** Takes the settings before the first action or preset out of a queue. @param {Link["queue"]} queue @returns {Record<string, any>} */
export const takeValues = (queue) => Object.assign({}, ...(queue[0]?.values ? [queue.shift()?.values] : []));

/** Sends the first queued change. @param {Python} python @param {Link} link */
export function sendWaiting(python, link) {
  const { slot, queue, busy } = link;
  if (!link.shown || !queue.length || (busy && (!link.quick || link.ahead))) return;
  const { values, message, preset } = queue[0];
  if (values) {
    queue.shift();
    link.sent = busy ? { ...link.sent, ...values } : values;
    link.ahead = busy;
    wait(link);
    python.send({ type: "set", slot, values });
  } else if (!busy) {
    queue.shift();
    link.sent = {};
    link.quick = false;
    wait(link);
    if (message) python.send({ type: "act", slot, message });
    else if (preset) python.send({ type: "preset", slot, ...preset });
  }
}

/** A query with these settings over it. @param {string | undefined} query @param {Record<string, any>} values */
export function queryWith(query, values) {
  const made = new URLSearchParams(query ?? "");
  for (const [name, value] of Object.entries(values)) if (name !== "playing") made.set(name, String(value));
  return made.toString();
}

/** Called when a request has been sent to Python. @param {Link} link */
export function wait(link) {
  link.busy = true;
  clearTimeout(link.patience);
  link.patience = setTimeout(() => (link.place.dataset.stuck = ""), PATIENCE_MS);
}

/** Called when Python has answered, or never will. @param {Link} link */
export function answered(link) {
  link.busy = false;
  link.ahead = false;
  link.quick = false;
  clearTimeout(link.patience);
  delete link.place.dataset.stuck;
}
