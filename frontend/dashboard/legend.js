/** The chart's legend: a switch per layer. */

import { BAND_COLOURS, REST_COLOUR } from "./colours.js";
import { element, Rows, write } from "./dom.js";
import { whole } from "./format.js";

/** The key of all others; no emoji. */
const REST = "";

/** @typedef {{ emoji: string, sum: number, colour: string }} Item */

export class Legend {
  /** @type {Set<string>} */ #hidden = new Set();
  /** @type {Rows<Item, ReturnType<typeof createSwitch>>} */ #rows;
  #toggled;

  /** @param {HTMLElement} parent @param {() => void} toggled */
  constructor(parent, toggled) {
    this.#toggled = toggled;
    this.#rows = new Rows(parent, (item) => createSwitch(item, () => this.#toggle(item.emoji)), (row, item) => this.#fill(row, item));
  }

  clear() {
    this.#hidden.clear();
  }

  /** @param {string} emoji */
  isHidden = (emoji) => this.#hidden.has(emoji);

  get hidesRest() { return this.#hidden.has(REST); }

  /** @param {import("./stacking.js").Band[]} bands @param {number} rest */
  show(bands, rest) {
    const items = bands.map(({ emoji, sum, slot }) => ({ emoji, sum, colour: BAND_COLOURS[slot] }));
    if (rest > 0) items.push({ emoji: REST, sum: rest, colour: REST_COLOUR });
    this.#rows.show(items, ({ emoji }) => emoji);
  }

  /** @param {string} emoji */
  #toggle(emoji) {
    if (!this.#hidden.delete(emoji)) this.#hidden.add(emoji);
    this.#toggled();
  }

  /** @param {ReturnType<typeof createSwitch>} row @param {Item} item */
  #fill({ root, sum }, item) {
    root.setAttribute("aria-pressed", String(!this.#hidden.has(item.emoji)));
    root.style.setProperty("--colour", item.colour);
    write(sum, whole(item.sum));
  }
}

/** @param {Item} item @param {() => void} toggle */
function createSwitch({ emoji }, toggle) {
  const sum = element("span", { class: "sum" });
  const name = emoji === REST ? element("span", {}, "others") : element("span", { class: "emoji" }, emoji);
  const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
  const root = element("button", { type: "button", class: "switch" }, swatch, name, sum);
  root.addEventListener("click", toggle);
  return { root, sum };
}
