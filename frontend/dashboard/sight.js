/** What a verdict is about: the part of the node's figures that say whether the crowd is heard. */

import { behind, isOnKafka, NOTHING, recentRow, windowDelays } from "./figures.js";
import { clock } from "./format.js";
import { sumOf } from "./ledger.js";
import { MINUTE_MS, MINUTES_MS, NOW_MS } from "./ranges.js";

/** A reaction waits for the end of its window and for its publication; after a few windows it should not any more. */
const PATIENT_WINDOWS = 3;
const PATIENCE_BESIDE_MS = 2_000;

/** @param {number} windowMs */
export const patienceMs = (windowMs) => PATIENT_WINDOWS * windowMs + PATIENCE_BESIDE_MS;

/**
 * @param {Pick<import("./node.js").NodeWatch, "trail" | "backlog" | "ready" | "link" | "heardAtMs">} node
 * @param {{ windowMs: number, interrupted: boolean }} feed
 * @param {number} nowMs On the clock of the trail.
 * @returns {import("./verdict.js").Sight}
 */
export function sightOf({ trail, backlog, ready, link, heardAtMs }, feed, nowMs) {
  const newest = trail.newest?.seen ?? NOTHING;
  const delays = windowDelays(trail, MINUTE_MS);
  return {
    link,
    asOf: heardAtMs > 0 ? clock(heardAtMs) : "",
    ready,
    onKafka: isOnKafka(newest),
    brokersAway: newest.samples("emostream_kafka_reachable").filter(({ value }) => value === 0).map(({ labels }) => labels.stage),
    behind: behind(trail, "window_aggregator"),
    total: sumOf(newest),
    recent: recentRow(trail),
    ratePerSecond: trail.increase(NOW_MS, (seen) => sumOf(seen).accepted).perSecond,
    shedNow: trail.increase(NOW_MS, (seen) => sumOf(seen).shed).amount,
    recentlyLost: trail.increase(MINUTES_MS, (seen) => sumOf(seen).lost).amount,
    backlog: backlog.look(nowMs, patienceMs(feed.windowMs)),
    noRoom: trail.increase(MINUTE_MS, (seen) => seen.sum("emostream_sessions_closed_total", { reason: "overloaded" })).amount,
    delayP99: delays.ofRange && delays.p99 ? delays.p99.value : null,
    interrupted: feed.interrupted,
  };
}
