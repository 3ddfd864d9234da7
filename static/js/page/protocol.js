/**
 * What page and worker say to each other: one list of messages, one list of start-up stages.
 *
 * @typedef {{
 *   pyodide: string, panelRoot: string,
 *   start: string, core: string, lab: string, on_demand: string, instruments: Record<string, string>,
 *   libraries: [path: string, file: string][], lock: object,
 *   views: {name: string, state: Record<string, string>}[]
 * }} Assets  What Python needs: folders, packs and compiled modules as addresses relative to the worker, the part of
 *   Pyodide's lock file that says which build it is, and what stands on the pages, to be made ahead in a snapshot.
 *
 * @typedef {{slot: string, name: string, state: Record<string, string>, theme: string}} Slot  An instrument wanted.
 *
 * @typedef {{type: "signal", signal: Uint8Array}
 *   | {type: "open", slot: Slot}
 *   | {type: "close", slot: string}
 *   | {type: "nothing_to_draw"}
 *   | {type: "drawn", slot: string}
 *   | {type: "set", slot: string, values: Record<string, any>}
 *   | {type: "patch", slot: string, patch: any}
 *   | {type: "export", slot: string}
 *   | {type: "set_state", slot: string, values: Record<string, string>}
 *   | {type: "resume", slot: string, query: string}
 *   | {type: "edit", run: number, instrument: string, name: string, code: string}
 *   | {type: "restore", instrument: string, name: string}
 *   | {type: "run_cell", run: number, label: string, code: string, above: [name: string, code: string][], checks: string}
 *   | {type: "output_drawn", slot: string}
 *   | {type: "output_patch", slot: string, patch: any}
 *   | {type: "output_close", slot: string}
 *   | {type: "theme", theme: string}
 *   | {type: "ask", ask: number, what: "complete" | "signature", before: string}
 * } ToWorker
 *
 * @typedef {{type: "stage", stage: Stage, at: number}
 *   | {type: "document", slot: string, docs: string, roots: string, problems: string[]}
 *   | {type: "patch", slot: string, values: string, patch: string, buffers: Map<string, ArrayBuffer>}
 *   | {type: "idle", slot: string, ms?: number}
 *   | {type: "exported", slot: string, csv: string}
 *   | {type: "output", run: number, kind: OutputKind, body: string, line: number}
 *   | {type: "left_out", run: number, lines: number, others: number}
 *   | {type: "edited", slots: Record<string, string[]>, failed: string, body: string, line: number}
 *   | {type: "answer", ask: number, found: string}
 *   | {type: "cell_done", run: number, ok: boolean, ms: number}
 *   | {type: "snapshot", state: string}
 *   | {type: "start_again"}
 *   | {type: "broken", message: string}
 *   | {type: "replaced"}
 *   | {type: "failed", where: "start" | "instrument" | "output" | "cell", slot?: string, message: string}
 * } FromWorker
 *
 * @typedef {"text" | "value" | "table" | "picture" | "live" | "error" | "hint" | "hint_above" | "passed" | "failed"} OutputKind  See `Output`
 *   in `app/cells/session.py`.
 *
 * @typedef {keyof typeof STAGES} Stage
 */

/** The stages of the start, in order: what is being done, in words, and how much of the start is over by then. */
export const STAGES = /** @type {const} */ ({
  worker: { words: "Starting Python", done: 0.05 },
  interpreter: { words: "Loading libraries", done: 0.35 },
  unpacked: { words: "Loading libraries", done: 0.45 },
  numpy: { words: "Loading Bokeh and Panel", done: 0.55 },
  panel: { words: "Building the instruments", done: 0.85 },
  built: { words: "Drawing", done: 0.95 },
  live: { words: "Python live", done: 1 },
});

/** The lab's Python needs SIMD; this is the smallest module that uses it (i8x16 splat and popcnt). */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/** A sentence that says why Python cannot run in this browser, or "" if it can. @returns {string} */
export function unsupported() {
  if (typeof WebAssembly !== "object") return "This browser has no WebAssembly, which the live instruments need.";
  if (!WebAssembly.validate(new Uint8Array(SIMD_PROBE)))
    return "This browser has no WebAssembly SIMD, which the live instruments need; a current version of any browser has it.";
  return "";
}
