/** The four figures under the verdict. */

import { byId, write } from "./dom.js";
import { windowDelays } from "./figures.js";
import { age, clock, delay, duration, rate, whole } from "./format.js";
import { MINUTES_MS, rangeWords } from "./ranges.js";
import { patienceMs } from "./sight.js";

/** A rate is of this long at least, so that short windows do not make it flicker. */
const RATE_MS = 2_000;

/** @param {import("./feed.js").Feed} feed */
export function showStreamFigures(feed) {
  const { history, windowMs, isOpen, interrupted, heardAtMs } = feed;
  const known = heardAtMs > 0;
  const asOf = known && (!isOpen || interrupted) ? `as of ${clock(heardAtMs)}` : "";
  // A stream without reactions has no windows after a while.
  const quietMs = Date.now() - heardAtMs;
  const isQuiet = known && asOf === "" && quietMs > patienceMs(windowMs);
  write(byId("rate"), known ? rate(isQuiet ? 0 : history.rate(RATE_MS)) : "–");
  write(byId("total"), known ? whole(feed.total) : "–");
  write(byId("rate-note"), asOf || (isQuiet ? `no window for ${age(quietMs)}` : `in windows of ${duration(windowMs)}`));
  write(byId("total-note"), asOf || `in ${feed.stream} since the start`);
}

/**
 * @param {import("./feed.js").Feed} feed
 * @param {number | undefined} sessions On this node, for a server that does not count the viewers of a stream.
 */
export function showViewers(feed, sessions) {
  const viewers = feed.viewers ?? sessions;
  const whose = feed.viewers === undefined ? "sessions on this node" : `of ${feed.stream}`;
  write(byId("viewers"), viewers === undefined ? "–" : whole(viewers));
  if (viewers !== undefined) write(byId("viewers-note"), `${whose}, this page is one`);
}

/** @param {import("./figures.js").MetricsTrail} trail */
export function showDelay(trail) {
  const { p50, p99, ofRange } = windowDelays(trail, MINUTES_MS);
  write(byId("delay"), delay(p99));
  const range = ofRange ? rangeWords(trail, MINUTES_MS) : "since the start";
  write(byId("delay-note"), p50 === null ? "no window was published yet" : `p50 ${delay(p50)}, ${range}`);
}
