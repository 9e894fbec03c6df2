/** What the crowd did of late: the windows of the last minute, and sums over their end. */

const KEPT_MS = 60_000;

/** @typedef {import("/sdk/shapes.js").WindowFrame} WindowFrame */

export class Recent {
  /** Oldest first. @type {WindowFrame[]} */ #frames = [];

  get frames() { return /** @type {readonly WindowFrame[]} */ (this.#frames); }

  /** Where the newest window ends, in milliseconds since 1970. */
  get endMs() { return this.#frames.at(-1)?.end_ms ?? 0; }

  clear() { this.#frames = []; }

  /** @param {WindowFrame} frame */
  add(frame) {
    this.#frames.push(frame);
    this.#frames = this.#frames.filter(({ end_ms }) => end_ms > frame.end_ms - KEPT_MS);
  }

  /** Reactions in the last `spanMs`. @param {number} [spanMs] */
  total(spanMs = KEPT_MS) {
    return Math.round(this.#frames.reduce((sum, frame) => sum + frame.total * this.#share(frame, spanMs), 0));
  }

  /**
   * Reactions by emoji in the last `spanMs`.
   *
   * @param {number} [spanMs]
   * @returns {Map<string, number>}
   */
  counts(spanMs = KEPT_MS) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const frame of this.#frames) {
      const share = this.#share(frame, spanMs);
      if (share === 0) continue;
      for (const { emoji_type, count } of frame.counts) {
        counts.set(emoji_type, (counts.get(emoji_type) ?? 0) + count * share);
      }
    }
    return new Map([...counts].map(([emoji, count]) => [emoji, Math.round(count)]));
  }

  /** A frame that sums up a longer absence counts by the part of it that lies within. @param {WindowFrame} frame @param {number} spanMs */
  #share({ start_ms, end_ms }, spanMs) {
    const within = end_ms - Math.max(start_ms, this.endMs - spanMs);
    return Math.max(0, within) / (end_ms - start_ms);
  }
}

/**
 * @param {ReadonlyMap<string, number>} counts @param {number} length
 * @returns {[emoji: string, count: number][]} The highest counts, highest first.
 */
export function highest(counts, length) {
  return [...counts].filter(([, count]) => count > 0).sort((left, right) => right[1] - left[1]).slice(0, length);
}
