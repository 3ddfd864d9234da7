/**
 * Heights in the words of course systems: H5P's resizer, and `lti.frameResize` of LTI tools (Canvas and others). Both are
 * spoken only to a page that has said that it understands them.
 *
 * @typedef {"h5p" | "lti"} Dialect
 */

/** What asks a page whether it understands. */
export const GREETINGS = [
  { context: "h5p", action: "hello" },
  { subject: "lti.capabilities", message_id: "diffusion-lab" },
];

/** The dialect that a message of the page around this one shows it to understand. @param {any} data @returns {Dialect | undefined} */
export function understood(data) {
  if (typeof data !== "object" || data === null) return undefined;
  if (data.context === "h5p" && data.action === "hello") return "h5p";
  const can = data.subject === "lti.capabilities.response" && Array.isArray(data.supported_messages) ? data.supported_messages : [];
  return can.some((/** @type {any} */ message) => message?.subject === "lti.frameResize") ? "lti" : undefined;
}

/** @param {Dialect} dialect @param {number} height */
export function heightIn(dialect, height) {
  if (dialect === "h5p") return { context: "h5p", action: "resize", scrollHeight: height };
  return { subject: "lti.frameResize", height };
}
