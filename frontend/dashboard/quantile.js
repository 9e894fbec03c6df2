/** Quantiles of a histogram: estimates inside a bucket, bounds where nothing more is known. */

/** @typedef {import("./exposition.js").Exposition} Exposition */

/**
 * @typedef {object} Histogram
 * @property {number[]} bounds Upper bounds, rising; the last one is infinite.
 * @property {number[]} counts How many were at most the bound.
 */

/** @typedef {{ value: number, sign: "≈" | "≤" | ">" }} Quantile */

/** @param {Exposition} exposition @param {string} name @returns {Histogram} */
export function histogramOf(exposition, name) {
  const buckets = exposition.samples(`${name}_bucket`).map(({ labels, value }) => (
    { bound: labels.le === "+Inf" ? Infinity : Number(labels.le), value }
  ));
  buckets.sort((left, right) => left.bound - right.bound);
  return { bounds: buckets.map(({ bound }) => bound), counts: buckets.map(({ value }) => value) };
}

/** What came between two looks. @param {Histogram} now @param {Histogram} before @returns {Histogram} */
export function between(now, before) {
  return { bounds: now.bounds, counts: now.counts.map((count, index) => count - (before.counts[index] ?? 0)) };
}

/** @param {Histogram} histogram */
export const observed = (histogram) => histogram.counts.at(-1) ?? 0;

/**
 * Observations are taken to lie evenly in their bucket. In the first bucket they may lie anywhere below its bound, at a
 * bound they are known to be at most that, and beyond the last one they are known to be more.
 *
 * @param {Histogram} histogram @param {number} share In (0, 1].
 * @returns {Quantile | null} Null where nothing was observed.
 */
export function quantile({ bounds, counts }, share) {
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  const bucket = counts.findIndex((count) => count >= rank);
  const [upper, lower] = [bounds[bucket], bounds[bucket - 1] ?? 0];
  if (upper === Infinity) return { value: lower, sign: ">" };
  if (bucket === 0 || counts[bucket] === rank) return { value: upper, sign: "≤" };
  const below = counts[bucket - 1];
  return { value: lower + ((upper - lower) * (rank - below)) / (counts[bucket] - below), sign: "≈" };
}
