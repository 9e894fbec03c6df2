/** A list of emojis by their count, whose rows glide to their new places. */

import { CountUp } from "./count_up.js";
import { glyph } from "./glyph.js";
import { shortCount } from "./words.js";

const GLIDE = { duration: 520, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" };

/** @typedef {{ item: HTMLLIElement, count: CountUp }} Row */

export class Ranking {
  #section;
  #list;
  /** In the order of the list. @type {Map<string, Row>} */ #rows = new Map();
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
    this.#section = /** @type {HTMLElement} */ (list.parentElement);
  }

  /** @param {[emoji: string, count: number][]} entries Highest first. */
  show(entries) {
    const isNewOrder = [...this.#rows.keys()].join() !== entries.map(([emoji]) => emoji).join();
    const places = isNewOrder ? this.#places() : null;
    /** @type {Map<string, Row>} */
    const rows = new Map();
    for (const [emoji, count] of entries) {
      const row = this.#rows.get(emoji) ?? createRow(emoji);
      row.count.to(count);
      row.item.style.setProperty("--share", (count / entries[0][1]).toFixed(3));
      rows.set(emoji, row);
    }
    this.#rows = rows;
    this.#section.hidden = rows.size === 0;
    if (!places) return;
    this.#arrange();
    if (!this.#lessMotion.matches && !document.hidden) this.#glide(places);
  }

  /** Rows that stay where they are keep their transitions. */
  #arrange() {
    let place = 0;
    for (const { item } of this.#rows.values()) {
      if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
      place += 1;
    }
    while (this.#list.children.length > place) this.#list.lastElementChild?.remove();
  }

  #places() {
    return new Map([...this.#rows].map(([emoji, { item }]) => [emoji, item.getBoundingClientRect()]));
  }

  /** @param {Map<string, DOMRect>} before */
  #glide(before) {
    const after = this.#places();
    for (const [emoji, { item }] of this.#rows) {
      const from = before.get(emoji);
      const to = /** @type {DOMRect} */ (after.get(emoji));
      const start = from
        ? { transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }
        : { opacity: 0, transform: "scale(0.8)" };
      item.animate([start, {}], GLIDE);
    }
  }
}

/** @param {string} emoji @returns {Row} */
function createRow(emoji) {
  const item = document.createElement("li");
  const bar = document.createElement("span");
  const count = document.createElement("span");
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  count.className = "count";
  item.append(glyph(emoji), bar, count);
  return { item, count: new CountUp(count, shortCount) };
}
