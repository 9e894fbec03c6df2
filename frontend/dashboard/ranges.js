/** The ranges that figures are of, in milliseconds: what is now, what just was, and what takes longer to show. */

import { age } from "./format.js";

export const NOW_MS = 10_000;
export const MINUTE_MS = 60_000;
export const MINUTES_MS = 300_000;
/** A range ends at a look and begins at another one, which need not have come at its very beginning. */
const LOOSE_MS = 6_000;

/** @param {number} minutes */
export const lastMinutes = (minutes) => (minutes === 1 ? "last minute" : `last ${minutes} min`);

/**
 * What a figure is really of: less than its range while this page has not been there for longer.
 *
 * @param {import("./trail.js").Trail<unknown>} trail @param {number} rangeMs
 */
export function rangeWords(trail, rangeMs) {
  const knownMs = trail.increase(rangeMs, () => 0).seconds * 1000;
  return knownMs >= rangeMs - LOOSE_MS ? lastMinutes(rangeMs / 60_000) : `last ${age(knownMs)}`;
}
