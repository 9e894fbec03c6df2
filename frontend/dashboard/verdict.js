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
/** Seconds from the end of a window to its publication that an eye notices. On Kafka half a second is what silence takes. */
const SLOW_DELAY = { embedded: 0.5, onKafka: 1 };

/** Most urgent first. @type {((sight: Sight) => Verdict | null)[]} */
const JUDGES = [loading, away, kept, leaving, brokersAway, notReady, lost, parted, behind, turnedAway, interrupted, noRoom, slow, turnedAwayBefore, refused, checking, silent];

/** @param {Sight} sight @returns {Verdict} */
export function judge(sight) {
  for (const judgeOne of JUDGES) {
    const verdict = judgeOne(sight);
    if (verdict) return verdict;
  }
  return { kind: "counted", level: "good", headline: "Every reaction is being counted", detail: proof(sight) };
}

/** @param {Sight} sight @returns {Verdict | null} */
function loading({ link }) {
  if (link !== "loading") return null;
  return { kind: "loading", level: "busy", headline: "Asking the node…", detail: "The first figures are on their way." };
}

/** @param {Sight} sight @returns {Verdict | null} */
function away({ link, asOf }) {
  if (link !== "away") return null;
  const detail = asOf ? `The node does not answer. The figures are as of ${asOf}.` : "The node does not answer.";
  return { kind: "away", level: "away", headline: "Disconnected, trying again", detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function kept({ link }) {
  if (link !== "refused") return null;
  const detail = "A proxy may keep /metrics and /ready from the public. Open this page at the address of the node itself.";
  return { kind: "kept", level: "away", headline: "The node's figures are not shown at this address", detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function leaving({ ready }) {
  if (ready?.status !== "draining") return null;
  const detail = "Reactions are refused from now on. What was accepted is counted and delivered, then viewers are told when to come back.";
  return { kind: "leaving", level: "bad", headline: "The node is leaving", detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function brokersAway({ brokersAway: stages }) {
  if (stages.length === 0) return null;
  const who = stages.length > 3 ? `${stages.length} stages do not reach it` : `${listed(stages)} ${stages.length === 1 ? "does" : "do"} not reach it`;
  const detail = `Reactions are turned away until it does, and viewers wait; all comes back by itself. Here, ${who}.`;
  return { kind: "brokers_away", level: "bad", headline: "Kafka does not answer", detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function notReady({ ready }) {
  if (!ready || ready.status === "ready") return null;
  const down = ready.stages.filter(({ up }) => !up).map(({ stage }) => stage);
  const what = down.length > 3 ? `${down.length} stages are down` : `${listed(down)} ${down.length === 1 ? "is" : "are"} down`;
  const why = down.length === 0 ? "it is still starting" : what;
  const detail = down.length === 0
    ? "It reads what it has to know before it can serve anybody."
    : "A stage that died is back within a second. If it stays away, the log says why.";
  return { kind: "not_ready", level: "bad", headline: `The node is not ready: ${why}`, detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function lost({ recentlyLost }) {
  if (recentlyLost <= 0) return null;
  const headline = `${counted(recentlyLost, "accepted reaction was", "accepted reactions were")} lost`;
  return { kind: "lost", level: "bad", headline, detail: "An actor died with them in its mailbox. The log has its panic; others are counted on." };
}

/** One node on Kafka may count for another, so only the sum over all says what is in flight. @param {Sight} sight @returns {Verdict | null} */
function parted({ onKafka, backlog }) {
  if (onKafka || backlog.overdue <= 0) return null;
  const headline = `Accepted and counted part: ${whole(backlog.overdue)} in flight for ${age(backlog.ageMs)}`;
  const detail = "They should have been in a window by now. A stage is behind, or an actor died with them in its hands: see the stages and the log.";
  return { kind: "parted", level: "bad", headline, detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function behind({ behind: stage }) {
  if (!stage) return null;
  const headline = `Counting is behind: ${counted(stage.records, "record waits", "records wait")} in Kafka`;
  return { kind: "behind", level: "bad", headline, detail: `Nothing is lost. ${stage.stage} reads more slowly than reactions come: more aggregators help, up to one per partition.` };
}

/** @param {Sight} sight @returns {Verdict | null} */
function turnedAway({ recent, shedNow }) {
  if (shedNow <= 0) return null;
  const headline = `Reactions are turned away: ${whole(recent.shed)} in the last minute`;
  return { kind: "shed", level: "bad", headline, detail: "The node has no room for them, and senders are told to try again. What it accepts is counted." };
}

/** @param {Sight} sight @returns {Verdict | null} */
function turnedAwayBefore({ recent }) {
  if (recent.shed <= 0) return null;
  const detail = `${counted(recent.shed, "was", "were")} turned away in the last minute, and their senders told to try again.`;
  return { kind: "shed_before", level: "watch", headline: "Every reaction is being counted again", detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function interrupted({ interrupted: isInterrupted }) {
  if (!isInterrupted) return null;
  return { kind: "interrupted", level: "watch", headline: "Reactions are counted, and viewers wait for them", detail: "The node has no windows to give for now. Nothing is lost." };
}

/** @param {Sight} sight @returns {Verdict | null} */
function noRoom({ noRoom: viewers }) {
  if (viewers <= 0) return null;
  const headline = `Reactions are counted, but ${counted(viewers, "viewer", "viewers")} found no room`;
  return { kind: "no_room", level: "watch", headline, detail: "In the last minute. There are session.max sessions, or no cluster is live." };
}

/** @param {Sight} sight @returns {Verdict | null} */
function slow({ delayP99, onKafka }) {
  if (delayP99 === null || delayP99 <= (onKafka ? SLOW_DELAY.onKafka : SLOW_DELAY.embedded)) return null;
  const headline = "Reactions are counted, but screens lag behind the crowd";
  return { kind: "slow", level: "watch", headline, detail: `One window in a hundred was published ${duration(delayP99 * 1000)} or more after its end. The ${onKafka ? "brokers or the machine are" : "main thread is"} busy.` };
}

/** @param {Sight} sight @returns {Verdict | null} */
function refused({ recent }) {
  const numRefused = recent.rejected + recent.limited;
  if (numRefused < REFUSED_LEAST || numRefused < recent.received * REFUSED_SHARE) return null;
  const headline = `${whole(numRefused)} of ${whole(recent.received)} reactions were refused in the last minute`;
  const detail = `${whole(recent.rejected)} were not valid, and ${whole(recent.limited)} were over a rate limit. What is accepted is counted.`;
  return { kind: "refused", level: "watch", headline, detail };
}

/** @param {Sight} sight @returns {Verdict | null} */
function checking({ onKafka, backlog }) {
  if (onKafka || backlog.settledAgoMs !== null) return null;
  const headline = "Reactions come in, watching that they are counted";
  return { kind: "checking", level: "busy", headline, detail: "What was in flight when this page came is counted with its window, in a moment." };
}

/** @param {Sight} sight @returns {Verdict | null} */
function silent({ total }) {
  if (total.received > 0 || total.counted > 0) return null;
  return { kind: "silent", level: "good", headline: "Ready, and nothing has been sent yet", detail: "The node listens. The first reaction shows up here within a window." };
}

/** @param {Sight} sight */
function proof({ total, ratePerSecond, backlog, onKafka }) {
  const coming = ratePerSecond > 0 ? `${rate(ratePerSecond)} a second come in.` : "Nothing comes in right now.";
  const lostBefore = total.lost > 0 ? ` ${counted(total.lost, "was", "were")} lost before.` : "";
  if (onKafka) return `${coming} Kafka holds what was accepted here, and what this node reads is counted without delay.${lostBefore}`;
  if (backlog.inFlight > 0) return `${coming} All that was accepted until ${age(backlog.settledAgoMs ?? 0)} ago is counted.${lostBefore}`;
  const repeats = total.deduplicated > 0 ? `, ${whole(total.deduplicated)} more were repeats` : "";
  return `${coming} ${whole(total.accepted)} were accepted, ${whole(total.counted)} are counted${repeats}.${lostBefore}`;
}
