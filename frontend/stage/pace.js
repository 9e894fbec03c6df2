/**
 * How fast a held button repeats: it speeds up gently, gives way when the server says that it is too fast, and tries again, a little
 * at a time. What was learned holds for the next press as well.
 *
 * The fastest pace stays below the server's limit of 20 reactions per second and socket.
 */

/** Between two repetitions, in milliseconds. */
const FIRST_MS = 240;
const FASTEST_MS = 80;
const SLOWEST_MS = 2_000;
/** Factors on the time between two: with every repetition, with every refusal, and of the bound with every acceptance. */
const SPEED_UP = 0.92;
const SLOW_DOWN = 1.6;
const RECOVERY = 0.985;

export class Pace {
  #interval = FIRST_MS;
  /** No repetition comes faster than this. */
  #bound = FASTEST_MS;
  /** Rises with every slow-down, so that reactions sent before it do not slow down again. */
  #era = 0;

  /** To be handed back with the fate of what is sent now. */
  get era() { return this.#era; }

  begin() { this.#interval = Math.max(FIRST_MS, this.#bound); }

  /** @returns {number} Time until the next repetition, in milliseconds. */
  next() {
    const wait = this.#interval;
    this.#interval = Math.max(this.#bound, wait * SPEED_UP);
    return wait;
  }

  accepted() { this.#bound = Math.max(FASTEST_MS, this.#bound * RECOVERY); }

  /** @param {number} era When what was refused had been sent. */
  limited(era) {
    if (era !== this.#era) return;
    this.#era += 1;
    this.#bound = Math.min(SLOWEST_MS, Math.max(this.#interval, this.#bound) * SLOW_DOWN);
    this.#interval = this.#bound;
  }
}
