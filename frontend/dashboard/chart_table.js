/** The newest windows as a table, for who does not see the chart or wants the figures. */

import { byId, element, Rows } from "./dom.js";
import { clock, whole } from "./format.js";
import { perWindow } from "./stacking.js";

const NUM_ROWS = 60;

/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {import("./stacking.js").Band} Band */
/** @typedef {{ entry: Entry, values: number[] }} Line */

export class ChartTable {
  #box = /** @type {HTMLDetailsElement} */ (byId("table-box"));
  #head = byId("table-head");
  /** A window does not change, so neither does its row. @type {Rows<Line, ReturnType<typeof createRow>>} */
  #rows = new Rows(byId("table"), createRow, () => {});
  #names = "";

  /** @param {() => void} opened */
  constructor(opened) {
    this.#box.addEventListener("toggle", opened);
  }

  /**
   * Nothing is made while nobody has opened it.
   *
   * @param {readonly Entry[]} entries @param {readonly Band[]} bands @param {number} windowMs
   */
  show(entries, bands, windowMs) {
    if (!this.#box.open) return;
    const names = ["Window", "All", ...bands.map(({ emoji }) => emoji), "Others"];
    const lines = entries.slice(-NUM_ROWS).reverse().map((entry) => {
      const { own, rest, numWindows } = perWindow(entry, bands, windowMs);
      return { entry, values: [entry.total, ...[...own, rest].map((value) => value * numWindows)] };
    });
    this.#showHead(names);
    this.#rows.show(lines, ({ entry }) => `${entry.seq} ${entry.span} ${this.#names}`);
  }

  /** @param {string[]} names */
  #showHead(names) {
    if (names.join() === this.#names) return;
    this.#names = names.join();
    this.#head.replaceChildren(element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
  }
}

/** @param {Line} line */
function createRow({ entry, values }) {
  const span = entry.span > 1 ? ` (${entry.span} windows)` : "";
  const head = element("th", { scope: "row" }, `${clock(entry.startMs)}${span}`);
  return { root: element("tr", {}, head, ...values.map((value) => element("td", {}, whole(value)))) };
}
