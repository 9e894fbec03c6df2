/** Own reactions fly at once. The window that brings them back must not let them fly twice. */

/** @typedef {import("../shapes.js").EmojiCount} EmojiCount */

export class OwnReactions {
  /** Those that flew and have yet to come back, by emoji. @type {Map<string, number>} */
  #ahead = new Map();

  /** @param {string} emoji @param {number} [count] */
  flew(emoji, count = 1) {
    this.#ahead.set(emoji, (this.#ahead.get(emoji) ?? 0) + count);
  }

  /** They came back, or were not taken and never will. @param {string} emoji @param {number} [count] */
  landed(emoji, count = 1) {
    this.#ahead.set(emoji, Math.max(0, (this.#ahead.get(emoji) ?? 0) - count));
  }

  /** New totals are a new start: what they hold comes in no window. */
  forget() {
    this.#ahead.clear();
  }

  /**
   * @param {EmojiCount[]} counts
   * @returns {[emoji: string, count: number][]} What is left to fly.
   */
  withoutOwn(counts) {
    return counts.map(({ emoji_type, count }) => {
      const own = Math.min(this.#ahead.get(emoji_type) ?? 0, count);
      if (own > 0) this.landed(emoji_type, own);
      return [emoji_type, count - own];
    });
  }
}
