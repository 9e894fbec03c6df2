/** How windows become layers of a stacked chart. */

/** @typedef {import("./history.js").Entry} Entry */

/** Emojis with a layer of their own. */
export const NUM_BANDS = 8;
/** An emoji takes the place below it in the stack once its sum is so many times the other's: a tie does not flicker. */
const OVERTAKES = 1.15;

/**
 * @typedef {object} Band
 * @property {string} emoji
 * @property {number} slot Which colour is its own.
 * @property {number} sum Over the windows shown.
 */

/**
 * @typedef {object} Layers
 * @property {number[]} xs Unix seconds, rising: where a step begins.
 * @property {number[][]} tops Per layer, from the lowest one: its upper edge from each x on, in reactions per window.
 */

/** Which emojis have a layer, from the lowest and most frequent one. One that stays keeps its colour and, nearly, its place. */
export class Bands {
  /** @type {Band[]} */ #bands = [];

  /** @param {readonly Entry[]} entries @returns {{ bands: Band[], rest: number }} */
  rank(entries) {
    const sums = [...sumByEmoji(entries)].filter(([, sum]) => sum > 0);
    const top = new Map(sums.sort((left, right) => right[1] - left[1]).slice(0, NUM_BANDS));
    const staying = this.#bands.filter(({ emoji }) => top.has(emoji));
    const taken = new Set(staying.map(({ slot }) => slot));
    const free = Array.from({ length: NUM_BANDS }, (_, slot) => slot).filter((slot) => !taken.has(slot));
    const coming = [...top.keys()].filter((emoji) => staying.every((band) => band.emoji !== emoji));
    const placed = [...staying, ...coming.map((emoji, index) => ({ emoji, slot: free[index] }))];
    this.#bands = inOrder(placed.map(({ emoji, slot }) => ({ emoji, slot, sum: top.get(emoji) ?? 0 })));
    const total = entries.reduce((sum, entry) => sum + entry.total, 0);
    return { bands: this.#bands, rest: total - this.#bands.reduce((sum, band) => sum + band.sum, 0) };
  }
}

/** @param {Band[]} bands */
function inOrder(bands) {
  const ordered = [...bands];
  for (let end = 1; end < ordered.length; end += 1) {
    for (let place = end; place > 0 && ordered[place].sum > ordered[place - 1].sum * OVERTAKES; place -= 1) {
      [ordered[place - 1], ordered[place]] = [ordered[place], ordered[place - 1]];
    }
  }
  return ordered;
}

/** @param {readonly Entry[]} entries */
function sumByEmoji(entries) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { counts } of entries) {
    for (const [emoji, count] of counts) sums.set(emoji, (sums.get(emoji) ?? 0) + count);
  }
  return sums;
}

/**
 * Of an entry: a value per band, and of all others together. One that sums several windows is their mean over the time it
 * spans, so that its area is right.
 *
 * @param {Entry} entry @param {readonly Band[]} bands @param {number} windowMs
 */
export function perWindow(entry, bands, windowMs) {
  const numWindows = Math.max(1, (entry.endMs - entry.startMs) / windowMs);
  const own = bands.map(({ emoji }) => (entry.counts.get(emoji) ?? 0) / numWindows);
  const listed = own.reduce((sum, value) => sum + value, 0);
  return { own, rest: Math.max(0, entry.total / numWindows - listed), numWindows };
}

/**
 * A layer per band, those of hidden and missing ones flat, and one for the rest. Time between two entries had windows
 * without reactions or none at all, and is zero; time after the last one is not known yet.
 *
 * @param {readonly Entry[]} entries @param {readonly Band[]} bands @param {number} windowMs
 * @param {{ isHidden: (emoji: string) => boolean, hidesRest: boolean }} choice
 * @returns {Layers}
 */
export function stack(entries, bands, windowMs, choice) {
  /** @type {number[]} */ const xs = [];
  /** @type {number[][]} */ const tops = Array.from({ length: NUM_BANDS + 1 }, () => []);
  const step = (/** @type {number} */ atMs, /** @type {number[]} */ heights) => {
    xs.push(atMs / 1000);
    let top = 0;
    tops.forEach((layer, index) => layer.push(top += heights[index] ?? 0));
  };
  entries.forEach((entry, index) => {
    const { own, rest } = perWindow(entry, bands, windowMs);
    const heights = bands.map(({ emoji }, place) => (choice.isHidden(emoji) ? 0 : own[place]));
    heights[NUM_BANDS] = choice.hidesRest ? 0 : rest;
    step(entry.startMs, heights);
    const next = entries[index + 1];
    if (!next) step(entry.endMs, heights);
    else if (next.startMs > entry.endMs) step(entry.endMs, []);
  });
  return { xs, tops };
}
