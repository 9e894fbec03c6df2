/** A number on the page that counts up to its value. */

/** Time constant; the shown number is within 5 % after three of them. */
const COUNT_UP_MS = 220;

export class CountUp {
  #element;
  #format;
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
  #target = 0;
  #shown = 0;
  #lastFrameMs = 0;
  #counting = false;

  /** @param {HTMLElement} element @param {(count: number) => string} format */
  constructor(element, format) {
    this.#element = element;
    this.#format = format;
  }

  /** @param {number} value */
  to(value) {
    this.#target = value;
    // Totals that shrink belong to a server that began anew: nothing to count up.
    if (value < this.#shown || this.#lessMotion.matches || document.hidden) this.#write(value);
    else this.#countUp();
  }

  #countUp() {
    if (this.#counting || this.#shown === this.#target) return;
    this.#counting = true;
    this.#lastFrameMs = performance.now();
    requestAnimationFrame(this.#frame);
  }

  /** @param {number} timeMs */
  #frame = (timeMs) => {
    const elapsed = Math.max(timeMs - this.#lastFrameMs, 0);
    this.#lastFrameMs = timeMs;
    const rest = (this.#target - this.#shown) * Math.exp(-elapsed / COUNT_UP_MS);
    this.#write(rest < 0.5 ? this.#target : this.#target - rest);
    this.#counting = this.#shown !== this.#target;
    if (this.#counting) requestAnimationFrame(this.#frame);
  };

  /** @param {number} value */
  #write(value) {
    this.#shown = value;
    const text = this.#format(Math.floor(value));
    if (this.#element.textContent !== text) this.#element.textContent = text;
  }
}
