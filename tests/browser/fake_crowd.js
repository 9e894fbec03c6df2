/** A client of the SDK whose server is the test, and what such a server says. */

import { Emostream } from "../../frontend/sdk/emostream.js";
import { FakeSocket } from "./fake_socket.js";

/** @param {object} [changes] */
export const hello = (changes) => ({
  type: "hello", session: "s-1", client_id: "c-1", cluster: 1, stream: "main", window_ms: 500, seq: 100, recovered: true,
  total: 120, totals: { "🔥": 100, "😀": 20 }, ...changes,
});

/** @param {number} seq @param {[string, number][]} counts @param {object} [changes] */
export const frame = (seq, counts, changes) => ({
  type: "window", stream: "main", cluster: 1, seq, span: 1, start_ms: seq * 500, end_ms: (seq + 1) * 500,
  total: counts.reduce((sum, [, count]) => sum + count, 0),
  counts: counts.map(([emoji_type, count]) => ({ emoji_type, count, final_count: 1 })), ...changes,
});

/** @param {object} [options] */
export function connected(options) {
  const client = new Emostream();
  /** @type {any[]} */
  const events = [];
  for (const type of ["state", "hello", "window", "moved", "delivery", "error"]) {
    client.addEventListener(type, (event) => events.push([type, /** @type {CustomEvent} */ (event).detail]));
  }
  client.connect("https://live.example", { WebSocket: /** @type {any} */ (FakeSocket), random: () => 0, ...options });
  return { client, events, socket: FakeSocket.last };
}

/** @param {Emostream} client */
export const held = (client) => ({ seq: client.seq, total: client.total, totals: Object.fromEntries(client.totals) });
