/** A TCP proxy before a server, whose connections the test cuts. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  /** Both ends of every connection. @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #server = createServer((downstream) => this.#join(downstream));
  #target;

  /** @param {string} origin Of the server behind it. */
  constructor(origin) {
    this.#target = new URL(origin);
  }

  get origin() {
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${port}`;
  }

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Ends every connection at once, without a word; new ones are let through. @returns {number} How many there were. */
  cut() {
    const numConnections = this.#sockets.size / 2;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return numConnections;
  }

  stop() {
    this.cut();
    this.#server.close();
  }

  /** @param {import("node:net").Socket} downstream */
  #join(downstream) {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    for (const [socket, other] of [[downstream, upstream], [upstream, downstream]]) {
      this.#sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
