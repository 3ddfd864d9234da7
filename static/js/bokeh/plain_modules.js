/**
 * Replaces Sucrase, with which Panel compiles the TypeScript and JSX of its components. The lab's component has neither,
 * and Sucrase would be a quarter of the bytes of the page's Bokeh.
 */

/** @param {string} code */
export const transform = (code) => ({ code });
