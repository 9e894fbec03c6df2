/** Clusters and the sessions in them; with the admin token also their states, and what can be done to them. */

import { byId, element, Rows, write } from "./dom.js";
import { mergedFrames, NOTHING } from "./figures.js";
import { counted, percent, whole } from "./format.js";
import { policyWords } from "./policy.js";
import { MINUTES_MS, rangeWords } from "./ranges.js";

/** @typedef {import("./exposition.js").Exposition} Exposition */
/** @typedef {import("./figures.js").MetricsTrail} MetricsTrail */
/** @typedef {import("./node.js").Cluster} Cluster */
/** @typedef {import("./cluster_dialogs.js").ClusterDialogs} ClusterDialogs */

/** @typedef {{ id: number, sessions: number, share: number, cluster: Cluster | null }} Item `cluster` only as far as the token reaches. */

export class ClustersPanel {
  /** @type {Rows<Item, ReturnType<typeof createRow>>} */ #rows;
  #spawn = byId("spawn");

  /** @param {ClusterDialogs} dialogs */
  constructor(dialogs) {
    this.#rows = new Rows(byId("clusters"), () => createRow(dialogs), fillRow);
    this.#spawn.addEventListener("click", () => dialogs.spawn());
  }

  /** @param {MetricsTrail} trail @param {Cluster[] | null} clusters @param {boolean} hasToken */
  show(trail, clusters, hasToken) {
    const seen = trail.newest?.seen ?? NOTHING;
    showSessions(trail, seen);
    const items = clusters ? itemsOf(clusters.filter(({ state }) => state !== "stopped")) : sessionsByCluster(seen);
    this.#rows.show(items, ({ id }) => String(id));
    this.#spawn.hidden = clusters === null;
    const stopped = (clusters ?? []).filter(({ state }) => state === "stopped").map(({ id }) => id);
    write(byId("stopped"), stopped.length > 0 ? `Stopped: ${stopped.join(", ")}` : "");
    write(byId("clusters-note"), noteOf(clusters, hasToken));
  }
}

/** @param {Cluster[] | null} clusters @param {boolean} hasToken */
function noteOf(clusters, hasToken) {
  if (clusters) return "";
  if (hasToken) return "The node does not show its clusters at the moment.";
  return "With the admin token: the state of each cluster, its policy, and what can be done about it.";
}

/** @param {MetricsTrail} trail @param {Exposition} seen */
function showSessions(trail, seen) {
  const slow = seen.samples("emostream_sessions_slow");
  const stalled = trail.increase(MINUTES_MS, (then) => then.sum("emostream_sessions_closed_total", { reason: "stalled" })).amount;
  const { single, merged, share } = mergedFrames(trail);
  const range = rangeWords(trail, MINUTES_MS);
  write(byId("stalled-title"), `Stalled, ${range}`);
  write(byId("merged-title"), `Merged frames, ${range}`);
  write(byId("sessions"), whole(seen.sum("emostream_sessions")));
  byId("slow-box").hidden = slow.length === 0;
  write(byId("slow"), whole(slow.reduce((sum, { value }) => sum + value, 0)));
  write(byId("stalled"), whole(stalled));
  write(byId("merged"), single + merged > 0 ? percent(share) : "–");
}

/** @param {Exposition} seen */
function sessionsByCluster(seen) {
  const samples = seen.samples("emostream_sessions").filter(({ value }) => value > 0);
  return withShares(samples.map(({ labels, value }) => ({ id: Number(labels.cluster), sessions: value, cluster: null })));
}

/** @param {Cluster[]} clusters */
const itemsOf = (clusters) => withShares(clusters.map((cluster) => ({ id: cluster.id, sessions: cluster.sessions, cluster })));

/** @param {Omit<Item, "share">[]} items @returns {Item[]} */
function withShares(items) {
  const most = Math.max(1, ...items.map(({ sessions }) => sessions));
  return items.map((item) => ({ ...item, share: item.sessions / most })).sort((left, right) => left.id - right.id);
}

/** @param {ClusterDialogs} dialogs */
function createRow(dialogs) {
  /** @type {{ cluster: Cluster | null }} */
  const now = { cluster: null };
  const name = element("span", { class: "name" });
  const state = element("span", { class: "state" });
  const sessions = element("span", { class: "sessions" });
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  const policy = element("p", { class: "note" });
  const change = element("button", { type: "button" }, "Policy");
  const retire = element("button", { type: "button" }, "Retire");
  const actions = element("div", { class: "cluster-actions" }, change, retire);
  change.addEventListener("click", () => now.cluster && dialogs.change(now.cluster));
  retire.addEventListener("click", () => now.cluster && dialogs.retire(now.cluster));
  const root = element("li", {}, element("p", { class: "cluster-head" }, name, " ", state, " ", sessions), bar, policy, actions);
  return { root, now, name, state, sessions, bar, policy, change, retire, actions };
}

/** @param {ReturnType<typeof createRow>} row @param {Item} item */
function fillRow(row, { id, sessions, share, cluster }) {
  row.now.cluster = cluster;
  row.root.dataset.state = cluster?.state ?? "";
  write(row.name, `Cluster ${id}`);
  write(row.state, cluster?.state ?? "");
  write(row.sessions, counted(sessions, "session"));
  write(row.policy, cluster ? policyWords(cluster.policy) : "");
  row.bar.style.setProperty("--share", share.toFixed(4));
  row.actions.hidden = cluster === null || cluster.state === "draining";
  row.change.setAttribute("aria-label", `Policy of cluster ${id}`);
  row.retire.setAttribute("aria-label", `Retire cluster ${id}`);
}
