/**
 * A worker that runs one of the functions beside it: `langevin` or `posterior`. Answers with the result, or with the
 * milliseconds of one call in the best of many short rounds, as `best_ms` of `_workloads.py` has it.
 */
import { langevin } from "./langevin.js";
import { posterior } from "./posterior.js";

const ROUND_MS = 5;
const SPENT_MS = 1000;
const functions = { langevin, posterior };

/** @param {() => void} work @param {number} number */
function elapsed(work, number) {
  const start = performance.now();
  for (let k = 0; k < number; k++) work();
  return performance.now() - start;
}

onmessage = ({ data: { name, inputs, rounds } }) => {
  const arrays = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, decoded(value)]));
  const work = () => functions[name](arrays);
  const result = Array.from(work());
  let number = 1;
  const quickest = () => Math.min(elapsed(work, number), elapsed(work, number), elapsed(work, number));
  let best = quickest();
  for (; best < ROUND_MS; best = quickest()) number *= 2;
  for (let done = 0, spent = 0; done < rounds || spent < SPENT_MS; done++) {
    const round = elapsed(work, number);
    best = Math.min(best, round);
    spent += round;
  }
  postMessage({ result, ms: best / number });
};

/** A number as it is; a text is the bytes of float64 numbers. @param {number | string} value */
function decoded(value) {
  if (typeof value === "number") return value;
  return new Float64Array(Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0)).buffer);
}
