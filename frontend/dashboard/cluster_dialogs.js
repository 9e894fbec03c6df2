/** Spawning a cluster, changing its policy and retiring it. */

import { askAdmin } from "./api.js";
import { Dialog, Wrong } from "./dialog.js";
import { byId, write } from "./dom.js";
import { counted } from "./format.js";
import { policyChanges } from "./policy.js";

/** @typedef {import("./node.js").Cluster} Cluster */

const ROUTE = "/admin/clusters";
const SCALE = "policy.scale";
const DIVISOR = "policy.scale.divisor";

export class ClusterDialogs {
  #token;
  #done;
  /** Whose policy is open; null while another one is spawned. @type {Cluster | null} */ #present = null;
  #form = new Dialog("cluster-dialog", () => (this.#present ? this.#change(this.#present) : this.#spawn()));
  /** @type {Cluster | null} */ #leaving = null;
  /** The button that it was opened with goes away, and the focus would go with it. */
  #question = new Dialog("retire-dialog", () => this.#retire(), () => byId("clusters-title").focus());

  /** @param {import("./token.js").Token} token @param {(words: string) => void} done */
  constructor(token, done) {
    this.#token = token;
    this.#done = done;
    byId("scale").addEventListener("change", () => this.#showDivisor());
  }

  spawn() {
    this.#open(null, "Spawn a cluster", "Spawn", "It takes sessions as soon as it delivers. What is left empty is as in the settings.");
  }

  /** @param {Cluster} cluster */
  change(cluster) {
    this.#open(cluster, `Policy of cluster ${cluster.id}`, "Change", "From the next window on. It never changes a total.");
    const { top_n, min_count, scale } = cluster.policy;
    this.#form.fill("policy.top_n", top_n === null ? "" : String(top_n));
    this.#form.fill("policy.min_count", min_count > 0 ? String(min_count) : "");
    this.#form.fill(SCALE, typeof scale === "string" ? scale : "divisor");
    this.#form.fill(DIVISOR, typeof scale === "string" ? "" : String(scale.divisor));
    this.#showDivisor();
  }

  /** @param {Cluster} cluster */
  retire(cluster) {
    this.#leaving = cluster;
    write(byId("retire-title"), `Retire cluster ${cluster.id}?`);
    const moving = `Its ${counted(cluster.sessions, "session")} will move to the others without a disconnect, and lose or repeat no window.`;
    write(byId("retire-text"), `${cluster.sessions === 0 ? "It has no sessions." : moving} Then it stops.`);
    write(byId("retire-submit"), `Retire cluster ${cluster.id}`);
    this.#question.open();
  }

  /** @param {Cluster | null} present @param {string} title @param {string} verb @param {string} hint */
  #open(present, title, verb, hint) {
    this.#present = present;
    write(byId("cluster-title"), title);
    write(byId("cluster-submit"), verb);
    write(byId("cluster-hint"), hint);
    byId("cluster-id-field").hidden = present !== null;
    // A new cluster has the configured scale unless one is chosen; one that is there has its own.
    byId("scale-as-set").hidden = present !== null;
    this.#form.open();
    this.#showDivisor();
  }

  async #spawn() {
    const id = this.#number("id", undefined);
    const [top_n, min_count] = ["policy.top_n", "policy.min_count"].map((field) => this.#number(field, undefined));
    const policy = { top_n, min_count, scale: this.#scale() };
    const cluster = await askAdmin(this.#bearer(), ROUTE, "POST", { id, policy });
    this.#done(`Cluster ${cluster.id} delivers`);
  }

  /** @param {Cluster} present */
  async #change(present) {
    const scale = this.#scale() ?? present.policy.scale;
    const wanted = { top_n: this.#number("policy.top_n", null), min_count: this.#number("policy.min_count", 0), scale };
    await askAdmin(this.#bearer(), `${ROUTE}/${present.id}`, "PATCH", { policy: policyChanges(wanted, present.policy) });
    this.#done(`Cluster ${present.id} has this policy from the next window on`);
  }

  async #retire() {
    const { id } = /** @type {Cluster} */ (this.#leaving);
    await askAdmin(this.#bearer(), `${ROUTE}/${id}`, "DELETE");
    this.#done(`Cluster ${id} is being retired, its sessions move`);
  }

  /** @returns {import("./node.js").Scale | undefined} Undefined where the settings decide. */
  #scale() {
    const rule = this.#form.value(SCALE);
    if (rule === "divisor") return { divisor: this.#number(DIVISOR, 0) };
    return rule === "" ? undefined : /** @type {"brief" | "legacy"} */ (rule);
  }

  /** @template Empty @param {string} field @param {Empty} empty */
  #number(field, empty) {
    const text = this.#form.value(field);
    if (text === "") return empty;
    if (!/^\d+$/.test(text)) throw new Wrong(field, "A whole number.");
    return Number(text);
  }

  #bearer() {
    const token = this.#token.usable;
    if (token === null) throw new Wrong("", "The node does not take the admin token any more. Give it the new one.");
    return token;
  }

  #showDivisor() {
    byId("divisor-field").hidden = this.#form.value(SCALE) !== "divisor";
  }
}
