/**
 * A script for pages whose modules do not arrive: in a frame that its host shuts off, or opened from a file. It shows
 * stored states: of an embedded page the one in its address, of a chapter those of its presets.
 */
import { StillState, presetValues } from "./still_state.js";

const root = document.documentElement;

/** The instrument of an embedded page. @param {HTMLElement} place */
async function showAsked(place) {
  const shown = await new StillState(place, Object.fromEntries(new URLSearchParams(location.search))).show();
  if (!shown) return;
  delete root.dataset.other;
  root.dataset.stored = "";
}

/** The presets of a chapter. */
function followPresets() {
  /** @type {Map<string, StillState>} */
  const states = new Map();
  document.addEventListener("click", ({ target }) => {
    const link = target instanceof Element ? target.closest("a.preset") : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    const place = document.getElementById(link.hash.slice(1));
    if (!place) return;
    const state = states.get(place.id) ?? new StillState(place);
    states.set(place.id, state);
    state.preset(presetValues(link), "keep" in link.dataset);
    state.show();
  });
}

const embedded = "embed" in document.body.dataset && /** @type {HTMLElement | null} */ (document.querySelector("[data-states]"));
if (embedded) showAsked(embedded);
else followPresets();
