/** What the page has to say to the person about a reaction, for a moment, above the bar. */

const STAYS_MS = 4_000;

export class Notice {
  #element;
  #announcer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /** @param {HTMLElement} element @param {import("./announcer.js").Announcer} announcer */
  constructor(element, announcer) {
    this.#element = element;
    this.#announcer = announcer;
  }

  /** Said aloud once, however often it is told while it stays. @param {string} words */
  tell(words) {
    clearTimeout(this.#timer);
    if (this.#element.hidden || this.#element.textContent !== words) this.#announcer.say(words);
    this.#element.textContent = words;
    this.#element.hidden = false;
    this.#timer = setTimeout(() => { this.#element.hidden = true; }, STAYS_MS);
  }
}
