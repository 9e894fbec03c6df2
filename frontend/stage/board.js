/** The numbers: how much there is in all, how fast it grows, and what is sent most. */

import { CountUp } from "./count_up.js";
import { byId } from "./dom.js";
import { Pulse } from "./pulse.js";
import { Ranking } from "./ranking.js";
import { highest } from "./recent.js";
import { countWords } from "./words.js";

const TOP = 5;
/** How far back `now` reaches. */
const NOW_MS = 10_000;
/** Time over which the rate is taken, so that one window alone does not make it flicker. */
const RATE_MS = 4_000;
/** Both reach through at least as many windows. */
const FEWEST_WINDOWS = 2;
/** Reactions per second, as a power of ten, at which the lights are at their brightest. */
const BRIGHTEST_DECADE = 4.5;

/** @typedef {import("./recent.js").Recent} Recent */
/** @typedef {{ total: number, totals: ReadonlyMap<string, number> }} Totals */

export class Board {
  #totalElement = byId("total");
  #total = new CountUp(this.#totalElement, countWords);
  #now = new Ranking(byId("now"));
  #ever = new Ranking(byId("ever"));
  #pulse = new Pulse(byId("pulse"));

  /** The totals at the begin of a connection. @param {Totals} totals */
  begin(totals) {
    this.#showTotals(totals);
    this.#pulse.clear();
    this.#now.show([]);
  }

  /** @param {Totals} totals @param {Recent} recent @param {number} windowMs */
  show(totals, recent, windowMs) {
    this.#showTotals(totals);
    this.#now.show(highest(recent.counts(Math.max(NOW_MS, FEWEST_WINDOWS * windowMs)), TOP));
    this.#pulse.show(recent, windowMs);
    const rateMs = Math.max(RATE_MS, FEWEST_WINDOWS * windowMs);
    this.#showRate(recent.total(rateMs) / (rateMs / 1000));
  }

  /** Without a connection nobody knows how many watch and how loud it is. */
  pause() {
    this.showViewers(undefined);
    this.#showRate(0);
  }

  /** @param {number | undefined} viewers */
  showViewers(viewers) {
    const element = byId("viewers");
    element.hidden = viewers === undefined;
    element.textContent = viewers === undefined ? "" : `${countWords(viewers)} watching`;
  }

  /** @param {number} accepted */
  showOwn(accepted) {
    const element = byId("you");
    element.hidden = false;
    element.textContent = `You: ${countWords(accepted)}`;
  }

  /** @param {Totals} totals */
  #showTotals({ total, totals }) {
    this.#totalElement.style.setProperty("--digits", String(Math.max(5, countWords(total).length)));
    this.#total.to(total);
    byId("total-label").textContent = total === 1 ? "reaction" : "reactions";
    byId("invitation").hidden = total > 0;
    this.#ever.show(highest(totals, TOP));
  }

  /** @param {number} perSecond */
  #showRate(perSecond) {
    const rate = byId("rate");
    rate.hidden = perSecond < 1;
    rate.textContent = `${countWords(Math.round(perSecond))} a second`;
    const energy = Math.min(1, Math.log10(1 + perSecond) / BRIGHTEST_DECADE);
    document.body.style.setProperty("--energy", energy.toFixed(2));
  }
}
