/** The picker of all emojis: a library that is loaded when it is opened for the first time, and never before. */

import { prepareDialog } from "./dialog.js";
import { canonical, learnName } from "./names.js";

const LIBRARY = "/vendor/emoji-picker-element-1.29.1/picker.js";
const DATA = "/vendor/emoji-picker-element-data-1.8.0/en/emojibase/data.json";
/** Lone skin tones and hair, which are parts of emojis. */
const COMPONENTS = 2;

/** @typedef {CustomEvent<{ unicode?: string, emoji: { annotation: string, group: number } }>} EmojiClick */

export class Picker {
  #dialog;
  #onChoose;
  /** @type {Promise<HTMLElement> | undefined} */ #loaded;
  #numFailures = 0;

  /** @param {HTMLDialogElement} dialog @param {(emoji: string) => void} onChoose */
  constructor(dialog, onChoose) {
    this.#dialog = dialog;
    this.#onChoose = onChoose;
    prepareDialog(dialog);
  }

  async open() {
    this.#dialog.showModal();
    const status = /** @type {HTMLElement} */ (this.#dialog.querySelector("[role=status]"));
    try {
      const picker = await (this.#loaded ??= this.#load());
      status.hidden = true;
      startSearch(picker);
    } catch {
      this.#loaded = undefined;
      this.#numFailures += 1;
      status.textContent = "The emojis could not be loaded. Close this and try again";
    }
  }

  async #load() {
    if (this.#numFailures === 0) divertStyleAttributes();
    // Some browsers remember that an address could not be imported.
    await import(this.#numFailures === 0 ? LIBRARY : `${LIBRARY}?attempt=${this.#numFailures}`);
    const picker = document.createElement("emoji-picker");
    picker.className = "dark";
    picker.setAttribute("data-source", DATA);
    picker.addEventListener("emoji-click", (event) => this.#choose(/** @type {EmojiClick} */ (event)));
    this.#dialog.querySelector(".sheet-body")?.append(picker);
    return picker;
  }

  /** @param {EmojiClick} event */
  #choose({ detail: { unicode, emoji } }) {
    if (unicode === undefined || emoji.group === COMPONENTS) return;
    const chosen = canonical(unicode);
    learnName(chosen, emoji.annotation);
    this.#dialog.close();
    this.#onChoose(chosen);
  }
}

/** @param {HTMLElement} picker */
function startSearch(picker) {
  const search = /** @type {HTMLInputElement | null | undefined} */ (picker.shadowRoot?.querySelector("input[type=search]"));
  if (!search) return;
  if (search.value !== "") {
    search.value = "";
    search.dispatchEvent(new Event("input"));
  }
  // A keyboard on the screen would cover half of the emojis, so there it comes when it is asked for.
  if (!matchMedia("(pointer: coarse)").matches) search.focus();
}

/**
 * The library writes style attributes, which the content security policy refuses. The same text as a property is not refused: it
 * cannot come from markup.
 */
function divertStyleAttributes() {
  const { setAttribute } = Element.prototype;
  /** @this {Element} @param {string} name @param {string} value */
  Element.prototype.setAttribute = function write(name, value) {
    if (name === "style" && this instanceof HTMLElement) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}
