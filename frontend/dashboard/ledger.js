/** The ledger: what became of every reaction. */

/**
 * Two equations hold in every row: `received = accepted + rejected + limited + shed` and
 * `accepted = counted + in_flight + deduplicated`.
 *
 * @typedef {object} LedgerRow
 * @property {number} received
 * @property {number} accepted
 * @property {number} rejected
 * @property {number} limited
 * @property {number} shed
 * @property {number} unknown_outcome Of `shed`.
 * @property {number} counted
 * @property {number} in_flight
 * @property {number} deduplicated
 * @property {number} late_carried Of `counted`.
 * @property {number} lost Of `in_flight`.
 */

/** @typedef {{ sum: LedgerRow, streams: Record<string, LedgerRow>, unattributed: LedgerRow }} AdminLedger */

/** @typedef {keyof LedgerRow} Column */

/** The sum of all streams as the metrics show it. @param {import("./exposition.js").Exposition} exposition @returns {LedgerRow} */
export function sumOf(exposition) {
  const of = (/** @type {string} */ outcome) => exposition.sum("emostream_reactions_total", { outcome });
  const [accepted, rejected, limited, shed] = ["accepted", "rejected", "limited", "shed"].map(of);
  return {
    received: accepted + rejected + limited + shed,
    accepted, rejected, limited, shed,
    unknown_outcome: of("unknown_outcome"),
    counted: of("counted"),
    in_flight: exposition.sum("emostream_reactions_in_flight"),
    deduplicated: of("deduplicated"),
    late_carried: of("late_carried"),
    lost: of("lost"),
  };
}

/** What will not be in flight any more, whatever happens. @param {LedgerRow} row */
export const settled = (row) => row.counted + row.deduplicated + row.lost;
