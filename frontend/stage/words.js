/** What the page says of itself, in one place. */

const STREAM_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** From here on a count is shortened where room is scarce. */
const SHORTENED_FROM = 100_000;

const exact = new Intl.NumberFormat("en");
const rough = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** @param {string} name */
export const isStreamName = (name) => STREAM_NAME.test(name);

/** @param {number} count */
export const countWords = (count) => exact.format(count);

/** @param {number} count */
export const shortCount = (count) => (count < SHORTENED_FROM ? exact : rough).format(count);

/** @type {Record<number, string>} */
const CLOSED = {
  1008: "The server has ended this connection",
  4001: "This page is not authorised to connect",
  4003: "This page may not connect to this server",
};

/** @param {import("/sdk/shapes.js").StateDetail} detail @param {boolean} [interrupted] No windows come for now. */
export function connectionWords({ state, code }, interrupted = false) {
  if (state === "open") return interrupted ? "Reactions are delayed" : "Live";
  if (state === "waiting") return "Connection lost, coming back by itself";
  return CLOSED[code ?? 0] ?? "Disconnected";
}

/** @param {string} code Of the error that refused a reaction. */
export function refusalWords(code) {
  if (code.includes("limit")) return "That was fast. A little slower, and every one counts";
  if (code.includes("overload")) return "The crowd is very loud right now. That one did not get through";
  if (code === "not_connected") return "Not connected at the moment. That one was not sent";
  if (code === "unknown_outcome") return "The connection broke off. That one may not have been counted";
  return "That one was not accepted";
}

/**
 * The crowd in one sentence.
 *
 * @param {ReadonlyMap<string, number>} counts Of the last minute. @param {number} total Of the last minute.
 * @param {(emoji: string) => string} nameOf
 */
export function crowdWords(counts, total, nameOf) {
  const [first] = [...counts].sort((left, right) => right[1] - left[1]);
  const sum = `${countWords(total)} ${total === 1 ? "reaction" : "reactions"} in the last minute`;
  if (!first || total === 1) return first ? `${sum}, ${nameOf(first[0])}` : sum;
  return `${sum}, ${first[1] > total / 2 ? `most of them ${nameOf(first[0])}` : `${nameOf(first[0])} most often`}`;
}
