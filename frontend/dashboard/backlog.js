/**
 * Whether what was accepted gets counted, and since when it does not.
 *
 * While a crowd sends, something is always in flight: what the open window holds. So the number alone says nothing. What
 * was accepted up to a moment has to be settled a window later, however much has come since: both are running totals, and
 * one follows the other at a distance of time.
 */

/** More looks than this without one that is settled are thinned out, to bound them. */
const MAX_OPEN = 600;

/**
 * @typedef {object} BacklogState
 * @property {number} inFlight Accepted and not settled.
 * @property {number} overdue Of these, accepted longer ago than patience allows.
 * @property {number} ageMs How long the oldest of them is known to wait.
 * @property {number | null} settledAgoMs Everything accepted until then is settled; null while that is not known yet.
 */

export class Backlog {
  /** Looks at totals that were not settled when last compared, oldest first. @type {{ atMs: number, accepted: number }[]} */
  #open = [];
  /** @type {number | null} */ #settledAtMs = null;
  #accepted = 0;
  #settled = 0;

  /** @param {number} atMs @param {number} accepted @param {number} settled Running totals, both. */
  add(atMs, accepted, settled) {
    if (accepted < this.#accepted) this.#beginAnew();
    [this.#accepted, this.#settled] = [accepted, settled];
    this.#open.push({ atMs, accepted });
    const waiting = this.#open.findIndex((look) => look.accepted > settled);
    const numDone = waiting < 0 ? this.#open.length : waiting;
    if (numDone > 0) this.#settledAtMs = this.#open[numDone - 1].atMs;
    this.#open.splice(0, numDone);
    if (this.#open.length > MAX_OPEN) this.#open = this.#open.filter((_, index) => index % 2 === 0);
  }

  /** @param {number} nowMs @param {number} patienceMs @returns {BacklogState} */
  look(nowMs, patienceMs) {
    const due = this.#open.findLast(({ atMs }) => nowMs - atMs >= patienceMs);
    return {
      inFlight: this.#accepted - this.#settled,
      overdue: due ? due.accepted - this.#settled : 0,
      ageMs: this.#open.length > 0 ? nowMs - this.#open[0].atMs : 0,
      settledAgoMs: this.#settledAtMs === null ? null : nowMs - this.#settledAtMs,
    };
  }

  /** Totals that fall are those of a node that was started again. */
  #beginAnew() {
    this.#open = [];
    this.#settledAtMs = null;
  }
}
