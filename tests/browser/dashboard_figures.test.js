/** What the dashboard makes of a node's metrics. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Exposition } from "../../frontend/dashboard/exposition.js";
import { behind, isOnKafka, mergedFrames, recentRow, stagesOf, windowDelays } from "../../frontend/dashboard/figures.js";
import { age, compact, delay, duration, percent, rate } from "../../frontend/dashboard/format.js";
import { settled, sumOf } from "../../frontend/dashboard/ledger.js";
import { noticesOf } from "../../frontend/dashboard/notices.js";
import { policyChanges, policyWords } from "../../frontend/dashboard/policy.js";
import { between, quantile } from "../../frontend/dashboard/quantile.js";
import { rangeWords } from "../../frontend/dashboard/ranges.js";
import { Trail } from "../../frontend/dashboard/trail.js";

const MINUTE_MS = 60_000;

/** A trail of what a node has shown, a look every two seconds. @param {string[]} texts @param {number} [everyMs] */
function trailOf(texts, everyMs = 2_000) {
  /** @type {Trail<Exposition>} */
  const trail = new Trail(5 * MINUTE_MS);
  texts.forEach((text, index) => trail.add(index * everyMs, new Exposition(text)));
  return trail;
}

/** @param {number[]} counts Cumulative, for 1 ms, 10 ms, 100 ms and above. */
const delays = (counts) => counts.map((count, index) => (
  `emostream_window_delay_seconds_bucket{le="${["0.001", "0.01", "0.1", "+Inf"][index]}"} ${count}`
)).join("\n");

test("a sample has a name, labels and a value, and everything else is passed over", () => {
  const seen = new Exposition([
    "# HELP emostream_sessions Open sessions",
    "# TYPE emostream_sessions gauge",
    'emostream_sessions{cluster="1"} 3',
    'emostream_sessions{cluster="12"} 4e2',
    "emostream_streams 2",
    "no sample at all",
    "",
  ].join("\n"));
  assert.deepEqual(seen.samples("emostream_sessions"), [
    { labels: { cluster: "1" }, value: 3 },
    { labels: { cluster: "12" }, value: 400 },
  ]);
  assert.equal(seen.sum("emostream_sessions"), 403);
  assert.equal(seen.sum("emostream_sessions", { cluster: "1" }), 3);
  assert.equal(seen.sum("emostream_streams"), 2);
  assert.equal(seen.sum("emostream_never_seen"), 0);
  assert.ok(seen.has("emostream_streams") && !seen.has("emostream_never_seen"));
});

test("labels may hold quotes, backslashes, line ends, commas and braces", () => {
  const [sample] = new Exposition('m{route="/admin/clusters/{id}",a="x,y",b="q\\"b\\\\s\\nl"} 1').samples("m");
  assert.deepEqual(sample, { labels: { route: "/admin/clusters/{id}", a: "x,y", b: 'q"b\\s\nl' }, value: 1 });
});

test("infinity and what is no number are read as such", () => {
  const seen = new Exposition("a +Inf\nb -Inf\nc NaN");
  assert.equal(seen.sum("a"), Infinity);
  assert.equal(seen.sum("b"), -Infinity);
  assert.ok(Number.isNaN(seen.sum("c")));
});

test("a counter's increase is that of the range, also where its series begins in it", () => {
  const trail = trailOf(["", "n 5", "n 9", "n 9"], 20_000);
  assert.deepEqual(trail.increase(MINUTE_MS, (seen) => seen.sum("n")), { amount: 9, seconds: 60, perSecond: 0.15 });
  assert.deepEqual(trail.increase(40_000, (seen) => seen.sum("n")), { amount: 4, seconds: 40, perSecond: 0.1 });
  assert.deepEqual(trail.increase(1_000, (seen) => seen.sum("n")), { amount: 0, seconds: 0, perSecond: 0 });
});

test("a trail forgets what is older than it is asked to keep", () => {
  /** @type {Trail<number>} */
  const trail = new Trail(10);
  for (const atMs of [0, 5, 11, 15]) trail.add(atMs, atMs);
  assert.deepEqual(trail.within(1_000).map(({ seen }) => seen), [5, 11, 15]);
  trail.clear();
  assert.equal(trail.newest, undefined);
});

test("a figure says what it is of while the page has not been there for longer", () => {
  assert.equal(rangeWords(trailOf(["", "", ""]), MINUTE_MS), "last 4 s");
  assert.equal(rangeWords(trailOf(Array(31).fill("")), MINUTE_MS), "last minute");
  assert.equal(rangeWords(trailOf(Array(31).fill("")), 5 * MINUTE_MS), "last 60 s");
  assert.equal(rangeWords(trailOf(Array(200).fill("")), 5 * MINUTE_MS), "last 5 min");
});

test("a quantile inside a bucket is an estimate, at a bound it is at most that, beyond the last it is more", () => {
  const of = (/** @type {number[]} */ counts, /** @type {number} */ share) => quantile({ bounds: [1, 3, 9, Infinity], counts }, share);
  assert.deepEqual(of([0, 10, 10, 10], 0.5), { value: 2, sign: "≈" });
  assert.deepEqual(of([10, 10, 10, 10], 0.99), { value: 1, sign: "≤" });
  assert.deepEqual(of([5, 10, 10, 10], 0.5), { value: 1, sign: "≤" });
  assert.deepEqual(of([0, 10, 10, 10], 1), { value: 3, sign: "≤" });
  assert.deepEqual(of([0, 0, 0, 10], 0.5), { value: 9, sign: ">" });
  assert.equal(of([0, 0, 0, 0], 0.5), null);
  assert.equal(quantile({ bounds: [], counts: [] }, 0.5), null);
});

test("delays are those of the range, however slow windows were before", () => {
  const slow = [0, 0, 100, 100];
  const trail = trailOf([delays(slow), delays([0, 10, 110, 110])]);
  const { p50, p99, ofRange } = windowDelays(trail, MINUTE_MS);
  assert.ok(ofRange);
  assert.ok(p50 && Math.abs(p50.value - 0.0055) < 1e-12 && p50.sign === "≈");
  assert.ok(p99 && p99.value < 0.01);
});

test("while there are too few windows in the range, delays are those since the start", () => {
  const { p50, ofRange } = windowDelays(trailOf([delays([0, 0, 100, 100]), delays([0, 1, 101, 101])]), MINUTE_MS);
  assert.equal(ofRange, false);
  assert.ok(p50 && p50.value > 0.05);
  assert.deepEqual(windowDelays(trailOf([]), MINUTE_MS), { p50: null, p99: null, ofRange: false });
});

test("what came between two looks is their difference, bucket by bucket", () => {
  const bounds = [1, Infinity];
  assert.deepEqual(between({ bounds, counts: [5, 9] }, { bounds, counts: [2, 3] }), { bounds, counts: [3, 6] });
});

const books = (/** @type {Record<string, number>} */ outcomes, inFlight = 0) => [
  ...Object.entries(outcomes).map(([outcome, value]) => `emostream_reactions_total{outcome="${outcome}"} ${value}`),
  `emostream_reactions_in_flight ${inFlight}`,
].join("\n");

test("the metrics hold the ledger's sum, and both of its equations", () => {
  const outcomes = { accepted: 100, rejected: 5, limited: 3, shed: 2, unknown_outcome: 1, counted: 90, deduplicated: 4, late_carried: 7, lost: 1 };
  const row = sumOf(new Exposition(books(outcomes, 6)));
  assert.equal(row.received, row.accepted + row.rejected + row.limited + row.shed);
  assert.equal(row.accepted, row.counted + row.in_flight + row.deduplicated);
  assert.equal(settled(row), 95);
  assert.deepEqual([row.received, row.unknown_outcome, row.late_carried], [110, 1, 7]);
});

test("the last minute's row is what was added in it", () => {
  const row = recentRow(trailOf([books({ accepted: 10, counted: 10, shed: 1 }), books({ accepted: 30, counted: 25, shed: 1 }, 5)]));
  assert.deepEqual([row.received, row.accepted, row.counted, row.shed], [20, 20, 15, 0]);
});

test("the share of merged frames is of the frames of the range", () => {
  const frames = (/** @type {number} */ single, /** @type {number} */ merged) => (
    `emostream_frames_total{kind="single"} ${single}\nemostream_frames_total{kind="merged"} ${merged}`
  );
  assert.deepEqual(mergedFrames(trailOf([frames(900, 100), frames(930, 110)])), { single: 30, merged: 10, share: 0.25 });
  assert.deepEqual(mergedFrames(trailOf([""])), { single: 0, merged: 0, share: 0 });
});

test("stages of one name are one, and without Kafka nothing of it is shown", () => {
  const stages = [{ stage: "ingest_0", up: true }, { stage: "ingest_1", up: false }, { stage: "window_merger", up: true }];
  assert.deepEqual(stagesOf({ status: "not ready", stages }, trailOf([""])), [
    { name: "ingest", ups: [true, false], kafka: null },
    { name: "window_merger", ups: [true], kafka: null },
  ]);
  assert.deepEqual(stagesOf(null, trailOf([])), []);
});

/** @param {number} lag @param {number} read */
const onKafka = (lag, read, reachable = 1) => [
  `emostream_kafka_reachable{stage="window_aggregator"} ${reachable}`,
  `emostream_kafka_lag{stage="window_aggregator"} ${lag}`,
  'emostream_kafka_producer_queue{stage="window_aggregator"} 4',
  `emostream_kafka_records_total{stage="window_aggregator",direction="read"} ${read}`,
  `emostream_kafka_records_total{stage="window_aggregator",direction="written"} ${read / 2}`,
].join("\n");

test("on Kafka a stage has its brokers, its lag and its pace beside it", () => {
  const ready = { status: "ready", stages: [{ stage: "window_aggregator", up: true }, { stage: "clusters", up: true }] };
  const trail = trailOf([onKafka(0, 0), onKafka(7, 100, 0)]);
  assert.deepEqual(stagesOf(ready, trail), [
    { name: "window_aggregator", ups: [true], kafka: { reachable: false, lag: 7, queue: 4, readPerSecond: 50, writtenPerSecond: 25 } },
    { name: "clusters", ups: [true], kafka: null },
  ]);
  assert.ok(isOnKafka(new Exposition(onKafka(0, 0))));
});

test("a stage is behind once it has been more than two seconds of its work behind for a while", () => {
  const looks = (/** @type {number} */ lag) => trailOf(Array.from({ length: 6 }, (_, look) => onKafka(lag, look * 200)));
  assert.equal(behind(looks(150), "window_aggregator"), null);
  assert.deepEqual(behind(looks(250), "window_aggregator"), { stage: "window_aggregator", records: 250 });
  assert.equal(behind(trailOf([onKafka(250, 0), onKafka(250, 0)]), "window_aggregator"), null);
  assert.equal(behind(looks(250), "window_merger"), null);
  const caughtUp = trailOf(Array.from({ length: 6 }, (_, look) => onKafka(look < 5 ? 900 : 0, look * 200)));
  assert.equal(behind(caughtUp, "window_aggregator"), null);
});

test("a stage that reads nothing at all is behind with the first record", () => {
  assert.deepEqual(behind(trailOf(Array(6).fill(onKafka(1, 0))), "window_aggregator"), { stage: "window_aggregator", records: 1 });
});

test("rare events are said with their number and their place, and bugs for as long as the node runs", () => {
  const before = [
    'emostream_actor_deaths_total{actor="session"} 2',
    'emostream_mailbox_full_total{edge="windows"} 10',
    'emostream_http_responses_total{route="/emoji",status="200"} 5',
  ].join("\n");
  const after = [
    before.replace(" 10", " 13"),
    'emostream_kafka_transactions_total{stage="window_merger",outcome="committed"} 9',
    'emostream_kafka_poison_total{topic="reactions",reason="json"} 1',
  ].join("\n");
  assert.deepEqual(noticesOf(trailOf([before, after])).map(({ words }) => words), [
    "2× an actor died and was rebuilt, since the start: session",
    "3× a mailbox was full, nothing is lost by it, in the last 2 s: windows",
    "1× a record could not be used and was passed by, in the last 2 s: reactions",
  ]);
  assert.deepEqual(noticesOf(trailOf([""])), []);
});

test("a policy is said in words, and a change is what differs", () => {
  const policy = { top_n: 10, min_count: 5, scale: /** @type {const} */ ({ divisor: 100 }) };
  assert.equal(policyWords(policy), "the first 10, from a count of 5, divided by 100");
  assert.equal(policyWords({ top_n: null, min_count: 0, scale: "brief" }), "all emojis, scale brief");
  assert.deepEqual(policyChanges({ ...policy, top_n: null }, policy), { top_n: null });
  assert.deepEqual(policyChanges({ ...policy, scale: { divisor: 7 } }, policy), { scale: { divisor: 7 } });
  assert.deepEqual(policyChanges(policy, policy), {});
});

test("figures are written for an eye", () => {
  assert.deepEqual([0, 0.25, 9.96, 10.4, 1203.6].map(rate), ["0", "0.3", "10", "10", "1,204"]);
  assert.deepEqual([0.5, 12, 340, 1_200, 61_000, 600_000, 8_000_000].map(duration), ["0.5 ms", "12 ms", "340 ms", "1.2 s", "61 s", "10 min", "2 h"]);
  assert.deepEqual([300, 12_400].map(age), ["1 s", "12 s"]);
  assert.deepEqual([0, 0.0004, 0.021].map(percent), ["0 %", "< 0.1 %", "2.1 %"]);
  assert.equal(compact(12_300), "12.3K");
  assert.equal(delay({ value: 0.01, sign: "≤" }), "≤ 10 ms");
  assert.equal(delay(null), "–");
});
