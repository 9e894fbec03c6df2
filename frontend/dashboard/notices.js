/** What else one on call wants to know: events that should not be, beside those that the verdict is about. */

import { whole } from "./format.js";
import { MINUTES_MS, rangeWords } from "./ranges.js";

/** @typedef {import("./exposition.js").Labels} Labels */
/** @typedef {import("./figures.js").MetricsTrail} MetricsTrail */
/** @typedef {{ name: string, words: string }} Notice */

/**
 * @typedef {object} Watched A counter that should not rise.
 * @property {string} name
 * @property {string} what The event, after how often it was.
 * @property {string} [by] Label that says where.
 * @property {(labels: Labels) => boolean} [only]
 * @property {boolean} [lasts] A bug has struck: said until the next start, and not just while it is recent.
 */

/** @type {Watched[]} */
const WATCHED = [
  { name: "actor_deaths_total", by: "actor", lasts: true, what: "an actor died and was rebuilt" },
  {
    name: "http_responses_total", by: "route", lasts: true, only: ({ status }) => status === "500",
    what: "a request ended in a panic",
  },
  { name: "windows_absorbed_total", by: "edge", lasts: true, what: "a window was left to the next one, totals are right" },
  { name: "partitions_late_total", what: "a window did not wait for a late partition" },
  { name: "mailbox_full_total", by: "edge", what: "a mailbox was full, nothing is lost by it" },
  { name: "kafka_refused_total", by: "stage", what: "the brokers refused a record" },
  { name: "kafka_poison_total", by: "topic", what: "a record could not be used and was passed by" },
  {
    name: "kafka_transactions_total", by: "stage", only: ({ outcome }) => outcome !== "committed",
    what: "a transaction did not commit, counts stay right",
  },
  { name: "kafka_rebalances_total", by: "stage", what: "partitions changed hands" },
];

/** @param {MetricsTrail} trail @returns {Notice[]} */
export function noticesOf(trail) {
  return WATCHED.flatMap((watched) => {
    const places = placesOf(trail, watched);
    const total = [...places.values()].reduce((sum, amount) => sum + amount, 0);
    if (total <= 0) return [];
    const range = watched.lasts ? "since the start" : `in the ${rangeWords(trail, MINUTES_MS)}`;
    const where = watched.by ? `: ${[...places.keys()].join(", ")}` : "";
    return [{ name: watched.name, words: `${whole(total)}× ${watched.what}, ${range}${where}` }];
  });
}

/** How often, by place. @param {MetricsTrail} trail @param {Watched} watched */
function placesOf(trail, { name, by, only = () => true, lasts = false }) {
  const samples = (trail.newest?.seen.samples(`emostream_${name}`) ?? []).filter(({ labels }) => only(labels));
  /** @type {Map<string, number>} */
  const amounts = new Map();
  for (const { labels, value } of samples) {
    const amount = lasts ? value : trail.increase(MINUTES_MS, (seen) => seen.sum(`emostream_${name}`, labels)).amount;
    const place = by ? labels[by] : "";
    if (amount > 0) amounts.set(place, (amounts.get(place) ?? 0) + amount);
  }
  return amounts;
}
