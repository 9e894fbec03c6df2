/** What was seen in the last minutes, so that a figure is of these and not of all time since the start. */

/** @template Seen @typedef {{ atMs: number, seen: Seen }} Mark */

/** @template Seen */
export class Trail {
  /** Oldest first. @type {Mark<Seen>[]} */ #marks = [];
  #keepMs;

  /** @param {number} keepMs The longest range that is asked for. */
  constructor(keepMs) {
    this.#keepMs = keepMs;
  }

  /** @param {number} atMs On a clock that never goes back. @param {Seen} seen */
  add(atMs, seen) {
    this.#marks.push({ atMs, seen });
    this.#marks = this.within(this.#keepMs);
  }

  /** Counters that began anew have nothing to do with those before. */
  clear() {
    this.#marks = [];
  }

  get newest() { return this.#marks.at(-1); }

  /** The marks of the last so many milliseconds, oldest first. @param {number} rangeMs */
  within(rangeMs) {
    const from = (this.newest?.atMs ?? 0) - rangeMs;
    return this.#marks.filter(({ atMs }) => atMs >= from);
  }

  /**
   * By how much a counter rose. Nothing is known before there are two marks in the range.
   *
   * @param {number} rangeMs @param {(seen: Seen) => number} counter
   */
  increase(rangeMs, counter) {
    const marks = this.within(rangeMs);
    const [first, last] = [marks[0], marks.at(-1)];
    if (!last || first === last) return { amount: 0, seconds: 0, perSecond: 0 };
    const amount = counter(last.seen) - counter(first.seen);
    const seconds = (last.atMs - first.atMs) / 1000;
    return { amount, seconds, perSecond: seconds > 0 ? amount / seconds : 0 };
  }
}
