/** Own reactions fly at once. The window that brings them back must not let them fly twice. */

/** @typedef {import("../emostream.js").Emostream} Emostream */
/** @typedef {import("../shapes.js").EmojiCount} EmojiCount */

/**
 * Windows in which a reaction may come back: the one that is on its way when it is sent, its own, and the next one where it is late.
 * One that a policy has cut out of them never does, and must not be taken for somebody else's.
 */
const MAX_WINDOWS = 3;

export class OwnReactions {
  #crowd;
  /** Windows so far. */
  #numWindows = 0;
  /** Those that flew and have yet to come back: how many windows there were by then, oldest first, by emoji. @type {Map<string, number[]>} */
  #ahead = new Map();

  /** @param {Emostream} crowd */
  constructor(crowd) {
    this.#crowd = crowd;
  }

  /**
   * Sends one reaction, which flies at once if there is a connection to send it over.
   *
   * @param {string} emoji @param {() => void} fly
   * @returns {Promise<void>} As of `Emostream.react`.
   */
  async react(emoji, fly) {
    const key = keyOf(emoji);
    const flies = this.#crowd.state === "open";
    const outcome = this.#crowd.react(emoji);
    if (flies) {
      this.#ahead.set(key, [...(this.#ahead.get(key) ?? []), this.#numWindows]);
      fly();
    }
    try {
      await outcome;
    } catch (error) {
      // It was not taken, and will not come back.
      if (flies) this.#ahead.get(key)?.pop();
      throw error;
    }
  }

  /** New totals are a new start: what they hold comes in no window. */
  forget() {
    this.#ahead.clear();
  }

  /**
   * @param {EmojiCount[]} counts Of the next window.
   * @returns {[emoji: string, count: number][]} What is left to fly.
   */
  withoutOwn(counts) {
    this.#numWindows += 1;
    const others = counts.map(({ emoji_type, count }) => {
      const own = this.#ahead.get(keyOf(emoji_type))?.splice(0, count).length ?? 0;
      return /** @type {[emoji: string, count: number]} */ ([emoji_type, count - own]);
    });
    for (const [key, waiting] of this.#ahead) {
      this.#ahead.set(key, waiting.filter((since) => this.#numWindows - since < MAX_WINDOWS));
    }
    return others;
  }
}

/** The form that the server counts an emoji under may have a selector (U+FE0F) more or less than what was sent. @param {string} emoji */
const keyOf = (emoji) => emoji.replaceAll("\uFE0F", "");
