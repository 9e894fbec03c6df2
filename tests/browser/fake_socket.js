/** A WebSocket whose other end is the test. */
export class FakeSocket extends EventTarget {
  /** All sockets that were opened, oldest first. @type {FakeSocket[]} */
  static opened = [];

  /** Messages sent by the client. @type {any[]} */
  sent = [];
  closed = false;

  /** @param {string} url @param {string} protocol */
  constructor(url, protocol) {
    super();
    this.url = new URL(url);
    this.protocol = protocol;
    FakeSocket.opened.push(this);
  }

  static get last() { return /** @type {FakeSocket} */ (FakeSocket.opened.at(-1)); }

  /** @param {string} text */
  send(text) { this.sent.push(JSON.parse(text)); }

  close() { this.closed = true; }

  /** @param {object | string} message */
  receive(message) {
    const data = typeof message === "string" ? message : JSON.stringify(message);
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  /** @param {number} code @param {object | string} [reason] */
  end(code, reason = "") {
    const text = typeof reason === "string" ? reason : JSON.stringify(reason);
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason: text }));
  }
}
