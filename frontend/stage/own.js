/** The person's own reactions: how many were accepted, and which flew already and have yet to come back in a window. */

export class Own {
  #accepted = 0;
  #unanswered = 0;
  /** By emoji. @type {Map<string, number>} */ #ahead = new Map();

  /** Exact: what the server has said it holds, in this visit. */
  get accepted() { return this.#accepted; }
  get unanswered() { return this.#unanswered; }

  /** @param {string} emoji */
  sent(emoji) {
    this.#unanswered += 1;
    this.#ahead.set(emoji, this.#waiting(emoji) + 1);
  }

  wasAccepted() {
    this.#unanswered -= 1;
    this.#accepted += 1;
  }

  /** @param {string} emoji */
  wasRefused(emoji) {
    this.#unanswered -= 1;
    this.#ahead.set(emoji, Math.max(0, this.#waiting(emoji) - 1));
  }

  /** What was sent before a connection's begin is in its totals, and comes in no window. */
  begin() { this.#ahead.clear(); }

  /**
   * Own reactions have flown at once; their window must not let them fly twice.
   *
   * @param {{ emoji_type: string, count: number }[]} counts
   * @returns {[emoji: string, count: number][]}
   */
  leaveOut(counts) {
    return counts.map(({ emoji_type, count }) => {
      const own = Math.min(this.#waiting(emoji_type), count);
      if (own > 0) this.#ahead.set(emoji_type, this.#waiting(emoji_type) - own);
      return [emoji_type, count - own];
    });
  }

  /** @param {string} emoji */
  #waiting(emoji) { return this.#ahead.get(emoji) ?? 0; }
}
