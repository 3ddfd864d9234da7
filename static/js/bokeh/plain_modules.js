/**
 * Replaces Sucrase, with which Panel compiles the scripts of its components. The lab's pages do not run those
 * (`components.js`), and Sucrase would be a quarter of the bytes of the page's Bokeh.
 */

/** @param {string} code */
export const transform = (code) => ({ code });
