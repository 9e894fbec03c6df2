/** The ledger: what came, what became of it, and whether accepted and counted part. */

import { byId, element, Rows, write } from "./dom.js";
import { age, counted, whole } from "./format.js";
import { patienceMs } from "./sight.js";

/** @typedef {import("./ledger.js").LedgerRow} LedgerRow */
/** @typedef {import("./ledger.js").Column} Column */
/** @typedef {import("./verdict.js").Sight} Sight */

/**
 * @typedef {object} Line
 * @property {Column} column
 * @property {string} name
 * @property {string} gloss
 * @property {"sum" | "part" | "rare"} kind A rare one is shown once there is something in it.
 */

/** @type {Line[]} */
const LINES = [
  { column: "received", name: "Received", gloss: "came to the door", kind: "sum" },
  { column: "accepted", name: "accepted", gloss: "200 or ack", kind: "part" },
  { column: "rejected", name: "rejected", gloss: "not valid", kind: "part" },
  { column: "limited", name: "limited", gloss: "over a rate limit", kind: "part" },
  { column: "shed", name: "shed", gloss: "turned away", kind: "part" },
  { column: "unknown_outcome", name: "of these unknown", gloss: "may be in Kafka", kind: "rare" },
  { column: "accepted", name: "Accepted", gloss: "to be counted", kind: "sum" },
  { column: "counted", name: "counted", gloss: "in a window", kind: "part" },
  { column: "late_carried", name: "of these late", gloss: "one window later", kind: "rare" },
  { column: "in_flight", name: "in flight", gloss: "in no window yet", kind: "part" },
  { column: "lost", name: "of these lost", gloss: "gone with an actor", kind: "rare" },
  { column: "deduplicated", name: "deduplicated", gloss: "repeats", kind: "part" },
];

const lines = new Rows(byId("ledger"), createLine, fillLine);
const streams = new Rows(byId("streams"), createStream, fillStream);

/** @param {Sight} sight @param {string} range What `recent` is of. @param {number} numStreams */
export function showLedger(sight, range, numStreams) {
  write(byId("ledger-range"), range);
  write(byId("num-streams"), `${counted(numStreams, "stream")} of this node`);
  const shown = LINES.filter(({ column, kind }) => kind !== "rare" || sight.total[column] > 0);
  lines.show(shown.map((line) => ({ line, sight })), ({ line }) => `${line.kind} ${line.column}`);
  showBalance(sight);
  showBars(sight);
  byId("ledger-note").hidden = !sight.onKafka;
}

/** @param {import("./node.js").NodeWatch} node @param {Sight} sight @param {number} windowMs @param {number} nowMs */
export function showStreams({ ledger, streamBacklogs }, sight, windowMs, nowMs) {
  byId("by-stream").hidden = ledger === null;
  if (!ledger) return;
  const items = Object.entries(ledger.streams).map(([name, row]) => {
    const backlog = sight.onKafka ? undefined : streamBacklogs.get(name)?.look(nowMs, patienceMs(windowMs));
    return { name, row, overdue: backlog?.overdue ?? 0 };
  });
  items.sort((left, right) => right.overdue - left.overdue || right.row.accepted - left.row.accepted);
  if (ledger.unattributed.received > 0) items.push({ name: "no stream", row: ledger.unattributed, overdue: 0 });
  streams.show(items, ({ name }) => name);
}

/** @param {Sight} sight */
function showBalance(sight) {
  const { level, words } = sight.onKafka ? balanceOnKafka(sight) : balanceOf(sight);
  const { lost } = sight.total;
  byId("balance").dataset.level = lost > 0 ? "bad" : level;
  write(byId("balance"), lost > 0 ? `${words}, ${whole(lost)} lost since the start` : words);
}

/** @param {Sight} sight */
function balanceOf({ backlog }) {
  if (backlog.overdue > 0) return { level: "bad", words: `They part: ${whole(backlog.overdue)} in flight for ${age(backlog.ageMs)}` };
  if (backlog.settledAgoMs === null) return { level: "busy", words: "Watching whether what is in flight gets counted" };
  return { level: "good", words: backlog.inFlight > 0 ? "They agree, but for the open window" : "They agree" };
}

/** @param {Sight} sight */
function balanceOnKafka({ brokersAway, behind }) {
  if (brokersAway.length > 0) return { level: "bad", words: "What is in Kafka waits until it answers" };
  if (behind) return { level: "bad", words: `${counted(behind.records, "record waits", "records wait")} in Kafka to be counted` };
  return { level: "good", words: "What this node reads is counted" };
}

/** Both of the last minute and to one scale: where they part, the second one ends in a gap. @param {Sight} sight */
function showBars({ recent, onKafka, backlog }) {
  const isOverdue = !onKafka && backlog.overdue > 0;
  const scale = Math.max(1, recent.received, recent.counted + recent.deduplicated);
  const inFlight = Math.max(0, recent.accepted - recent.counted - recent.deduplicated);
  const refused = recent.rejected + recent.limited;
  fillBar(byId("bar-received"), scale, { accepted: recent.accepted, refused, shed: recent.shed });
  const { counted: inWindows, deduplicated } = recent;
  fillBar(byId("bar-accepted"), scale, { counted: inWindows, deduplicated, [isOverdue ? "overdue" : "flying"]: inFlight });
}

/** @param {HTMLElement} bar @param {number} scale @param {Record<string, number>} parts */
function fillBar(bar, scale, parts) {
  bar.replaceChildren(...Object.entries(parts).filter(([, amount]) => amount > 0).map(([name, amount]) => {
    const part = element("span", { class: name });
    part.style.width = `${(amount / scale) * 100}%`;
    return part;
  }));
}

/** @param {{ line: Line }} item */
function createLine({ line: { kind, name, gloss } }) {
  const recent = element("td");
  const total = element("td");
  const head = element("th", { scope: "row" }, name, " ", element("span", { class: "note" }, gloss));
  const root = element("tr", { class: kind }, head, recent, total);
  return { root, recent, total };
}

/** @param {ReturnType<typeof createLine>} row @param {{ line: Line, sight: Sight }} item */
function fillLine({ root, recent, total }, { line: { column }, sight }) {
  // What is in flight is a state, and not something that adds up over a minute.
  write(recent, column === "in_flight" ? "" : whole(sight.recent[column]));
  write(total, whole(sight.total[column]));
  root.dataset.alarm = String(isAlarming(column, sight));
}

/** @param {Column} column @param {Sight} sight */
function isAlarming(column, { onKafka, backlog, recent, total }) {
  if (column === "in_flight") return !onKafka && backlog.overdue > 0;
  return (column === "shed" && recent.shed > 0) || (column === "lost" && total.lost > 0);
}

function createStream() {
  const cells = { name: element("th", { scope: "row" }), accepted: element("td"), counted: element("td"), inFlight: element("td") };
  return { root: element("tr", {}, ...Object.values(cells)), ...cells };
}

/** @param {ReturnType<typeof createStream>} cells @param {{ name: string, row: LedgerRow, overdue: number }} item */
function fillStream({ root, name, accepted, counted, inFlight }, item) {
  write(name, item.name);
  write(accepted, whole(item.row.accepted));
  write(counted, whole(item.row.counted));
  write(inFlight, whole(item.row.in_flight));
  root.dataset.alarm = String(item.overdue > 0);
}
