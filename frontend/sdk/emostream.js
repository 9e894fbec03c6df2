/**
 * Connection of a page to Emostream: one WebSocket, exact running totals, and a return by itself after every interruption.
 *
 * ```js
 * const crowd = new Emostream();
 * crowd.addEventListener("window", () => console.log(crowd.total, crowd.totals.get("🔥")));
 * crowd.connect("https://live.example", { stream: "final" });
 * await crowd.react("🔥");
 * ```
 *
 * Events, all of them `CustomEvent`:
 *
 * | type       | detail                                                               |
 * | ---------- | -------------------------------------------------------------------- |
 * | `state`    | {@link StateDetail}: the state that has just begun                   |
 * | `hello`    | {@link Hello}: the totals were replaced by the server's              |
 * | `window`   | {@link WindowFrame}: the totals have already grown by it             |
 * | `moved`    | `{ cluster }`: another cluster delivers from now on, nothing is lost |
 * | `delivery` | `{ interrupted }`: windows cannot come for now, or come again        |
 * | `error`    | `{ code }`: something no pending reaction is to blame for            |
 *
 * `hello.total` plus the `total` of every later frame is exact. After an interruption the client names the last window it
 * has added up (`since`) and receives what it missed as one merged frame; where the server cannot go back that far, or has
 * been restarted, `hello.recovered` is false. In both cases the totals follow `hello`.
 */

/** @typedef {"connecting" | "open" | "waiting" | "closed"} State */

/**
 * @typedef {object} StateDetail
 * @property {State} state
 * @property {number} [retryInMs] With `waiting`: when the next attempt starts.
 * @property {number} [code] With `waiting` and `closed`: the close code of the socket that ended.
 */

/**
 * @typedef {object} Hello
 * @property {string} session
 * @property {string} client_id
 * @property {number} cluster
 * @property {string} stream
 * @property {number} window_ms Length of a window.
 * @property {number} seq The totals are exact up to this window.
 * @property {boolean} recovered False where `since` was asked for and could not be honoured.
 * @property {number} total
 * @property {Record<string, number>} totals
 */

/** @typedef {{ emoji_type: string, count: number, final_count: number }} EmojiCount */

/**
 * @typedef {object} WindowFrame
 * @property {string} stream
 * @property {number} cluster
 * @property {number} seq The last window in this frame.
 * @property {number} span How many windows the frame sums.
 * @property {number} start_ms
 * @property {number} end_ms
 * @property {number} total Of all emojis, also of those that the cluster's policy does not list.
 * @property {EmojiCount[]} counts
 */

/**
 * @typedef {object} Options
 * @property {string} [stream] Default `main`.
 * @property {number | "auto"} [cluster] Default `auto`: the server decides.
 * @property {string} [clientId] Default: the server gives one, kept for as long as this object lives.
 * @property {typeof WebSocket} [WebSocket] Socket class to use, for tests.
 * @property {() => number} [random] Source of jitter in [0, 1), for tests.
 */

const SUBPROTOCOL = "emostream.v1.json";
/** Policy violation, unauthorised, origin refused: the same attempt would be refused again. */
const FINAL_CLOSE_CODES = new Set([1008, 4001, 4003]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;
/** Longest wait that a close reason is trusted to ask for. */
const RETRY_AFTER_CAP_MS = 300_000;
/** A connection that lasted this long starts the back-off anew; a shorter one counts as another failure. */
const STABLE_AFTER_MS = 5_000;
/** A socket that has not said hello by then is given up. */
const HELLO_TIMEOUT_MS = 10_000;
const ACK_TIMEOUT_MS = 10_000;

/** A reaction that was refused, or whose fate is unknown. */
export class EmostreamError extends Error {
  /** @param {string} code The server's code, or `not_connected`, `unknown_outcome`. */
  constructor(code) {
    super(`reaction failed: ${code}`);
    this.name = "EmostreamError";
    this.code = code;
  }
}

/**
 * Full jitter: anywhere between nothing and the exponential bound, so that a crowd dropped at once comes back spread out.
 * A server that names a time is not disturbed before it.
 *
 * @param {number} attempt Failures in a row before this one.
 * @param {() => number} random
 * @param {number} [retryAfterMs]
 */
export function backoffMs(attempt, random, retryAfterMs = 0) {
  const bound = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
  return Math.max(random() * bound, retryAfterMs);
}

/**
 * `retry_after_ms` of a close reason; 0 where there is none.
 *
 * @param {string} reason
 */
export function retryAfterMs(reason) {
  const value = parseObject(reason)?.retry_after_ms;
  return typeof value === "number" && value > 0 ? Math.min(value, RETRY_AFTER_CAP_MS) : 0;
}

export class Emostream extends EventTarget {
  /** @type {State} */ #state = "closed";
  /** @type {URL | null} */ #endpoint = null;
  /** @type {Options} */ #options = {};
  #stream = "main";
  /** @type {string | undefined} */ #clientId;
  /** @type {number | null} */ #cluster = null;
  /** @type {WebSocket | null} */ #socket = null;
  /** Last window added up; null until a hello has given the totals a base. @type {number | null} */ #seq = null;
  #interrupted = false;
  #total = 0;
  /** @type {Map<string, number>} */ #totals = new Map();
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #phaseTimer;
  #lastReactionId = 0;
  /** Reactions without an answer yet, by id. @type {Map<string, (error: EmostreamError | null) => void>} */
  #unanswered = new Map();

  get state() { return this.#state; }
  get stream() { return this.#stream; }
  get clientId() { return this.#clientId; }
  get cluster() { return this.#cluster; }
  /** True while the server is connected and has no windows to give: they are late, and none is lost. */
  get interrupted() { return this.#interrupted; }
  /** Last window in the totals, or null before the first hello. */
  get seq() { return this.#seq; }
  /** All reactions of the stream, exact up to `seq`. */
  get total() { return this.#total; }
  /** Reactions by emoji. An emoji that the cluster's policy does not list is missing here until the next hello, never in `total`. */
  get totals() { return /** @type {ReadonlyMap<string, number>} */ (this.#totals); }

  /**
   * Opens the connection and keeps it until `close()` or a refusal that is final.
   *
   * @param {string | URL} url An origin (`https://live.example`), or the full address of the WebSocket route.
   * @param {Options} [options]
   */
  connect(url, options = {}) {
    if (this.#state !== "closed") throw new Error("this client is connected already");
    const endpoint = new URL(url);
    endpoint.protocol = endpoint.protocol.replace(/^http/, "ws");
    if (endpoint.pathname === "/") endpoint.pathname = "/ws";
    this.#endpoint = endpoint;
    this.#options = options;
    this.#stream = options.stream ?? "main";
    this.#clientId = options.clientId;
    this.#attempt = 0;
    this.#forgetTotals();
    this.#open();
  }

  /** Ends the connection for good; `connect` may be called again. */
  close() {
    const socket = this.#socket;
    this.#detach();
    socket?.close(1000);
    if (this.#state !== "closed") this.#enter({ state: "closed", code: 1000 });
  }

  /**
   * Sends one reaction.
   *
   * @param {string} emoji
   * @param {number} [count] How many times at once, up to 1000.
   * @returns {Promise<void>} Resolved once the server holds the reaction; rejected with an {@link EmostreamError}.
   */
  react(emoji, count = 1) {
    const socket = this.#socket;
    if (this.#state !== "open" || !socket) return Promise.reject(new EmostreamError("not_connected"));
    const id = String(++this.#lastReactionId);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#answer(id, new EmostreamError("unknown_outcome")), ACK_TIMEOUT_MS);
      this.#unanswered.set(id, (error) => {
        clearTimeout(timer);
        error ? reject(error) : resolve();
      });
      socket.send(JSON.stringify({ type: "react", emoji_type: emoji, count, id }));
    });
  }

  /**
   * Turns to another stream; its totals come with the next hello.
   *
   * @param {string} stream
   */
  subscribe(stream) {
    this.#stream = stream;
    this.#forgetTotals();
    if (this.#state === "open") this.#sendSubscribe();
  }

  #open() {
    // A server that has nothing to give says so after its hello.
    this.#interrupted = false;
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(this.#address(), SUBPROTOCOL);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", (event) => this.#ended(socket, event.code, event.reason));
    this.#phaseTimer = setTimeout(() => this.#abandon(socket), HELLO_TIMEOUT_MS);
    this.#enter({ state: "connecting" });
  }

  #address() {
    const address = new URL(/** @type {URL} */ (this.#endpoint));
    const query = address.searchParams;
    query.set("stream", this.#stream);
    query.set("cluster", String(this.#options.cluster ?? "auto"));
    if (this.#clientId !== undefined) query.set("client_id", this.#clientId);
    if (this.#seq !== null) query.set("since", String(this.#seq));
    return address.href;
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #receive(socket, data) {
    if (socket !== this.#socket) return;
    const message = parseObject(data);
    if (message === null) return this.#emit("error", { code: "bad_frame" });
    switch (message.type) {
      case "hello": return this.#onHello(message);
      case "window": return this.#onWindow(message);
      case "moved": return this.#onMoved(message);
      case "status": return this.#onStatus(message);
      case "ack": return this.#answer(message.id, null);
      case "error": return this.#onError(message);
      // A type that is not known here comes from a newer server and is none of this client's business.
    }
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#clientId = hello.client_id;
    this.#cluster = hello.cluster;
    if (this.#state !== "open") {
      clearTimeout(this.#phaseTimer);
      this.#phaseTimer = setTimeout(() => { this.#attempt = 0; }, STABLE_AFTER_MS);
    }
    const wanted = hello.stream === this.#stream;
    if (wanted) {
      this.#seq = hello.seq;
      this.#total = hello.total;
      this.#totals = new Map(Object.entries(hello.totals));
    }
    if (this.#state !== "open") {
      this.#enter({ state: "open" });
      // `subscribe` was called after this socket's address had been written.
      if (!wanted) this.#sendSubscribe();
    }
    if (wanted) this.#emit("hello", hello);
  }

  /** @param {WindowFrame} frame */
  #onWindow(frame) {
    // Frames of a stream just left, and anything already added up, must not touch the totals.
    if (frame.stream !== this.#stream || this.#seq === null || frame.seq <= this.#seq) return;
    this.#seq = frame.seq;
    this.#total += frame.total;
    for (const { emoji_type, count } of frame.counts) {
      this.#totals.set(emoji_type, (this.#totals.get(emoji_type) ?? 0) + count);
    }
    this.#emit("window", frame);
  }

  /** @param {{ cluster: number }} moved */
  #onMoved({ cluster }) {
    this.#cluster = cluster;
    this.#emit("moved", { cluster });
  }

  /** @param {{ delivery?: string }} status */
  #onStatus({ delivery }) {
    const interrupted = delivery === "interrupted";
    if (interrupted === this.#interrupted) return;
    this.#interrupted = interrupted;
    this.#emit("delivery", { interrupted });
  }

  /** @param {{ code: string, id?: string }} error */
  #onError({ code, id }) {
    if (id === undefined || !this.#answer(id, new EmostreamError(code))) this.#emit("error", { code });
  }

  /** @param {string} id @param {EmostreamError | null} error */
  #answer(id, error) {
    const settle = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    settle?.(error);
    return settle !== undefined;
  }

  /** @param {WebSocket} socket @param {number} code @param {string} reason */
  #ended(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#detach();
    if (FINAL_CLOSE_CODES.has(code)) return this.#enter({ state: "closed", code });
    const delay = backoffMs(this.#attempt, this.#options.random ?? Math.random, retryAfterMs(reason));
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open(), delay);
    this.#enter({ state: "waiting", retryInMs: delay, code });
  }

  /** @param {WebSocket} socket */
  #abandon(socket) {
    this.#ended(socket, 1006, "");
    socket.close();
  }

  /** Lets go of the socket, whose later events are then ignored, and settles what waited for its answers. */
  #detach() {
    this.#socket = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#phaseTimer);
    for (const id of [...this.#unanswered.keys()]) this.#answer(id, new EmostreamError("unknown_outcome"));
  }

  #forgetTotals() {
    this.#seq = null;
    this.#total = 0;
    this.#totals = new Map();
  }

  #sendSubscribe() {
    this.#socket?.send(JSON.stringify({ type: "subscribe", stream: this.#stream }));
  }

  /** @param {StateDetail} detail */
  #enter(detail) {
    this.#state = detail.state;
    this.#emit("state", detail);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @param {unknown} text
 * @returns {any} The JSON object in `text`, or null.
 */
function parseObject(text) {
  try {
    const value = JSON.parse(/** @type {string} */ (text));
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
