/** The windows of one stream over the last minutes, from the list of those that are past and from the frames that come. */

/**
 * @typedef {object} Entry One window, or several that came as one.
 * @property {number} seq Its last window.
 * @property {number} span How many published windows it sums.
 * @property {number} startMs
 * @property {number} endMs
 * @property {number} total
 * @property {Map<string, number>} counts By emoji; those that a policy leaves out are in the total alone.
 */

/** @typedef {import("../sdk/emostream.js").WindowFrame} WindowFrame */
/** @typedef {Omit<WindowFrame, "stream" | "cluster" | "span">} PastWindow */

export class History {
  /** Oldest first. @type {Entry[]} */ #entries = [];
  #keepMs;

  /** @param {number} keepMs */
  constructor(keepMs) {
    this.#keepMs = keepMs;
  }

  get entries() { return /** @type {readonly Entry[]} */ (this.#entries); }
  get newest() { return this.#entries.at(-1); }

  clear() {
    this.#entries = [];
  }

  /** A frame whose windows are known already has nothing to add, and one that sums some of them beats those. @param {WindowFrame} frame */
  add(frame) {
    if (this.newest && frame.seq <= this.newest.seq) return;
    const before = this.#entries.filter(({ endMs }) => endMs <= frame.start_ms);
    this.#entries = [...before, entryOf(frame, frame.span)];
    this.#forget();
  }

  /**
   * Takes the windows that are past in place of what is known up to the last of them: they are single and uncut. Frames that
   * came meanwhile stay, and beat the windows that they sum.
   *
   * @param {PastWindow[]} windows Oldest first.
   */
  fill(windows) {
    const past = windows.map((window) => entryOf(window, 1));
    const lastSeq = past.at(-1)?.seq ?? -1;
    const newer = this.#entries.filter(({ seq }) => seq > lastSeq);
    const fromMs = newer[0]?.startMs ?? Infinity;
    this.#entries = [...past.filter(({ endMs }) => endMs <= fromMs), ...newer];
    this.#forget();
  }

  #forget() {
    const from = (this.newest?.endMs ?? 0) - this.#keepMs;
    this.#entries = this.#entries.filter(({ endMs }) => endMs > from);
  }

  /** Reactions per second in the newest windows, over at least so long. @param {number} overMs */
  rate(overMs) {
    const from = (this.newest?.endMs ?? 0) - overMs;
    const newest = this.#entries.filter(({ endMs }) => endMs > from);
    const ms = (newest.at(-1)?.endMs ?? 0) - (newest[0]?.startMs ?? 0);
    return ms > 0 ? (newest.reduce((sum, { total }) => sum + total, 0) * 1000) / ms : 0;
  }
}

/** @param {PastWindow} window @param {number} span @returns {Entry} */
function entryOf({ seq, start_ms, end_ms, total, counts }, span) {
  return {
    seq, span, total, startMs: start_ms, endMs: end_ms,
    counts: new Map(counts.map(({ emoji_type, count }) => [emoji_type, count])),
  };
}
