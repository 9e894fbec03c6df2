/**
 * Connection of a page to Emostream: exact totals, over a WebSocket that comes back by itself.
 *
 * Totals are those of `hello` plus every later window. Who comes back names the last one (`since`), and gets what was missed as one.
 */

/** @typedef {import("./shapes.js").Events} Events */
/** @typedef {import("./shapes.js").Hello} Hello */
/** @typedef {import("./shapes.js").Options} Options */
/** @typedef {import("./shapes.js").State} State */
/** @typedef {import("./shapes.js").StateDetail} StateDetail */
/** @typedef {import("./shapes.js").WindowFrame} WindowFrame */

/** Protocol broken, unauthorised, origin refused: to come back would not help. */
const FINAL_CLOSE_CODES = new Set([1008, 4001, 4003]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;
/** No close reason is trusted to ask for more. */
const RETRY_AFTER_CAP_MS = 300_000;
/** A connection that lasted this long starts the back-off anew. */
const STABLE_AFTER_MS = 5_000;
/** For a hello or an ack. */
const TIMEOUT_MS = 10_000;
/** A glance at another tab is not worth a return. */
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
 * Full jitter: a crowd that was dropped comes back spread out, and never before the server wants it.
 *
 * @param {number} attempt Failures in a row before this one. @param {() => number} random @param {number} [retryAfterMs]
 */
export function backoffMs(attempt, random, retryAfterMs = 0) {
  const bound = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
  return Math.max(random() * bound, retryAfterMs);
}

/** Of a close reason; 0 where there is none. @param {string} reason */
export function retryAfterMs(reason) {
  const wanted = parse(reason)?.retry_after_ms;
  return wanted > 0 ? Math.min(wanted, RETRY_AFTER_CAP_MS) : 0;
}

/** Two windows as one: all that is counted adds up. @param {WindowFrame} former @param {WindowFrame} latter @returns {WindowFrame} */
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
  #endpoint = "";
  /** @type {Options} */ #options = {};
  #stream = "main";
  /** What the server's session watches. */
  #watched = "main";
  /** Requests for another stream: all that were made, and those of this socket without an answer yet. */
  #numTurns = 0;
  #unansweredTurns = 0;
  /** @type {string | undefined} */ #clientId;
  /** @type {number | null} */ #cluster = null;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {number | null} */ #seq = null;
  #interrupted = false;
  #total = 0;
  /** @type {Map<string, number>} */ #totals = new Map();
  /** @type {number | undefined} */ #viewers;
  /** True once the page has been hidden for too long. */
  #unseen = false;
  #attempt = 0;
  /** Until the hello is overdue, the connection is stable, or the next attempt begins. */
  #timer = 0;
  #pauseTimer = 0;
  #lastReactionId = 0;
  /** Reactions without an answer yet, by id. @type {Map<string, (refusal?: string) => void>} */
  #unanswered = new Map();

  get state() { return this.#state; }
  get stream() { return this.#stream; }
  get clientId() { return this.#clientId; }
  get cluster() { return this.#cluster; }
  /** True while no windows can come: they are late, and none is lost. */
  get interrupted() { return this.#interrupted; }
  /** Last window in the totals, or null before the first hello. */
  get seq() { return this.#seq; }
  /** All reactions, exact up to `seq`. */
  get total() { return this.#total; }
  /** By emoji. What the cluster's policy does not list is missing until the next hello. */
  get totals() { return /** @type {ReadonlyMap<string, number>} */ (this.#totals); }
  /** Sessions that watch the stream; undefined where the server does not say. */
  get viewers() { return this.#viewers; }

  /**
   * Opens the connection and keeps it until `close()` or a final refusal.
   *
   * @param {string | URL} url An origin, or the full address of the WebSocket route. @param {Options} [options]
   */
  connect(url, options = {}) {
    if (this.#state !== "closed") throw new Error("this client is connected already");
    const endpoint = new URL(url);
    endpoint.protocol = endpoint.protocol.replace(/^http/, "ws");
    if (endpoint.pathname === "/") endpoint.pathname = "/ws";
    this.#endpoint = endpoint.href;
    this.#options = { ...options };
    this.#stream = String(options.stream ?? "main");
    this.#clientId = options.clientId;
    this.#attempt = 0;
    this.#unseen = false;
    this.#begin();
    this.#open();
    // A listener may have closed it again.
    if (this.#state === "closed") return;
    globalThis.document?.addEventListener("visibilitychange", this.#look);
    this.#look();
  }

  /** Ends the connection for good; `connect` may be called again. */
  close() {
    this.#detach();
    if (this.#state !== "closed") this.#finish(1000);
  }

  /**
   * Resolves once the server holds the reaction, and rejects with an {@link EmostreamError}.
   *
   * @param {string} emoji @param {number} [count] How many times at once, up to 1000.
   */
  async react(emoji, count = 1) {
    if (this.#state !== "open") throw new EmostreamError("not_connected");
    // Another type, or half a character, breaks the protocol, which ends the connection for good.
    if (!Number.isSafeInteger(count) || count < 1) throw new EmostreamError("invalid_count");
    const id = String(++this.#lastReactionId);
    this.#send({ type: "react", emoji_type: String(emoji).replace(/\p{Cs}/gu, "?"), count, id });
    const timer = setTimeout(() => this.#answer(id, "unknown_outcome"), TIMEOUT_MS);
    const refusal = await new Promise((answer) => this.#unanswered.set(id, answer));
    clearTimeout(timer);
    if (refusal) throw new EmostreamError(refusal);
  }

  /**
   * Turns to another stream, whose totals come with the next hello. If it is refused, `error` tells, and the client turns back.
   *
   * @param {string} stream
   */
  subscribe(stream) {
    this.#stream = String(stream);
    this.#numTurns += 1;
    this.#begin();
    if (this.#state === "open") this.#turn();
  }

  /**
   * The windows from now on, until `close()` or a final refusal. Unread ones are merged; turning to another stream drops them.
   *
   * @returns {AsyncIterableIterator<WindowFrame>}
   */
  windows() {
    /** @type {WindowFrame | undefined} */ let unread;
    let numTurns = this.#numTurns;
    /** @type {((result: any) => void)[]} */ const readers = [];
    const over = new AbortController();
    const { signal } = over;
    /** @param {WindowFrame} [latest] */
    const hand = (latest) => {
      if (numTurns !== this.#numTurns) unread = undefined;
      numTurns = this.#numTurns;
      if (latest) unread = unread ? mergeWindows(unread, latest) : latest;
      while (readers[0] && (unread || signal.aborted)) {
        readers.shift()?.({ value: unread, done: !unread });
        unread = undefined;
      }
    };
    signal.addEventListener("abort", () => hand());
    this.addEventListener("window", ({ detail }) => hand(detail), { signal });
    this.addEventListener("state", ({ detail }) => { if (detail.state === "closed") over.abort(); }, { signal });
    if (this.#endpoint && this.#state === "closed") over.abort();
    return {
      next: () => new Promise((resolve) => { readers.push(resolve); hand(); }),
      return: async () => { unread = undefined; over.abort(); return { value: unread, done: true }; },
      [Symbol.asyncIterator]() { return this; },
    };
  }

  #open() {
    if (this.#unseen) return this.#enter({ state: "paused" });
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(this.#address(), "emostream.v1.json");
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", (event) => this.#ended(socket, event.code, event.reason));
    // In Node an error without a listener ends the program.
    socket.addEventListener("error", () => {});
    this.#timer = setTimeout(() => this.#ended(socket, 1006, ""), TIMEOUT_MS);
    this.#enter({ state: "connecting" });
  }

  #address() {
    const address = new URL(this.#endpoint);
    const query = { stream: this.#stream, cluster: this.#options.cluster ?? "auto", client_id: this.#clientId, since: this.#seq };
    for (const [name, value] of Object.entries(query)) if (value != null) address.searchParams.set(name, String(value));
    return address.href;
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #receive(socket, data) {
    if (socket !== this.#socket) return;
    const message = parse(data);
    if (message === null) return this.#emit("error", { code: "bad_frame" });
    switch (message.type) {
      case "hello": return this.#onHello(message);
      case "window": return this.#onWindow(message);
      case "moved": return this.#onMoved(message);
      case "status": return this.#onStatus(message);
      case "ack": return this.#answer(message.id);
      case "error": return this.#onError(message);
      // Other types come from newer servers.
    }
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#clientId = hello.client_id;
    this.#cluster = hello.cluster;
    this.#watched = hello.stream;
    const wanted = hello.stream === this.#stream;
    if (wanted) this.#begin(hello);
    if (this.#state === "open") {
      this.#unansweredTurns -= 1;
    } else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => { this.#attempt = 0; }, STABLE_AFTER_MS);
      // `subscribe` was called after this socket's address had been written.
      if (!wanted) this.#turn();
      this.#enter({ state: "open" });
    }
    // A listener may have closed the client or turned it elsewhere.
    if (wanted && this.#state === "open" && this.#seq !== null) this.#emit("hello", hello);
    this.#turnBack();
  }

  /** @param {WindowFrame} frame */
  #onWindow(frame) {
    // Of a stream just left, or added up already.
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
    // The one that was asked for has retired.
    this.#options.cluster = "auto";
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
    // One that is late was told as an unknown outcome.
    if (id !== undefined) return this.#answer(id, code);
    if (code === "invalid_stream" || code === "stream_limit") this.#unansweredTurns -= 1;
    this.#emit("error", { code });
    this.#turnBack();
  }

  /** A stream that is not watched, with no answer to come, was refused. */
  #turnBack() {
    if (this.#state === "open" && this.#unansweredTurns < 1 && this.#watched !== this.#stream) this.subscribe(this.#watched);
  }

  /** @param {string} id @param {string} [refusal] */
  #answer(id, refusal) {
    this.#unanswered.get(id)?.(refusal);
    this.#unanswered.delete(id);
  }

  /** @param {WebSocket} socket @param {number} code @param {string} reason */
  #ended(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#detach();
    if (FINAL_CLOSE_CODES.has(code)) return this.#finish(code);
    const delay = backoffMs(this.#attempt, this.#options.random ?? Math.random, retryAfterMs(reason));
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#enter({ state: "waiting", retryInMs: delay, code });
  }

  /** Lets go of the socket, and settles what waits for its answers. */
  #detach() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    clearTimeout(this.#timer);
    this.#unansweredTurns = 0;
    for (const id of this.#unanswered.keys()) this.#answer(id, "unknown_outcome");
  }

  /** @param {number} code */
  #finish(code) {
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#pauseTimer);
    this.#enter({ state: "closed", code });
  }

  #look = () => {
    clearTimeout(this.#pauseTimer);
    this.#unseen = false;
    const { pauseAfterMs = PAUSE_AFTER_MS } = this.#options;
    if (!globalThis.document?.hidden) {
      if (this.#state === "paused") this.#open();
    } else if (pauseAfterMs < 2 ** 31) {
      // A timer that is set to more runs off at once.
      this.#pauseTimer = setTimeout(() => this.#pause(), pauseAfterMs);
    }
  };

  #pause() {
    this.#unseen = true;
    // A wait goes on, and pauses at its end.
    if (this.#state === "waiting") return;
    this.#detach();
    this.#enter({ state: "paused" });
  }

  /** @param {Partial<Hello>} [hello] What is added up begins with it, or not before the next one. */
  #begin({ seq, total = 0, totals = {}, viewers } = {}) {
    this.#seq = seq ?? null;
    this.#total = total;
    this.#totals = new Map(Object.entries(totals));
    this.#viewers = viewers;
  }

  #turn() {
    this.#unansweredTurns += 1;
    this.#send({ type: "subscribe", stream: this.#stream });
  }

  /** @param {object} message */
  #send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** @param {StateDetail} detail */
  #enter(detail) {
    this.#state = detail.state;
    // Without a connection nothing is late.
    if (detail.state !== "open") this.#onStatus({});
    this.#emit("state", detail);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What the JSON in `text` holds, or null where it is none. @param {any} text @returns {any} */
function parse(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return null;
  }
}
