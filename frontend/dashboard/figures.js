/** Figures of a node that take more than one metric, or more than one look at it. */

import { Exposition } from "./exposition.js";
import { sumOf } from "./ledger.js";
import { between, histogramOf, observed, quantile } from "./quantile.js";
import { MINUTE_MS, MINUTES_MS, NOW_MS } from "./ranges.js";

/** @typedef {import("./ledger.js").LedgerRow} LedgerRow */
/** @typedef {import("./quantile.js").Quantile} Quantile */
/** @typedef {import("./trail.js").Trail<Exposition>} MetricsTrail */

/** Fewer windows than this have no telling quantiles. */
const LEAST_WINDOWS = 5;
/** What waits in Kafka may be this many seconds of work. */
const LAG_SECONDS = 2;

/** A node of which nothing is known yet. */
export const NOTHING = new Exposition("");

/** @param {Exposition} seen */
export const isOnKafka = (seen) => seen.has("emostream_kafka_reachable");

/** @param {Exposition} seen @param {string} stage */
const lag = (seen, stage) => seen.sum("emostream_kafka_lag", { stage });

/** The ledger's sum over the last minute. @param {MetricsTrail} trail @returns {LedgerRow} */
export function recentRow(trail) {
  const row = { ...sumOf(NOTHING) };
  for (const column of /** @type {(keyof LedgerRow)[]} */ (Object.keys(row))) {
    row[column] = trail.increase(MINUTE_MS, (seen) => sumOf(seen)[column]).amount;
  }
  return row;
}

/**
 * How long windows took from their end to their publication: those of the range, or all since the start while there are too
 * few of them.
 *
 * @param {MetricsTrail} trail @param {number} rangeMs
 * @returns {{ p50: Quantile | null, p99: Quantile | null, ofRange: boolean }}
 */
export function windowDelays(trail, rangeMs) {
  const marks = trail.within(rangeMs);
  const last = delaysSeen(marks.at(-1)?.seen ?? NOTHING);
  const recent = between(last, delaysSeen(marks[0]?.seen ?? NOTHING));
  const ofRange = observed(recent) >= LEAST_WINDOWS;
  const shown = ofRange ? recent : last;
  return { p50: quantile(shown, 0.5), p99: quantile(shown, 0.99), ofRange };
}

/** @param {Exposition} seen */
const delaysSeen = (seen) => histogramOf(seen, "emostream_window_delay_seconds");

/**
 * Which part of the frames of the last minutes sum several windows, since their readers were slow or had been away.
 *
 * @param {MetricsTrail} trail
 */
export function mergedFrames(trail) {
  const of = (/** @type {string} */ kind) => trail.increase(MINUTES_MS, (seen) => seen.sum("emostream_frames_total", { kind })).amount;
  const [single, merged] = [of("single"), of("merged")];
  return { single, merged, share: merged / Math.max(1, single + merged) };
}

/**
 * What a stage has not read yet, if that is more than seconds of its work and has been for a while.
 *
 * @param {MetricsTrail} trail @param {string} stage @returns {{ stage: string, records: number } | null}
 */
export function behind(trail, stage) {
  const marks = trail.within(NOW_MS);
  const [first, last] = [marks[0], marks.at(-1)];
  if (!last || last.atMs - first.atMs < NOW_MS / 2) return null;
  const read = trail.increase(MINUTE_MS, (seen) => seen.sum("emostream_kafka_records_total", { stage, direction: "read" }));
  const bearable = LAG_SECONDS * read.perSecond;
  return marks.every(({ seen }) => lag(seen, stage) > bearable) ? { stage, records: lag(last.seen, stage) } : null;
}

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {boolean[]} ups One per actor or thread that does its work.
 * @property {KafkaStage | null} kafka
 */

/**
 * @typedef {object} KafkaStage
 * @property {boolean} reachable
 * @property {number | null} lag Null where it reads nothing.
 * @property {number} queue
 * @property {number} readPerSecond
 * @property {number} writtenPerSecond
 */

/**
 * Stages by name, without their numbers.
 *
 * @param {import("./verdict.js").Ready | null} ready @param {MetricsTrail} trail @returns {Stage[]}
 */
export function stagesOf(ready, trail) {
  /** @type {Map<string, boolean[]>} */
  const ups = new Map();
  for (const { stage, up } of ready?.stages ?? []) {
    const name = stage.replace(/_\d+$/, "");
    ups.set(name, [...(ups.get(name) ?? []), up]);
  }
  return [...ups].map(([name, each]) => ({ name, ups: each, kafka: kafkaOf(trail, name) }));
}

/** @param {MetricsTrail} trail @param {string} stage @returns {KafkaStage | null} */
function kafkaOf(trail, stage) {
  const seen = trail.newest?.seen ?? NOTHING;
  const reachable = seen.samples("emostream_kafka_reachable", { stage });
  if (reachable.length === 0) return null;
  const perSecond = (/** @type {string} */ direction) => (
    trail.increase(MINUTE_MS, (then) => then.sum("emostream_kafka_records_total", { stage, direction })).perSecond
  );
  return {
    reachable: reachable[0].value === 1,
    lag: seen.samples("emostream_kafka_lag", { stage })[0]?.value ?? null,
    queue: seen.sum("emostream_kafka_producer_queue", { stage }),
    readPerSecond: perSecond("read"),
    writtenPerSecond: perSecond("written"),
  };
}
