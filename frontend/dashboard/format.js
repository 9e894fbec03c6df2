/** Numbers, times and names as this page writes them. */

const wholeFormat = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenthFormat = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compactFormat = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** @param {number} value */
export const whole = (value) => wholeFormat.format(value);

/** As many digits as an eye takes in: small rates have a tenth. @param {number} value */
export const rate = (value) => (value < 10 ? tenthFormat : wholeFormat).format(value);

/** For axes and narrow places. @param {number} value */
export const compact = (value) => compactFormat.format(value);

/** @param {number} value In [0, 1]. */
export const percent = (value) => (value > 0 && value < 0.001 ? "< 0.1 %" : `${tenthFormat.format(value * 100)} %`);

/** @param {number} ms Unix time. */
export const clock = (ms) => clockFormat.format(ms);

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${ms < 10 ? tenthFormat.format(ms) : wholeFormat.format(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds < 10 ? tenthFormat.format(seconds) : wholeFormat.format(seconds)} s`;
  const minutes = seconds / 60;
  return minutes < 120 ? `${wholeFormat.format(Math.floor(minutes))} min` : `${wholeFormat.format(Math.floor(minutes / 60))} h`;
}

/** A time that passes, in whole seconds. @param {number} ms */
export const age = (ms) => duration(Math.max(1, Math.round(ms / 1000)) * 1000);

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

/** @param {import("./quantile.js").Quantile | null} quantile Of seconds. */
export const delay = (quantile) => (quantile === null ? "–" : `${quantile.sign} ${duration(quantile.value * 1000)}`);

/** `a`, `a and b`, `a, b and c`. @param {string[]} names */
export const listed = (names) => new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names);
