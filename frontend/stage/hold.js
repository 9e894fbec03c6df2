/**
 * Press and hold on the buttons of a bar: one reaction at once, and more for as long as the button is held.
 *
 * A finger, a mouse, the keyboard and the click of assistive technology are all the same press.
 */

/** Long enough that a tap stays a single reaction, in milliseconds. */
const HOLD_AFTER_MS = 380;

/**
 * @typedef {object} Press
 * @property {HTMLButtonElement} button
 * @property {number} sent How often it was sent so far in this press; who sends counts.
 * @property {boolean} repeats False for the first time.
 */

export class Hold {
  #pace;
  #onPress;
  #onEnd;
  /** What holds: a pointer's id, or the name of a key. @type {number | string | undefined} */ #by;
  /** @type {Press | undefined} */ #press;
  /** Buttons whose coming click belongs to a press of a pointer. @type {Set<HTMLButtonElement>} */ #clicksOwed = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {HTMLElement} bar
   * @param {import("./pace.js").Pace} pace
   * @param {(press: Press) => void} onPress
   * @param {(press: Press) => void} onEnd
   */
  constructor(bar, pace, onPress, onEnd) {
    this.#pace = pace;
    this.#onPress = onPress;
    this.#onEnd = onEnd;
    bar.addEventListener("pointerdown", this.#pointerDown);
    bar.addEventListener("keydown", this.#keyDown);
    bar.addEventListener("click", this.#click);
    bar.addEventListener("contextmenu", (event) => event.preventDefault());
    for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      bar.addEventListener(type, this.#pointerEnd);
    }
    bar.addEventListener("keyup", this.#keyUp);
    bar.addEventListener("focusout", this.#focusOut);
    window.addEventListener("blur", () => this.release());
    document.addEventListener("visibilitychange", () => this.release());
  }

  /** True while this press goes on. @param {Press} press */
  holds(press) { return press === this.#press; }

  /** Ends the repetition, whatever is still pressed. */
  release() {
    clearTimeout(this.#timer);
    const press = this.#press;
    this.#press = this.#by = undefined;
    if (press) this.#onEnd(press);
  }

  /** @param {PointerEvent} event */
  #pointerDown = (event) => {
    const button = buttonOf(event);
    if (!button || event.button !== 0) return;
    // A finger that slips off the button while it holds keeps holding.
    button.setPointerCapture(event.pointerId);
    this.#clicksOwed.add(button);
    this.#begin(button, event.pointerId);
  };

  /** @param {PointerEvent} event */
  #pointerEnd = (event) => {
    const button = buttonOf(event);
    if (button && event.type === "pointercancel") this.#clicksOwed.delete(button);
    this.#releaseBy(event.pointerId);
  };

  /** @param {KeyboardEvent} event */
  #keyDown = (event) => {
    const button = buttonOf(event);
    // Whether the key that holds is let go while another is down is not seen on every system.
    if (event.ctrlKey || event.altKey || event.metaKey) return this.#releaseKey();
    if (!button || !isPressKey(event)) return;
    // Else the browser would click as well, and once per repetition of the keyboard.
    event.preventDefault();
    if (!event.repeat) this.#begin(button, event.key);
  };

  /** @param {KeyboardEvent} event */
  #keyUp = (event) => {
    if (!buttonOf(event) || !isPressKey(event)) return;
    event.preventDefault();
    this.#releaseBy(event.key);
  };

  /** A key that is let go elsewhere is not seen here. @param {FocusEvent} event */
  #focusOut = ({ target }) => {
    if (target === this.#press?.button) this.#releaseKey();
  };

  /** @param {MouseEvent} event */
  #click = (event) => {
    const button = buttonOf(event);
    if (!button) return;
    if (!this.#clicksOwed.delete(button)) this.#onPress({ button, sent: 0, repeats: false });
  };

  /** @param {HTMLButtonElement} button @param {number | string} by */
  #begin(button, by) {
    this.release();
    this.#by = by;
    this.#press = { button, sent: 0, repeats: false };
    this.#pace.begin();
    this.#timer = setTimeout(this.#repeat, HOLD_AFTER_MS);
    this.#onPress(this.#press);
  }

  #repeat = () => {
    const press = /** @type {Press} */ (this.#press);
    press.repeats = true;
    this.#timer = setTimeout(this.#repeat, this.#pace.next());
    this.#onPress(press);
  };

  /** Unless it is a pointer that holds. */
  #releaseKey() {
    if (typeof this.#by === "string") this.release();
  }

  /** @param {number | string} by */
  #releaseBy(by) {
    if (by === this.#by) this.release();
  }
}

/** @param {Event} event */
const buttonOf = ({ target }) => /** @type {HTMLButtonElement | null} */ (/** @type {Element} */ (target).closest("button[data-emoji]"));

/** @param {KeyboardEvent} event */
const isPressKey = ({ key }) => key === "Enter" || key === " ";
