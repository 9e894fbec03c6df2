/** A server that only says what a crowd of any size would have it say: the wire of Emostream, without anybody reacting. */

import { once } from "node:events";
import { WebSocketServer } from "ws";

const WINDOW_MS = 500;

export class CrowdFeed {
  #counts;
  #seq = 1_000;
  /** @type {WebSocketServer | undefined} */ #server;
  /** @type {NodeJS.Timeout | undefined} */ #ticking;

  /** @param {[emoji: string, count: number][]} counts Of every window, the highest first. */
  constructor(counts) {
    this.#counts = counts;
  }

  get origin() {
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.#server?.address());
    return `http://127.0.0.1:${port}`;
  }

  get reactionsPerSecond() {
    return (this.#sum() * 1_000) / WINDOW_MS;
  }

  async start() {
    this.#server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    this.#server.on("connection", (socket) => socket.send(JSON.stringify({
      type: "hello", session: "1", client_id: "1", cluster: 1, stream: "main", window_ms: WINDOW_MS, seq: this.#seq, recovered: true,
      total: 0, totals: {},
    })));
    await once(this.#server, "listening");
    this.#ticking = setInterval(() => this.#tick(), WINDOW_MS);
  }

  /** No further window comes; connections stay. */
  fallSilent() {
    clearInterval(this.#ticking);
  }

  stop() {
    this.fallSilent();
    for (const socket of this.#server?.clients ?? []) socket.terminate();
    this.#server?.close();
  }

  #tick() {
    this.#seq += 1;
    const frame = JSON.stringify({
      type: "window", stream: "main", cluster: 1, seq: this.#seq, span: 1, start_ms: this.#seq * WINDOW_MS,
      end_ms: (this.#seq + 1) * WINDOW_MS, total: this.#sum(),
      counts: this.#counts.map(([emoji_type, count]) => ({ emoji_type, count, final_count: Math.floor(count / 1_000) })),
    });
    for (const socket of this.#server?.clients ?? []) socket.send(frame);
  }

  #sum() {
    return this.#counts.reduce((sum, [, count]) => sum + count, 0);
  }
}
