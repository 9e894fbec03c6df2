/** The bar to send from. */

import { glyph } from "./glyph.js";
import { spokenName } from "./names.js";
import { Slots } from "./slots.js";

/** Of the button for more: a face and a plus. */
const ICON = "M12 3a9 9 0 1 0 9 9M8.5 14.2c1.8 2.6 5.2 2.6 7 0M9 9.4v.2M15 9.4v.2M19 2.5v6M16 5.5h6";

export class Palette {
  #bar;
  #slots = new Slots();
  /** By place. @type {HTMLElement[]} */ #cells = [];
  #enabled = false;
  #run = document.createElement("span");

  /** @param {HTMLElement} bar @param {() => void} onMore */
  constructor(bar, onMore) {
    this.#bar = bar;
    this.#run.className = "run";
    this.#run.setAttribute("aria-hidden", "true");
    this.#cells = this.#slots.emojis.map((emoji) => this.#createCell(emoji));
    bar.append(...this.#cells, createMore(onMore));
  }

  /** Takes in what the crowd sends, where there is room for it. @param {[emoji: string, count: number][]} ranked Highest first. */
  offer(ranked) {
    this.#slots.offer(ranked);
    this.#refresh();
  }

  /** Gives an emoji that the person chose a place. @param {string} emoji @returns {HTMLButtonElement} */
  choose(emoji) {
    const place = this.#slots.choose(emoji);
    this.#refresh();
    return /** @type {HTMLButtonElement} */ (this.#cells[place]);
  }

  /** @param {string} emoji */
  used(emoji) { this.#slots.used(emoji); }

  /** Buttons stay focusable while nothing can be sent: a keyboard user keeps the place. @param {boolean} enabled */
  enable(enabled) {
    this.#enabled = enabled;
    for (const cell of this.#cells) {
      if (cell instanceof HTMLButtonElement) cell.setAttribute("aria-disabled", String(!enabled));
    }
  }

  /** A press that goes on, and how many of it were accepted. @param {import("./hold.js").Press} press */
  showRun({ button, sent }) {
    button.classList.add("held");
    this.#run.textContent = `×${sent}`;
    if (this.#run.parentElement !== button && sent > 1) button.append(this.#run);
  }

  endRun() {
    for (const cell of this.#bar.querySelectorAll(".held")) cell.classList.remove("held");
    this.#run.remove();
  }

  #refresh() {
    this.#slots.emojis.forEach((emoji, place) => {
      const cell = this.#cells[place];
      if (cell.dataset.emoji === emoji) return;
      const fresh = this.#createCell(emoji);
      fresh.classList.add("arrived");
      cell.replaceWith(fresh);
      this.#cells[place] = fresh;
    });
  }

  /** @param {string | undefined} emoji */
  #createCell(emoji) {
    if (emoji === undefined) {
      const vacant = document.createElement("span");
      vacant.className = "vacant";
      return vacant;
    }
    const button = document.createElement("button");
    const face = glyph(emoji);
    face.setAttribute("aria-hidden", "true");
    button.type = "button";
    button.dataset.emoji = emoji;
    button.setAttribute("aria-label", `Send ${spokenName(emoji)}`);
    button.setAttribute("aria-disabled", String(!this.#enabled));
    button.append(face);
    return button;
  }
}

/** @param {() => void} onMore */
function createMore(onMore) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "more";
  button.setAttribute("aria-label", "More emojis");
  button.setAttribute("aria-haspopup", "dialog");
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICON);
  icon.append(path);
  button.append(icon);
  button.addEventListener("click", onMore);
  return button;
}
