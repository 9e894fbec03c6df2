/** What a screen reader is told: what happens to this page at once, and how the crowd does now and then. */

import { spokenName } from "./names.js";
import { crowdWords } from "./words.js";

/** The crowd is summed up at most this often. */
const SUM_UP_EVERY_MS = 30_000;

/** One polite voice for all that is worth saying, so that messages do not cut each other off. */
export class Announcer {
  #element;
  #summedUpAt = performance.now();

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {string} text */
  say(text) {
    this.#element.textContent = text;
  }

  /** @param {import("./recent.js").Recent} recent */
  sumUp(recent) {
    const now = performance.now();
    if (now - this.#summedUpAt < SUM_UP_EVERY_MS || document.hidden) return;
    const total = recent.total();
    if (total === 0) return;
    this.#summedUpAt = now;
    this.say(crowdWords(recent.counts(), total, spokenName));
  }
}
