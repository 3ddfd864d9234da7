/**
 * The messages between page and worker, and the stages of the start.
 *
 * @typedef {{
 *   glue: string, wasm: {path: string, digest: string}, panelRoot: string,
 *   start: string, core: string, lab: string, cells: string, on_demand: string, instruments: Record<string, string>,
 *   weights: Record<string, string>, libraries: [path: string, file: string][], lock: object
 * }} Assets  The files of Python as addresses relative to the worker: Pyodide's core (its JavaScript, and its WebAssembly
 *   with the first digits of its SHA-256), Panel's folder, packs, weights and compiled modules; and the part of Pyodide's
 *   lock file that identifies its build.
 *
 * @typedef {{slot: string, name: string, state: Record<string, string>, asked: Record<string, string>,
 *   embedded: boolean, locked?: string[], query?: string, beside?: string}} Slot  An instrument to open. `state`: the settings that its place gives it;
 *   `asked`: those that the address asks for; `embedded`: it is alone on the page; `locked`: settings that the reader
 *   cannot move; `query`: the settings that it had before a restart of Python or on an earlier visit, where they differ
 *   from its place's; `beside`: the slot of the instrument that it is a pinned copy of.
 *
 * @typedef {{array: number, shape: number[]}} ArrayReference
 * @typedef {{
 *   settings: Record<string, any>, layers: Record<string, Record<string, ArrayReference | string[]>>,
 *   visible: Record<string, boolean>, ranges: Record<string, [[number, number], [number, number]]>,
 *   texts: Record<string, any>, numbers: Record<string, any>,
 *   status: string | null, description: string | null, query: string | null,
 *   pale: string[], progress: [done: number, of: number, unit: string] | null, beside?: string
 * }} State  The changes in an instrument: see `Answer` in `app/instrument/instrument.py`. `beside`:
 *   of a pinned copy, what differs from the instrument beside it.
 *
 * @typedef {{type: "signal", signal: Uint8Array | string}
 *   | {type: "watch", lock: string}
 *   | {type: "open", slot: Slot}
 *   | {type: "close", slot: string}
 *   | {type: "nothing_to_draw"}
 *   | {type: "drawn", slot: string}
 *   | {type: "set", slot: string, values: Record<string, any>}
 *   | {type: "act", slot: string, message: Record<string, any>}
 *   | {type: "export", slot: string, kind: "csv" | "svg", theme: string, address: string}
 *   | {type: "preset", slot: string, values: Record<string, string>, keep: boolean}
 *   | {type: "edit", run: number, instrument: string, name: string, code: string}
 *   | {type: "restore", instrument: string, name: string}
 *   | {type: "run_cell", run: number, label: string, code: string, above: [name: string, code: string][], checks: string, starter: string}
 *   | {type: "output_drawn", slot: string}
 *   | {type: "output_patch", slot: string, patch: any}
 *   | {type: "output_close", slot: string}
 *   | {type: "theme", theme: string}
 *   | {type: "ask", ask: number, what: "complete" | "signature", before: string}
 * } ToWorker
 *
 * @typedef {{type: "stage", stage: Stage, at: number}
 *   | {type: "opened", slot: string, problems: string[]}
 *   | {type: "state", slot: string, head: string, arrays: any[]}
 *   | {type: "patch", slot: string, patch: string, buffers: Map<string, ArrayBuffer>}
 *   | {type: "idle", slot: string, ms?: number}
 *   | {type: "exported", slot: string, text: string}
 *   | {type: "output", run: number, kind: OutputKind, body: string, line: number}
 *   | {type: "left_out", run: number, lines: number, others: number}
 *   | {type: "edited", slots: Record<string, string[]>, failed: string, body: string, line: number, hint: string}
 *   | {type: "answer", ask: number, found: string}
 *   | {type: "cell_began", run: number}
 *   | {type: "cell_done", run: number, ok: boolean, ms: number}
 *   | {type: "snapshot", state: string}
 *   | {type: "watched"}
 *   | {type: "interruptible"}
 *   | {type: "downloading"}
 *   | {type: "start_again"}
 *   | {type: "broken", message: string}
 *   | {type: "replaced"}
 *   | {type: "failed", where: "start" | "instrument" | "output" | "cell", slot?: string, message: string}
 * } FromWorker
 *
 * @typedef {"text" | "value" | "table" | "picture" | "live" | "error" | "hint" | "hint_above" | "hint_restart" | "passed" | "failed"} OutputKind  See `Output`
 *   in `app/cells/outputs.py`.
 *
 * @typedef {keyof typeof STAGES} Stage
 */

/** The stages of the start, in order: words for the step that follows, and the share of the start that is done. */
export const STAGES = /** @type {const} */ ({
  worker: { words: "Starting Python", done: 0.05 },
  interpreter: { words: "Loading libraries", done: 0.35 },
  unpacked: { words: "Loading libraries", done: 0.45 },
  numpy: { words: "Loading the instruments", done: 0.6 },
  imported: { words: "Computing the pictures", done: 0.75 },
  built: { words: "Drawing", done: 0.9 },
  live: { words: "Python live", done: 1 },
});

/** The smallest module that uses SIMD (i8x16 splat and popcnt), which the lab's Python needs. */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/** The reason why Python cannot run in this browser, as a sentence, or "" if it can. @returns {string} */
export function unsupported() {
  if (typeof WebAssembly !== "object") return "This browser has no WebAssembly, which the live instruments need.";
  if (!WebAssembly.validate(new Uint8Array(SIMD_PROBE)))
    return "This browser has no WebAssembly SIMD, which the live instruments need; a current version of any browser has it.";
  return "";
}
