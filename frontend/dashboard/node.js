/** The node, looked at every two seconds: its metrics, whether it is ready and, with the admin token, its ledger and clusters. */

import { ask, askAdmin, Refusal } from "./api.js";
import { Backlog } from "./backlog.js";
import { Exposition } from "./exposition.js";
import { settled, sumOf } from "./ledger.js";
import { Poller } from "./poll.js";
import { MINUTES_MS } from "./ranges.js";
import { Trail } from "./trail.js";

const EVERY_MS = 2_000;
/** While it is not known yet whether what comes is counted. */
const EVERY_MS_AT_FIRST = 1_000;

/** @typedef {import("./ledger.js").AdminLedger} AdminLedger */
/** @typedef {import("./ledger.js").LedgerRow} LedgerRow */
/** @typedef {import("./verdict.js").Ready} Ready */

/** @typedef {"brief" | "legacy" | { divisor: number }} Scale */
/** @typedef {{ top_n: number | null, min_count: number, scale: Scale }} Policy */
/**
 * @typedef {object} Cluster
 * @property {number} id
 * @property {"starting" | "live" | "draining" | "stopped"} state
 * @property {Policy} policy
 * @property {number} sessions
 * @property {number | null} last_window
 */

export class NodeWatch {
  /** @type {Trail<Exposition>} */ trail = new Trail(MINUTES_MS);
  backlog = new Backlog();
  /** @type {Ready | null} */ ready = null;
  /** @type {AdminLedger | null} */ ledger = null;
  /** Of each stream, as far as the ledger was given. @type {Map<string, Backlog>} */ streamBacklogs = new Map();
  /** @type {Cluster[] | null} */ clusters = null;
  /** @type {"loading" | "open" | "away" | "refused"} */ link = "loading";
  /** Unix time; 0 before the first answer. */ heardAtMs = 0;
  #startedAt = 0;
  #token;
  #changed;
  #poller;

  /** @param {import("./token.js").Token} token @param {() => void} changed */
  constructor(token, changed) {
    this.#token = token;
    this.#changed = changed;
    this.#poller = new Poller({
      look: () => this.#look(),
      refused: (error) => {
        this.link = error instanceof Refusal ? "refused" : "away";
        this.#changed();
      },
    });
  }

  /** Looks at once: at the start, and after anything that was changed from here. */
  look() {
    this.#poller.now();
  }

  async #look() {
    const [metrics, ready, ledger, list] = await Promise.all([
      ask("/metrics"), ask("/ready", [503]), this.#askAsAdmin("/admin/ledger"), this.#askAsAdmin("/admin/clusters"),
    ]);
    const exposition = new Exposition(await metrics.text());
    // All at once: what was seen of a node that is away stays as a whole.
    [this.ready, this.ledger, this.clusters] = [await ready.json(), ledger, list?.clusters ?? null];
    this.#take(exposition);
    this.link = "open";
    this.heardAtMs = Date.now();
    this.#changed();
    return this.backlog.look(performance.now(), 0).settledAgoMs === null ? EVERY_MS_AT_FIRST : EVERY_MS;
  }

  /** @param {Exposition} exposition */
  #take(exposition) {
    const startedAt = exposition.sum("emostream_start_time_seconds");
    if (startedAt !== this.#startedAt) {
      this.trail.clear();
      this.backlog = new Backlog();
      this.streamBacklogs.clear();
      this.#startedAt = startedAt;
    }
    const atMs = performance.now();
    this.trail.add(atMs, exposition);
    follow(this.backlog, atMs, sumOf(exposition));
    for (const [stream, row] of Object.entries(this.ledger?.streams ?? {})) {
      const backlog = this.streamBacklogs.get(stream) ?? new Backlog();
      this.streamBacklogs.set(stream, backlog);
      follow(backlog, atMs, row);
    }
  }

  /** Null where it cannot be had. A token that is refused is not sent again. @param {string} path */
  async #askAsAdmin(path) {
    const token = this.#token.usable;
    if (token === null) return null;
    try {
      return await askAdmin(token, path);
    } catch (error) {
      // A node that is away is told by what it shows without a token.
      if (error instanceof Refusal && error.status === 401 && token === this.#token.usable) this.#token.refused = true;
      return null;
    }
  }
}

/** @param {Backlog} backlog @param {number} atMs @param {LedgerRow} row */
function follow(backlog, atMs, row) {
  backlog.add(atMs, row.accepted, settled(row));
}
