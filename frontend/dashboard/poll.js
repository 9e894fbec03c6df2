/** Asks again and again: gently, less and less often while it is refused, and not at all while nobody looks. */

import { backoffMs } from "../sdk/emostream.js";

/** @typedef {Pick<Document, "hidden" | "addEventListener">} Page */

export class Poller {
  #look;
  #refused;
  #page;
  #random;
  #attempt = 0;
  #asking = false;
  #again = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {object} options
   * @param {() => Promise<number>} options.look One round; resolved with the pause until the next one, in milliseconds.
   * @param {(error: unknown, retryInMs: number) => void} options.refused
   * @param {Page} [options.page] For tests.
   * @param {() => number} [options.random] Source of jitter in [0, 1), for tests.
   */
  constructor({ look, refused, page = document, random = Math.random }) {
    this.#look = look;
    this.#refused = refused;
    this.#page = page;
    this.#random = random;
    page.addEventListener("visibilitychange", () => this.now());
  }

  /** Asks at once, unless the page is hidden; then it does when it is seen again. */
  now() {
    clearTimeout(this.#timer);
    if (this.#page.hidden) return;
    if (this.#asking) this.#again = true;
    else this.#ask();
  }

  async #ask() {
    this.#asking = true;
    this.#again = false;
    const pauseMs = await this.#round();
    this.#asking = false;
    if (this.#again) this.now();
    else if (!this.#page.hidden) this.#timer = setTimeout(() => this.now(), pauseMs);
  }

  async #round() {
    try {
      const pauseMs = await this.#look();
      this.#attempt = 0;
      return pauseMs;
    } catch (error) {
      const retryInMs = backoffMs(this.#attempt, this.#random);
      this.#attempt += 1;
      this.#refused(error, retryInMs);
      return retryInMs;
    }
  }
}
