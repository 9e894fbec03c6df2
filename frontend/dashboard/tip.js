/** What the chart's cursor is on: a small table beside it, and its words for who goes there by keyboard. */

import { BAND_COLOURS, REST_COLOUR } from "./colours.js";
import { element } from "./dom.js";
import { clock, counted, whole } from "./format.js";
import { perWindow } from "./stacking.js";

/** From the cursor, in CSS pixels. */
const DISTANCE = 14;
const OTHERS = "others";

/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {import("./stacking.js").Band} Band */

export class Tip {
  #root;
  #say;
  #said = -1;

  /** @param {HTMLElement} root @param {(words: string) => void} say */
  constructor(root, say) {
    this.#root = root;
    this.#say = say;
  }

  /** @param {Entry | null} entry @param {number} atPx @param {readonly Band[]} bands @param {number} windowMs @param {boolean} byKey */
  show(entry, atPx, bands, windowMs, byKey) {
    this.#root.hidden = entry === null;
    if (!entry) return;
    const lines = linesOf(entry, bands, windowMs);
    this.#root.replaceChildren(
      element("p", { class: "tip-title" }, titleOf(entry)),
      ...lines.map(({ name, value, colour }) => {
        const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
        swatch.style.setProperty("--colour", colour);
        return element("p", {}, swatch, element("span", name === OTHERS ? {} : { class: "emoji" }, name), element("b", {}, whole(value)));
      }),
    );
    this.#place(atPx);
    const spoken = lines.map(({ name, value }) => `${name} ${whole(value)}`).join(", ");
    if (byKey && entry.seq !== this.#said) this.#say(`${titleOf(entry)}. ${spoken}`);
    this.#said = byKey ? entry.seq : -1;
  }

  /** On the side where there is room. @param {number} atPx */
  #place(atPx) {
    const frame = /** @type {HTMLElement} */ (this.#root.parentElement);
    const onLeft = atPx > frame.clientWidth / 2;
    this.#root.style.left = onLeft ? "auto" : `${atPx + DISTANCE}px`;
    this.#root.style.right = onLeft ? `${frame.clientWidth - atPx + DISTANCE}px` : "auto";
  }
}

/** @param {Entry} entry */
function titleOf({ startMs, endMs, total, span }) {
  const merged = span > 1 ? `, ${span} windows in one frame` : "";
  return `${clock(startMs)} – ${clock(endMs)}: ${counted(total, "reaction")}${merged}`;
}

/** @param {Entry} entry @param {readonly Band[]} bands @param {number} windowMs */
function linesOf(entry, bands, windowMs) {
  const { own, rest, numWindows } = perWindow(entry, bands, windowMs);
  const lines = bands.map(({ emoji, slot }, place) => ({ name: emoji, value: own[place] * numWindows, colour: BAND_COLOURS[slot] }));
  lines.sort((left, right) => right.value - left.value);
  lines.push({ name: OTHERS, value: rest * numWindows, colour: REST_COLOUR });
  return lines.filter(({ value }) => value > 0);
}
