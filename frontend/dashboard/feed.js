/** One stream, live: the socket's exact total and what comes of its windows, with those that are past before them. */

import { Emostream } from "../sdk/emostream.js";
import { ask } from "./api.js";
import { History } from "./history.js";

/** The longest range of the chart, and the default of `session.retention`. */
const KEEP_MS = 600_000;
/** No list of windows is asked to be longer. */
const MAX_WINDOWS = 1_200;

/** @typedef {import("../sdk/emostream.js").Hello} Hello */
/** @typedef {import("../sdk/emostream.js").StateDetail} StateDetail */

export class Feed {
  #crowd = new Emostream();
  #changed;
  history = new History(KEEP_MS);
  windowMs = 2_000;
  /** @type {StateDetail} */ state = { state: "closed" };
  /** When something was last heard of the stream, by this browser's clock; 0 if never. */ heardAtMs = 0;
  /** By how much the server's clock is before this one. */ #aheadMs = 0;
  /** True once the windows that are past are known, or cannot be had. */ isFilled = false;

  /** @param {{ changed: () => void, moved: (cluster: number) => void, refused: () => void }} listener */
  constructor({ changed, moved, refused }) {
    this.#changed = changed;
    this.#crowd.addEventListener("state", ({ detail }) => {
      this.state = detail;
      changed();
    });
    this.#crowd.addEventListener("hello", ({ detail }) => this.#welcome(detail));
    this.#crowd.addEventListener("window", ({ detail }) => {
      this.history.add(detail);
      this.#aheadMs = detail.end_ms - Date.now();
      this.#heard();
    });
    this.#crowd.addEventListener("delivery", changed);
    this.#crowd.addEventListener("moved", ({ detail }) => moved(detail.cluster));
    this.#crowd.addEventListener("error", ({ detail }) => { if (detail.code === "stream_limit") refused(); });
  }

  get stream() { return this.#crowd.stream; }
  get total() { return this.#crowd.total; }
  /** Sessions that watch the stream; undefined where the server does not say. */
  get viewers() { return this.#crowd.viewers; }
  get isOpen() { return this.state.state === "open" && this.#crowd.seq !== null; }
  get interrupted() { return this.#crowd.interrupted; }
  /** The server's clock, which windows go by. */
  get serverNowMs() { return Date.now() + this.#aheadMs; }

  /** @param {string} stream */
  watch(stream) {
    this.history.clear();
    this.isFilled = false;
    this.heardAtMs = 0;
    if (this.#crowd.state === "closed") this.#crowd.connect(location.origin, { stream });
    else this.#crowd.subscribe(stream);
    this.#changed();
  }

  /** @param {Hello} hello */
  #welcome(hello) {
    this.windowMs = hello.window_ms;
    // What was before does not join on to what comes: the node was started again, or this page was away for too long.
    if (!hello.recovered) this.history.clear();
    this.#heard();
    // Also for who comes back, and gets what was missed as one frame: the node has it window by window.
    this.#fill(hello.stream);
  }

  /** @param {string} stream */
  async #fill(stream) {
    const limit = Math.min(MAX_WINDOWS, Math.ceil(KEEP_MS / this.windowMs));
    try {
      const { windows } = await (await ask(`/streams/${stream}/windows?limit=${limit}`)).json();
      if (stream !== this.stream) return;
      this.history.fill(windows);
    } catch {
      // The chart then has what the frames bring; that the node is away is said elsewhere.
    }
    this.isFilled = true;
    this.#changed();
  }

  #heard() {
    this.heardAtMs = Date.now();
    this.#changed();
  }
}
