/**
 * The ring's sampler in plain JavaScript, for comparison only: annealed Langevin by the exact score of a mixture of
 * round Gaussians in the plane, the arithmetic of `common/samplers/langevin.py` and `common/mixtures.py`, with given noise.
 *
 * @param {{x: Float64Array, noise: Float64Array, sigmas: Float64Array, means: Float64Array, logWeights: Float64Array,
 *   s: number, numSteps: number, stepSize: number}} inputs  x (N, 2) start; noise (steps, N, 2); means (K, 2)
 * @returns {Float64Array} (N, 2) where the points end
 */
export function langevin({ x: start, noise, sigmas, means, logWeights, s, numSteps, stepSize }) {
  const x = start.slice();
  const numClusters = logWeights.length;
  const terms = new Float64Array(numClusters);
  let z = 0;
  for (const sigma of sigmas) {
    const variance = s * s + sigma * sigma;
    const eps = stepSize * sigma * sigma;
    const spread = Math.sqrt(2 * eps);
    for (let step = 0; step < numSteps; step++) {
      for (let i = 0; i < x.length; i += 2) {
        let peak = -Infinity;
        for (let k = 0; k < numClusters; k++) {
          const across = x[i] - means[2 * k];
          const up = x[i + 1] - means[2 * k + 1];
          terms[k] = (across * across + up * up) * (-0.5 / variance) + logWeights[k];
          if (terms[k] > peak) peak = terms[k];
        }
        let total = 0;
        let meanX = 0;
        let meanY = 0;
        for (let k = 0; k < numClusters; k++) {
          const term = Math.exp(terms[k] - peak);
          total += term;
          meanX += term * means[2 * k];
          meanY += term * means[2 * k + 1];
        }
        x[i] += (eps * (meanX / total - x[i])) / variance + spread * noise[z++];
        x[i + 1] += (eps * (meanY / total - x[i + 1])) / variance + spread * noise[z++];
      }
    }
  }
  return x;
}
