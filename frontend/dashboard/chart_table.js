/** The newest windows as a table, for who does not see the chart or wants the figures. */

import { byId, element } from "./dom.js";
import { clock, whole } from "./format.js";
import { perWindow } from "./stacking.js";

const NUM_ROWS = 30;

/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {import("./stacking.js").Band} Band */

export class ChartTable {
  #box = /** @type {HTMLDetailsElement} */ (byId("table-box"));
  #table = byId("table");

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
    const rows = entries.slice(-NUM_ROWS).reverse().map((entry) => {
      const { own, rest, numWindows } = perWindow(entry, bands, windowMs);
      const cells = [entry.total, ...own.map((value) => value * numWindows), rest * numWindows];
      const span = entry.span > 1 ? ` (${entry.span} windows)` : "";
      const window = element("th", { scope: "row" }, `${clock(entry.startMs)}${span}`);
      return element("tr", {}, window, ...cells.map((value) => element("td", {}, whole(value))));
    });
    const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
    this.#table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }
}
