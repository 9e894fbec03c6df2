/** Whether the crowd is being heard, in one sentence: the worst that is known wins. */

import { age, counted, duration, listed, rate, whole } from "./format.js";

/** @typedef {import("./backlog.js").BacklogState} BacklogState */
/** @typedef {import("./ledger.js").LedgerRow} LedgerRow */

/** @typedef {"good" | "busy" | "watch" | "bad" | "away"} Level */
/** @typedef {{ kind: string, level: Level, headline: string, detail: string }} Verdict `kind` is stable while figures change. */
/** @typedef {{ status: string, stages: { stage: string, up: boolean }[] }} Ready */

/**
 * @typedef {object} Sight What is known of the node.
 * @property {"loading" | "open" | "away" | "refused"} link `refused` where something on the way keeps the figures from this page.
 * @property {string} asOf When it was last heard, as a clock shows it; empty if never.
 * @property {Ready | null} ready
 * @property {boolean} onKafka
 * @property {string[]} brokersAway Stages whose brokers do not answer.
 * @property {{ stage: string, records: number } | null} behind On Kafka: what waits to be counted for longer than it should.
 * @property {LedgerRow} total Since the start.
 * @property {LedgerRow} recent In the last minute.
 * @property {number} ratePerSecond Reactions accepted.
 * @property {number} shedNow Turned away in the last seconds.
 * @property {number} recentlyLost In the last minutes.
 * @property {BacklogState} backlog
 * @property {number} noRoom Viewers who found no room in the last minute.
 * @property {number | null} delayP99 Seconds, of windows in the last minute.
 * @property {boolean} interrupted No windows come over the socket, and the server says why.
 */

/** Of what came, this share may be refused before it is worth a word. */
const REFUSED_SHARE = 0.1;
const REFUSED_LEAST = 10;
/** More names than this are a number. */
const FEW = 3;
/** Seconds from the end of a window to its publication that an eye notices. On Kafka half a second is what silence takes. */
const SLOW_DELAY = { embedded: 0.5, onKafka: 1 };

/** @typedef {(sight: Sight) => Verdict | null} Judge Has a verdict, or nothing to say. */

/** Most urgent first. @type {Judge[]} */
const JUDGES = [
  loading, away, kept, leaving, brokersAway, notReady, lost, parted, behind, turnedAway, interrupted, noRoom, slow, turnedAwayBefore,
  refused, checking, silent,
];

/** @param {Sight} sight @returns {Verdict} */
export function judge(sight) {
  for (const judgeOne of JUDGES) {
    const found = judgeOne(sight);
    if (found) return found;
  }
  return verdict("counted", "good", "Every reaction is being counted", proof(sight));
}

/** @param {string} kind @param {Level} level @param {string} headline @param {string} detail @returns {Verdict} */
const verdict = (kind, level, headline, detail) => ({ kind, level, headline, detail });

/** @type {Judge} */
function loading({ link }) {
  if (link !== "loading") return null;
  return verdict("loading", "busy", "Asking the node…", "The first figures are on their way.");
}

/** @type {Judge} */
function away({ link, asOf }) {
  if (link !== "away") return null;
  const figures = asOf ? ` The figures are as of ${asOf}.` : "";
  return verdict("away", "away", "Disconnected, trying again", `The node does not answer.${figures}`);
}

/** @type {Judge} */
function kept({ link }) {
  if (link !== "refused") return null;
  return verdict(
    "kept", "away", "The node's figures are not shown at this address",
    "A proxy may keep /metrics and /ready from the public. Open this page at the address of the node itself.",
  );
}

/** @type {Judge} */
function leaving({ ready }) {
  if (ready?.status !== "draining") return null;
  return verdict(
    "leaving", "bad", "The node is leaving",
    "Reactions are refused from now on. What was accepted is counted and delivered, then viewers are told when to come back.",
  );
}

/** @type {Judge} */
function brokersAway({ brokersAway: stages }) {
  if (stages.length === 0) return null;
  const names = `${listed(stages)} ${stages.length === 1 ? "does" : "do"}`;
  const who = stages.length > FEW ? `${stages.length} stages do` : names;
  return verdict(
    "brokers_away", "bad", "Kafka does not answer",
    `Reactions are turned away until it does, and viewers wait; all comes back by itself. Here, ${who} not reach it.`,
  );
}

/** @type {Judge} */
function notReady({ ready }) {
  if (!ready || ready.status === "ready") return null;
  const down = ready.stages.filter(({ up }) => !up).map(({ stage }) => stage);
  if (down.length === 0) {
    const detail = "It reads what it has to know before it can serve anybody.";
    return verdict("not_ready", "bad", "The node is not ready: it is still starting", detail);
  }
  const names = `${listed(down)} ${down.length === 1 ? "is" : "are"}`;
  const who = down.length > FEW ? `${down.length} stages are` : names;
  return verdict(
    "not_ready", "bad", `The node is not ready: ${who} down`,
    "A stage that died is back within a second. If it stays away, the log says why.",
  );
}

/** @type {Judge} */
function lost({ recentlyLost }) {
  if (recentlyLost <= 0) return null;
  return verdict(
    "lost", "bad", `${counted(recentlyLost, "accepted reaction was", "accepted reactions were")} lost`,
    "An actor died with them in its mailbox. The log has its panic; others are counted on.",
  );
}

/** One node on Kafka may count for another, so only the sum over all says what is in flight. @type {Judge} */
function parted({ onKafka, backlog }) {
  if (onKafka || backlog.overdue <= 0) return null;
  return verdict(
    "parted", "bad", `Accepted and counted part: ${whole(backlog.overdue)} in flight for ${age(backlog.ageMs)}`,
    "They should have been in a window by now. A stage is behind, or an actor died with them in its hands: see the stages and the log.",
  );
}

/** @type {Judge} */
function behind({ behind: stage }) {
  if (!stage) return null;
  return verdict(
    "behind", "bad", `Counting is behind: ${counted(stage.records, "record waits", "records wait")} in Kafka`,
    `Nothing is lost. ${stage.stage} reads more slowly than reactions come: more aggregators help, up to one per partition.`,
  );
}

/** @type {Judge} */
function turnedAway({ recent, shedNow }) {
  if (shedNow <= 0) return null;
  return verdict(
    "shed", "bad", `Reactions are turned away: ${whole(recent.shed)} in the last minute`,
    "The node has no room for them, and senders are told to try again. What it accepts is counted.",
  );
}

/** @type {Judge} */
function turnedAwayBefore({ recent }) {
  if (recent.shed <= 0) return null;
  return verdict(
    "shed_before", "watch", "Every reaction is being counted again",
    `${counted(recent.shed, "was", "were")} turned away in the last minute, and their senders told to try again.`,
  );
}

/** @type {Judge} */
function interrupted({ interrupted: isInterrupted }) {
  if (!isInterrupted) return null;
  return verdict(
    "interrupted", "watch", "Reactions are counted, and viewers wait for them",
    "The node has no windows to give for now. Nothing is lost.",
  );
}

/** @type {Judge} */
function noRoom({ noRoom: viewers }) {
  if (viewers <= 0) return null;
  return verdict(
    "no_room", "watch", `Reactions are counted, but ${counted(viewers, "viewer")} found no room`,
    "In the last minute. There are session.max sessions, or no cluster is live.",
  );
}

/** @type {Judge} */
function slow({ delayP99, onKafka }) {
  if (delayP99 === null || delayP99 <= (onKafka ? SLOW_DELAY.onKafka : SLOW_DELAY.embedded)) return null;
  const busy = onKafka ? "The brokers or the machine are busy." : "The main thread is busy.";
  return verdict(
    "slow", "watch", "Reactions are counted, but screens lag behind the crowd",
    `One window in a hundred was published ${duration(delayP99 * 1000)} or more after its end. ${busy}`,
  );
}

/** @type {Judge} */
function refused({ recent }) {
  const numRefused = recent.rejected + recent.limited;
  if (numRefused < REFUSED_LEAST || numRefused < recent.received * REFUSED_SHARE) return null;
  return verdict(
    "refused", "watch", `${whole(numRefused)} of ${whole(recent.received)} reactions were refused in the last minute`,
    `${whole(recent.rejected)} were not valid, and ${whole(recent.limited)} were over a rate limit. What is accepted is counted.`,
  );
}

/** @type {Judge} */
function checking({ onKafka, backlog }) {
  if (onKafka || backlog.settledAgoMs !== null) return null;
  return verdict(
    "checking", "busy", "Reactions come in, watching that they are counted",
    "What was in flight when this page came is counted with its window, in a moment.",
  );
}

/** @type {Judge} */
function silent({ total }) {
  if (total.received > 0 || total.counted > 0) return null;
  return verdict(
    "silent", "good", "Ready, and nothing has been sent yet",
    "The node listens. The first reaction shows up here within a window.",
  );
}

/** @param {Sight} sight */
function proof({ total, ratePerSecond, backlog, onKafka }) {
  const coming = ratePerSecond > 0 ? `${rate(ratePerSecond)} a second come in.` : "Nothing comes in right now.";
  const lostBefore = total.lost > 0 ? ` ${counted(total.lost, "was", "were")} lost before.` : "";
  return `${coming} ${proofOfCounting(total, backlog, onKafka)}${lostBefore}`;
}

/** @param {LedgerRow} total @param {BacklogState} backlog @param {boolean} onKafka */
function proofOfCounting(total, backlog, onKafka) {
  if (onKafka) return "Kafka holds what was accepted here, and what this node reads is counted without delay.";
  if (backlog.inFlight > 0) return `All that was accepted until ${age(backlog.settledAgoMs ?? 0)} ago is counted.`;
  const repeats = total.deduplicated > 0 ? `, ${whole(total.deduplicated)} more were repeats` : "";
  return `${whole(total.accepted)} were accepted, ${whole(total.counted)} are counted${repeats}.`;
}
