/**
 * Forward-backward over the word chain in plain JavaScript, for comparison only: the arithmetic of `Chain.posterior` in
 * `common/masked/chains.py`, dense messages times the dense matrix of the chain.
 *
 * @param {{x: Float64Array, numSequences: number, length: number, start: Float64Array, first: Float64Array,
 *   last: Float64Array, matrix: Float64Array, transposed: Float64Array}} inputs  x (B, n) tokens, -1 where masked;
 *   start, first (V,); last (N,) the token of each state; matrix (N, N)
 * @returns {Float64Array} (B, n, V) the law of each position given what is revealed
 */
export function posterior({ x, numSequences, length, start, first, last, matrix, transposed }) {
  const numStates = last.length;
  const numTokens = start.length;
  const rows = numSequences * numStates;
  const alpha = new Float64Array(length * rows);
  for (let b = 0; b < numSequences; b++)
    for (let v = 0; v < numTokens; v++) alpha[b * numStates + first[v]] = start[v];
  forbid(alpha, 0, x, 0, length, last);
  for (let i = 1; i < length; i++) {
    product(alpha, (i - 1) * rows, matrix, alpha, i * rows, numSequences, numStates);
    forbid(alpha, i * rows, x, i, length, last);
  }
  const evidence = new Float64Array(numSequences);
  for (let b = 0; b < numSequences; b++)
    for (let s = 0; s < numStates; s++) evidence[b] += alpha[(length - 1) * rows + b * numStates + s];

  const laws = new Float64Array(numSequences * length * numTokens);
  let beta = new Float64Array(rows).fill(1);
  let next = new Float64Array(rows);
  for (let i = length - 1; i >= 0; i--) {
    for (let b = 0; b < numSequences; b++)
      for (let s = 0; s < numStates; s++) {
        const joint = alpha[i * rows + b * numStates + s] * beta[b * numStates + s];
        laws[(b * length + i) * numTokens + last[s]] += joint / evidence[b];
      }
    if (i === 0) break;
    forbid(beta, 0, x, i, length, last);
    product(beta, 0, transposed, next, 0, numSequences, numStates);
    [beta, next] = [next, beta];
  }
  return laws;
}

/** Zeros in the messages (B, N) from `at` on for states that the tokens revealed at position i leave no room for. */
function forbid(messages, at, x, i, length, last) {
  for (let b = 0; b * length < x.length; b++) {
    const token = x[b * length + i];
    if (token < 0) continue;
    for (let s = 0; s < last.length; s++) if (last[s] !== token) messages[at + b * last.length + s] = 0;
  }
}

/** Rows (B, N) of `from` times the matrix (N, N), into `to`; along the rows, so that memory is read in order. */
function product(from, fromAt, matrix, to, toAt, numRows, n) {
  const row = new Float64Array(n);
  for (let b = 0; b < numRows; b++) {
    row.fill(0);
    for (let s = 0; s < n; s++) {
      const weight = from[fromAt + b * n + s];
      const line = s * n;
      for (let r = 0; r < n; r++) row[r] += weight * matrix[line + r];
    }
    to.set(row, toAt + b * n);
  }
}
