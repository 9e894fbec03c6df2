/** Whether the crowd is being heard: what the dashboard says, and when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backlog } from "../../frontend/dashboard/backlog.js";
import { Exposition } from "../../frontend/dashboard/exposition.js";
import { sumOf } from "../../frontend/dashboard/ledger.js";
import { patienceMs, sightOf } from "../../frontend/dashboard/sight.js";
import { Trail } from "../../frontend/dashboard/trail.js";
import { judge } from "../../frontend/dashboard/verdict.js";

/** @typedef {import("../../frontend/dashboard/verdict.js").Sight} Sight */

const PATIENCE_MS = 8_000;
const NOTHING = sumOf(new Exposition(""));
const CROWD = { ...NOTHING, received: 1_000, accepted: 1_000, counted: 1_000 };
const SETTLED = { inFlight: 0, overdue: 0, ageMs: 0, settledAgoMs: 1_000 };

/** A node on which all is well. @type {Sight} */
const WELL = {
  link: "open", asOf: "21:03:05", ready: { status: "ready", stages: [{ stage: "window_merger", up: true }] },
  onKafka: false, brokersAway: [], behind: null,
  total: CROWD, recent: CROWD, ratePerSecond: 20, shedNow: 0, recentlyLost: 0, backlog: SETTLED, noRoom: 0, delayP99: 0.01, interrupted: false,
};

/** @param {Partial<Sight>} changes */
const said = (changes) => {
  const { kind, level, headline } = judge({ ...WELL, ...changes });
  return [kind, level, headline];
};

/** A backlog that was looked at every second. @param {[accepted: number, settled: number][]} looks */
function backlogOf(looks) {
  const backlog = new Backlog();
  looks.forEach(([accepted, settled], second) => backlog.add(second * 1_000, accepted, settled));
  return backlog.look((looks.length - 1) * 1_000, PATIENCE_MS);
}

test("a crowd that goes on sending always has something in flight, and none of it is overdue", () => {
  const looks = Array.from({ length: 60 }, (_, second) => /** @type {[number, number]} */ ([second * 100, Math.max(0, second - 3) * 100]));
  assert.deepEqual(backlogOf(looks), { inFlight: 300, overdue: 0, ageMs: 2_000, settledAgoMs: 3_000 });
});

test("what does not fall for several windows is overdue, with the time since it was taken in", () => {
  const looks = Array.from({ length: 21 }, (_, second) => /** @type {[number, number]} */ ([second * 100, Math.min(500, second * 100)]));
  // 500 were settled with the look after five seconds; what came with the next one has waited for 14.
  assert.deepEqual(backlogOf(looks), { inFlight: 1_500, overdue: 700, ageMs: 14_000, settledAgoMs: 15_000 });
});

test("a rest that stays when the crowd is silent is overdue as a whole", () => {
  const looks = Array.from({ length: 13 }, () => /** @type {[number, number]} */ ([1_203, 0]));
  assert.deepEqual(backlogOf(looks), { inFlight: 1_203, overdue: 1_203, ageMs: 12_000, settledAgoMs: null });
});

test("nothing is known of what was in flight at first until it is settled", () => {
  assert.equal(backlogOf([[50, 20]]).settledAgoMs, null);
  assert.equal(backlogOf([[50, 20], [90, 50]]).settledAgoMs, 1_000);
  assert.equal(backlogOf([[50, 50]]).settledAgoMs, 0);
});

test("totals that fall are those of another start", () => {
  assert.deepEqual(backlogOf([...Array(12).fill([900, 100]), [3, 3]]), { inFlight: 0, overdue: 0, ageMs: 0, settledAgoMs: 0 });
});

test("a backlog keeps its age for hours, though old looks are thinned out", () => {
  const looks = Array.from({ length: 5_000 }, (_, second) => /** @type {[number, number]} */ ([100 + second, 0]));
  const { overdue, ageMs } = backlogOf(looks);
  assert.equal(ageMs, 4_999_000);
  assert.ok(overdue > 5_000 && overdue <= 5_099, String(overdue));
});

test("all is well", () => {
  assert.deepEqual(said({}), ["counted", "good", "Every reaction is being counted"]);
  assert.equal(judge(WELL).detail, "20 a second come in. 1,000 were accepted, 1,000 are counted.");
  const open = { ...SETTLED, inFlight: 40, settledAgoMs: 2_100 };
  assert.equal(judge({ ...WELL, backlog: open }).detail, "20 a second come in. All that was accepted until 2 s ago is counted.");
  const repeats = { ...CROWD, accepted: 1_005, deduplicated: 5 };
  assert.equal(
    judge({ ...WELL, ratePerSecond: 0, total: repeats }).detail,
    "Nothing comes in right now. 1,005 were accepted, 1,000 are counted, 5 more were repeats.",
  );
});

test("nothing has been sent yet", () => {
  assert.deepEqual(said({ total: NOTHING, recent: NOTHING, ratePerSecond: 0 }), ["silent", "good", "Ready, and nothing has been sent yet"]);
});

test("accepted and counted part", () => {
  assert.deepEqual(
    said({ backlog: { inFlight: 1_300, overdue: 1_203, ageMs: 12_000, settledAgoMs: 12_000 } }),
    ["parted", "bad", "Accepted and counted part: 1,203 in flight for 12 s"],
  );
});

test("on Kafka another node may count, so what is in flight here says nothing, and the lag does", () => {
  const onKafka = { onKafka: true, backlog: { inFlight: 1_300, overdue: 1_203, ageMs: 12_000, settledAgoMs: null } };
  assert.equal(said(onKafka)[0], "counted");
  assert.match(judge({ ...WELL, ...onKafka }).detail, /Kafka holds what was accepted here/);
  assert.deepEqual(
    said({ ...onKafka, behind: { stage: "window_aggregator", records: 12_000 } }),
    ["behind", "bad", "Counting is behind: 12,000 records wait in Kafka"],
  );
});

test("what was lost is said while it is recent, and not forgotten afterwards", () => {
  assert.deepEqual(said({ recentlyLost: 5, total: { ...CROWD, lost: 5 } }), ["lost", "bad", "5 accepted reactions were lost"]);
  assert.deepEqual(said({ recentlyLost: 1, total: { ...CROWD, lost: 1 } })[2], "1 accepted reaction was lost");
  assert.match(judge({ ...WELL, total: { ...CROWD, lost: 5 } }).detail, /5 were lost before\.$/);
});

test("a node that is not ready is named with what is down", () => {
  const stage = (/** @type {string} */ name, up = false) => ({ stage: name, up });
  const of = (/** @type {{ stage: string, up: boolean }[]} */ ...stages) => said({ ready: { status: "not ready", stages } });
  assert.deepEqual(of(stage("ingest_0", true), stage("window_merger")), ["not_ready", "bad", "The node is not ready: window_merger is down"]);
  assert.deepEqual(of(stage("a"), stage("b"))[2], "The node is not ready: a and b are down");
  assert.deepEqual(of(stage("a"), stage("b"), stage("c"), stage("d"))[2], "The node is not ready: 4 stages are down");
  assert.deepEqual(of(stage("a", true))[2], "The node is not ready: it is still starting");
  assert.deepEqual(said({ ready: { status: "draining", stages: [] } }), ["leaving", "bad", "The node is leaving"]);
});

test("brokers that do not answer are the reason, and not the stages that are down for it", () => {
  const ready = { status: "not ready", stages: [{ stage: "ingest", up: false }] };
  assert.deepEqual(said({ ready, onKafka: true, brokersAway: ["ingest"] }), ["brokers_away", "bad", "Kafka does not answer"]);
  assert.match(judge({ ...WELL, brokersAway: ["ingest"] }).detail, /Here, ingest does not reach it\.$/);
  assert.match(judge({ ...WELL, brokersAway: ["a", "b", "c", "d"] }).detail, /Here, 4 stages do not reach it\.$/);
});

test("what is turned away or refused is said with its number", () => {
  assert.deepEqual(said({ shedNow: 3, recent: { ...CROWD, shed: 1_203 } }), ["shed", "bad", "Reactions are turned away: 1,203 in the last minute"]);
  assert.deepEqual(said({ recent: { ...CROWD, shed: 1_203 } }), ["shed_before", "watch", "Every reaction is being counted again"]);
  assert.deepEqual(
    said({ recent: { ...CROWD, rejected: 90, limited: 10 } }),
    ["refused", "watch", "100 of 1,000 reactions were refused in the last minute"],
  );
  assert.equal(said({ recent: { ...CROWD, rejected: 89, limited: 10 } })[0], "counted");
  assert.equal(said({ recent: { ...NOTHING, received: 9, rejected: 9 } })[0], "counted");
});

test("viewers who wait or find no room are said, though all is counted", () => {
  assert.deepEqual(said({ interrupted: true }), ["interrupted", "watch", "Reactions are counted, and viewers wait for them"]);
  assert.deepEqual(said({ noRoom: 3 }), ["no_room", "watch", "Reactions are counted, but 3 viewers found no room"]);
  assert.deepEqual(said({ delayP99: 0.51 }), ["slow", "watch", "Reactions are counted, but screens lag behind the crowd"]);
  assert.equal(said({ delayP99: 0.5 })[0], "counted");
  assert.equal(said({ delayP99: 0.9, onKafka: true })[0], "counted");
  assert.equal(said({ delayP99: 1.1, onKafka: true })[0], "slow");
  assert.equal(said({ delayP99: null })[0], "counted");
});

test("before the first answer and after the last one nothing is claimed", () => {
  assert.deepEqual(said({ link: "loading", asOf: "" }), ["loading", "busy", "Asking the node…"]);
  assert.deepEqual(said({ link: "away" }), ["away", "away", "Disconnected, trying again"]);
  assert.match(judge({ ...WELL, link: "away" }).detail, /as of 21:03:05/);
  assert.deepEqual(said({ link: "refused" }), ["kept", "away", "The node's figures are not shown at this address"]);
  assert.deepEqual(said({ backlog: { inFlight: 50, overdue: 0, ageMs: 500, settledAgoMs: null } })[0], "checking");
});

test("the worst that is known is said", () => {
  const backlog = { inFlight: 9, overdue: 9, ageMs: 9_000, settledAgoMs: null };
  const recent = { ...CROWD, shed: 1, rejected: 500 };
  const all = { backlog, shedNow: 1, recent, noRoom: 1, delayP99: 3, interrupted: true };
  const cures = [
    { backlog: SETTLED }, { shedNow: 0 }, { interrupted: false }, { noRoom: 0 }, { delayP99: 0 },
    { recent: { ...recent, shed: 0 } }, { recent: CROWD },
  ];
  const order = [];
  for (const cure of cures) {
    order.push(said(all)[0]);
    Object.assign(all, cure);
  }
  assert.deepEqual([...order, said(all)[0]], ["parted", "shed", "interrupted", "no_room", "slow", "shed_before", "refused", "counted"]);
});

test("a sight is taken from what the node has shown", () => {
  /** @type {Trail<Exposition>} */
  const trail = new Trail(300_000);
  const books = (/** @type {number} */ accepted, /** @type {number} */ lost) => Object.entries({ accepted, counted: accepted, lost })
    .map(([outcome, value]) => `emostream_reactions_total{outcome="${outcome}"} ${value}`).join("\n");
  trail.add(0, new Exposition(books(0, 0)));
  trail.add(10_000, new Exposition([
    books(500, 2),
    'emostream_sessions_closed_total{reason="overloaded"} 4',
    'emostream_kafka_reachable{stage="ingest"} 0',
    'emostream_kafka_reachable{stage="control"} 1',
  ].join("\n")));
  const node = { trail, backlog: new Backlog(), ready: null, link: /** @type {const} */ ("open"), heardAtMs: 0 };
  const sight = sightOf(node, { windowMs: 2_000, interrupted: true }, 10_000);
  assert.deepEqual(
    [sight.ratePerSecond, sight.recentlyLost, sight.noRoom, sight.brokersAway, sight.onKafka, sight.interrupted, sight.total.accepted, sight.asOf],
    [50, 2, 4, ["ingest"], true, true, 500, ""],
  );
  assert.equal(patienceMs(2_000), PATIENCE_MS);
});
