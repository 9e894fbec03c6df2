/** One stream, live: the socket's exact total and what comes of its windows, with those that are past before them. */

import { Emostream } from "../sdk/emostream.js";
import { ask } from "./api.js";
import { History } from "./history.js";

/** The longest range of the chart, and the default of `session.retention`. */
const KEEP_MS = 600_000;
/** No list of windows is asked to be longer. */
const MAX_WINDOWS = 1_200;

/** @typedef {import("../sdk/emostream.js").Hello & { viewers?: number }} Hello */
/** @typedef {import("../sdk/emostream.js").WindowFrame & { viewers?: number }} WindowFrame */
/** @typedef {import("../sdk/emostream.js").StateDetail} StateDetail */

export class Feed {
  #crowd = new Emostream();
  #changed;
  history = new History(KEEP_MS);
  windowMs = 2_000;
  /** Sessions that watch the stream; undefined where the server does not say. @type {number | undefined} */ viewers;
  /** @type {StateDetail} */ state = { state: "closed" };
  /** When something was last heard of the stream, by this browser's clock; 0 if never. */ heardAtMs = 0;
  /** By how much the server's clock is before this one. */ #aheadMs = 0;
  /** True once the windows that are past are known, or cannot be had. */ isFilled = false;

  /** @param {{ changed: () => void, moved: (cluster: number) => void, refused: () => void }} listener */
  constructor({ changed, moved, refused }) {
    this.#changed = changed;
    this.#on("state", (/** @type {StateDetail} */ detail) => { this.state = detail; this.#changed(); });
    this.#on("hello", (/** @type {Hello} */ hello) => this.#welcome(hello));
    this.#on("window", (/** @type {WindowFrame} */ frame) => this.#add(frame));
    this.#on("delivery", () => this.#changed());
    this.#on("error", (/** @type {{ code: string }} */ { code }) => { if (code === "stream_limit") refused(); });
    this.#on("moved", (/** @type {{ cluster: number }} */ { cluster }) => moved(cluster));
  }

  get stream() { return this.#crowd.stream; }
  get total() { return this.#crowd.total; }
  get isOpen() { return this.state.state === "open" && this.#crowd.seq !== null; }
  get interrupted() { return this.#crowd.interrupted; }
  /** The server's clock, which windows go by. */
  get serverNowMs() { return Date.now() + this.#aheadMs; }

  /** @param {string} stream */
  watch(stream) {
    this.history.clear();
    this.isFilled = false;
    this.viewers = undefined;
    this.heardAtMs = 0;
    if (this.#crowd.state === "closed") this.#crowd.connect(location.origin, { stream });
    else this.#crowd.subscribe(stream);
    this.#changed();
  }

  /** @param {Hello} hello */
  #welcome(hello) {
    this.windowMs = hello.window_ms;
    this.#heard(hello.viewers);
    // What a returning client has missed comes as one frame; else what was before does not join on to what comes.
    if (!hello.recovered) this.history.clear();
    if (!hello.recovered || !this.isFilled) this.#fill(hello.stream);
  }

  /** @param {string} stream */
  async #fill(stream) {
    const limit = Math.min(MAX_WINDOWS, Math.ceil(KEEP_MS / this.windowMs));
    try {
      const { windows } = await (await ask(`/streams/${stream}/windows?limit=${limit}`)).json();
      if (stream !== this.stream) return;
      this.history.fill(windows);
    } catch {
      // The chart then begins with the next frame; that the node is away is said elsewhere.
    }
    this.isFilled = true;
    this.#changed();
  }

  /** @param {WindowFrame} frame */
  #add(frame) {
    this.history.add(frame);
    this.#aheadMs = frame.end_ms - Date.now();
    this.#heard(frame.viewers);
  }

  /** @param {number | undefined} viewers */
  #heard(viewers) {
    this.viewers = viewers;
    this.heardAtMs = Date.now();
    this.#changed();
  }

  /** @template Detail @param {string} type @param {(detail: Detail) => void} listener */
  #on(type, listener) {
    this.#crowd.addEventListener(type, (event) => listener(/** @type {CustomEvent<Detail>} */ (event).detail));
  }
}
