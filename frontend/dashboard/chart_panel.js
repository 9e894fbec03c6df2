/** The panel of the chart: range, legend, what the cursor is on, and what there is to read where there is nothing to see. */

import { Chart } from "./chart.js";
import { ChartTable } from "./chart_table.js";
import { byId, write } from "./dom.js";
import { showFirst } from "./first.js";
import { counted, duration, whole } from "./format.js";
import { Legend } from "./legend.js";
import { lastMinutes } from "./ranges.js";
import { Bands, stack } from "./stacking.js";
import { Tip } from "./tip.js";

/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {import("./feed.js").Feed} Feed */

const DEFAULT_MINUTES = 5;

export class ChartPanel {
  #bands = new Bands();
  #feed;
  #minutes = DEFAULT_MINUTES;
  #legend;
  #tip;
  #table = new ChartTable(() => this.show());
  #chart;
  /** @type {import("./stacking.js").Band[]} */ #shown = [];

  /** @param {Feed} feed @param {(words: string) => void} say */
  constructor(feed, say) {
    this.#feed = feed;
    this.#legend = new Legend(byId("legend"), () => this.show());
    this.#tip = new Tip(byId("chart-tip"), say);
    this.#chart = new Chart(byId("chart"), (entry, atPx, byKey) => this.#tip.show(entry, atPx, this.#shown, this.#feed.windowMs, byKey));
    for (const button of byId("range").querySelectorAll("button")) {
      button.addEventListener("click", () => this.#choose(Number(button.dataset.minutes)));
    }
  }

  /** Another stream has other emojis, and other things to hide. */
  clear() {
    this.#bands = new Bands();
    this.#legend.clear();
  }

  show() {
    const { history, windowMs, serverNowMs } = this.#feed;
    const toMs = Math.max(history.newest?.endMs ?? 0, serverNowMs);
    const fromMs = toMs - this.#minutes * 60_000;
    const visible = history.entries.filter(({ endMs }) => endMs > fromMs);
    const { bands, rest } = this.#bands.rank(visible);
    this.#shown = bands;
    this.#legend.show(bands, rest);
    const layers = stack(visible, bands, windowMs, this.#legend);
    this.#chart.show({ layers, bands, entries: visible, fromMs, toMs });
    this.#table.show(visible, bands, windowMs);
    write(byId("chart-summary"), summary(visible, bands, windowMs, this.#minutes));
    showFirst(this.#feed);
  }

  /** @param {number} minutes */
  #choose(minutes) {
    this.#minutes = minutes;
    for (const button of byId("range").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.minutes) === minutes));
    }
    this.show();
  }
}

/** @param {readonly Entry[]} entries @param {import("./stacking.js").Band[]} bands @param {number} windowMs @param {number} minutes */
function summary(entries, bands, windowMs, minutes) {
  const total = entries.reduce((sum, entry) => sum + entry.total, 0);
  if (total === 0) return `No reactions in the ${lastMinutes(minutes)}.`;
  const first = bands.reduce((most, band) => (band.sum > most.sum ? band : most), bands[0]);
  const most = first ? `, most of all ${first.emoji} (${whole(first.sum)})` : "";
  const merged = entries.some(({ span }) => span > 1) ? " Hatched: several windows that came as one frame, drawn as their mean." : "";
  const isCut = entries.some(({ total: all, counts }) => all > [...counts.values()].reduce((sum, count) => sum + count, 0));
  const cut = isCut ? " The policy of this page's cluster does not list every emoji; those are among the others." : "";
  return `Per window of ${duration(windowMs)}: ${counted(total, "reaction")} in the ${lastMinutes(minutes)}${most}.${merged}${cut}`;
}
