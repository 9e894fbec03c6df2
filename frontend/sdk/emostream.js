/**
 * Connection of a page to Emostream: one WebSocket, exact running totals, and a return by itself after every interruption.
 *
 * Totals are those of `hello` plus every later window. A client that comes back names the last window it has added up
 * (`since`) and receives what it missed as one; where the server cannot go back that far, `hello.recovered` is false.
 */

/** @typedef {import("./shapes.js").Events} Events */
/** @typedef {import("./shapes.js").Hello} Hello */
/** @typedef {import("./shapes.js").Options} Options */
/** @typedef {import("./shapes.js").State} State */
/** @typedef {import("./shapes.js").StateDetail} StateDetail */
/** @typedef {import("./shapes.js").WindowFrame} WindowFrame */

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
/** A hidden page stays connected for so long: a glance at another tab is not worth a return. */
const PAUSE_AFTER_MS = 10_000;

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
 * Full jitter: a crowd dropped at once comes back spread out, and never before the time that the server names.
 *
 * @param {number} attempt Failures in a row before this one.
 * @param {() => number} random @param {number} [retryAfterMs]
 */
export function backoffMs(attempt, random, retryAfterMs = 0) {
  const bound = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
  return Math.max(random() * bound, retryAfterMs);
}

/** `retry_after_ms` of a close reason; 0 where there is none. @param {string} reason */
export function retryAfterMs(reason) {
  const value = parseObject(reason)?.retry_after_ms;
  return typeof value === "number" && value > 0 ? Math.min(value, RETRY_AFTER_CAP_MS) : 0;
}

/**
 * Two windows as one. Counts add up, and so does what the cluster's policy gave to each (`final_count`).
 *
 * @param {WindowFrame} former @param {WindowFrame} latter
 * @returns {WindowFrame}
 */
export function mergeWindows(former, latter) {
  const sums = new Map();
  for (const { emoji_type, count, final_count } of [...former.counts, ...latter.counts]) {
    const sum = sums.get(emoji_type) ?? { count: 0, final_count: 0 };
    sums.set(emoji_type, { emoji_type, count: sum.count + count, final_count: sum.final_count + final_count });
  }
  return {
    ...latter,
    span: former.span + latter.span,
    start_ms: former.start_ms,
    total: former.total + latter.total,
    counts: [...sums.values()].sort((left, right) => right.count - left.count),
  };
}

const Target = /** @type {new () => import("./shapes.js").CrowdTarget} */ (EventTarget);

export class Emostream extends Target {
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
  /** @type {number | undefined} */ #viewers;
  /** True once the page has been hidden for too long to keep a connection for it. */
  #unseen = false;
  #attempt = 0;
  #retryTimer = 0;
  #phaseTimer = 0;
  #pauseTimer = 0;
  #lastReactionId = 0;
  /** Reactions without an answer yet, by id. @type {Map<string, (refusal?: string) => void>} */
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
  /** Sessions that watch the stream on this node, as of the last frame; undefined where the server does not say. */
  get viewers() { return this.#viewers; }

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
    globalThis.document?.addEventListener("visibilitychange", this.#look);
    this.#look();
    this.#open();
  }

  /** Ends the connection for good; `connect` may be called again. */
  close() {
    this.#detach();
    if (this.#state !== "closed") this.#finish(1000);
  }

  /**
   * Sends one reaction.
   *
   * @param {string} emoji
   * @param {number} [count] How many times at once, up to 1000.
   * @returns {Promise<void>} Resolved once the server holds the reaction; rejected with an {@link EmostreamError}.
   */
  async react(emoji, count = 1) {
    if (this.#state !== "open") throw new EmostreamError("not_connected");
    const id = String(++this.#lastReactionId);
    this.#send({ type: "react", emoji_type: emoji, count, id });
    const timer = setTimeout(() => this.#answer(id, "unknown_outcome"), ACK_TIMEOUT_MS);
    const refusal = await new Promise((answer) => this.#unanswered.set(id, answer));
    clearTimeout(timer);
    if (refusal) throw new EmostreamError(refusal);
  }

  /**
   * Turns to another stream; its totals come with the next hello.
   *
   * @param {string} stream
   */
  subscribe(stream) {
    this.#stream = stream;
    this.#forgetTotals();
    if (this.#state === "open") this.#turn();
  }

  /**
   * The windows from now on, for `for await`, until `close()` or a final refusal. Those that a slow reader has not read are
   * merged into one, of the same sum; turning to another stream drops it.
   *
   * @returns {AsyncIterableIterator<WindowFrame>}
   */
  windows() {
    /** @type {WindowFrame | undefined} */ let unread;
    /** @type {((result: IteratorResult<WindowFrame>) => void)[]} */ const readers = [];
    const over = new AbortController();
    const { signal } = over;
    const hand = () => {
      while (readers[0] && (unread || signal.aborted)) {
        readers.shift()?.(unread ? { value: unread } : { value: unread, done: true });
        unread = undefined;
      }
    };
    signal.addEventListener("abort", hand);
    this.addEventListener("window", ({ detail }) => {
      unread = unread?.stream === detail.stream ? mergeWindows(unread, detail) : detail;
      hand();
    }, { signal });
    this.addEventListener("state", ({ detail }) => { if (detail.state === "closed") over.abort(); }, { signal });
    return {
      next: () => new Promise((resolve) => { readers.push(resolve); hand(); }),
      return: async () => { unread = undefined; over.abort(); return { value: unread, done: true }; },
      [Symbol.asyncIterator]() { return this; },
    };
  }

  #open() {
    if (this.#unseen) return this.#enter({ state: "paused" });
    // A server that has nothing to give says so after its hello.
    this.#interrupted = false;
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(this.#address(), SUBPROTOCOL);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", (event) => this.#ended(socket, event.code, event.reason));
    // `close` tells all. In Node an error that nobody listens to ends the program.
    socket.addEventListener("error", () => {});
    this.#phaseTimer = setTimeout(() => this.#ended(socket, 1006, ""), HELLO_TIMEOUT_MS);
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
      case "ack": return this.#answer(message.id);
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
      this.#viewers = hello.viewers;
    }
    if (this.#state !== "open") {
      this.#enter({ state: "open" });
      // `subscribe` was called after this socket's address had been written.
      if (!wanted) this.#turn();
    }
    if (wanted) this.#emit("hello", hello);
  }

  /** @param {WindowFrame} frame */
  #onWindow(frame) {
    // Frames of a stream just left, and anything already added up, must not touch the totals.
    if (frame.stream !== this.#stream || this.#seq === null || frame.seq <= this.#seq) return;
    this.#seq = frame.seq;
    this.#total += frame.total;
    this.#viewers = frame.viewers;
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

  /** @param {{ code: string, id: string }} error */
  #onError({ code, id }) {
    if (!this.#answer(id, code)) this.#emit("error", { code });
  }

  /** @param {string} id @param {string} [refusal] */
  #answer(id, refusal) {
    this.#unanswered.get(id)?.(refusal);
    return this.#unanswered.delete(id);
  }

  /** @param {WebSocket} socket @param {number} code @param {string} reason */
  #ended(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#detach();
    if (FINAL_CLOSE_CODES.has(code)) return this.#finish(code);
    const delay = backoffMs(this.#attempt, this.#options.random ?? Math.random, retryAfterMs(reason));
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open(), delay);
    this.#enter({ state: "waiting", retryInMs: delay, code });
  }

  /** Lets go of the socket, whose later events are then ignored, and settles what waited for its answers. */
  #detach() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#phaseTimer);
    for (const id of this.#unanswered.keys()) this.#answer(id, "unknown_outcome");
  }

  /** @param {number} code */
  #finish(code) {
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#pauseTimer);
    this.#enter({ state: "closed", code });
  }

  /** Follows the page out of sight and back. */
  #look = () => {
    clearTimeout(this.#pauseTimer);
    this.#unseen = false;
    const { pauseAfterMs = PAUSE_AFTER_MS } = this.#options;
    if (!globalThis.document?.hidden) {
      if (this.#state === "paused") this.#open();
    } else if (pauseAfterMs < Infinity) {
      this.#pauseTimer = setTimeout(() => this.#pause(), pauseAfterMs);
    }
  };

  /** Closes the socket of a page that nobody sees: what it misses comes as one window when it is back. */
  #pause() {
    this.#unseen = true;
    // A wait that the server asked for goes on, and pauses at its end.
    if (this.#state === "waiting") return;
    this.#detach();
    this.#enter({ state: "paused" });
  }

  #forgetTotals() {
    this.#seq = null;
    this.#total = 0;
    this.#totals = new Map();
    this.#viewers = undefined;
  }

  #turn() {
    this.#send({ type: "subscribe", stream: this.#stream });
  }

  /** @param {object} message */
  #send(message) {
    this.#socket?.send(JSON.stringify(message));
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

/** The JSON object in `text`, or null. @param {any} text @returns {any} */
function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
