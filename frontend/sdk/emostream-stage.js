/**
 * `<emostream-stage>`: the crowd's emojis, floating over whatever it is laid on.
 *
 * ```html
 * <script type="module" src="https://live.example/sdk/emostream-stage.js"></script>
 * <emostream-stage stream="final"></emostream-stage>
 * ```
 *
 * | attribute        | meaning                                                        | if not given                        |
 * | ---------------- | -------------------------------------------------------------- | ----------------------------------- |
 * | `server`         | where Emostream is                                             | the server this module was got from |
 * | `stream`         | what to watch                                                  | `main`                              |
 * | `cluster`        | a cluster's number                                             | the server decides                  |
 * | `buttons`        | emojis to send from, with spaces between them                  | no buttons                          |
 * | `label`          | what the buttons are called together, for those who cannot see | `Send a reaction`                   |
 * | `refusal`        | what is said to them of a reaction that was not taken          | `Not accepted`                      |
 * | `pause-after-ms` | how long a hidden page stays connected; `Infinity` for ever    | 10 s                                |
 *
 * Each has a property as well (`pauseAfterMs`); nothing, or an empty one, takes the attribute away.
 *
 * It fills the nearest positioned ancestor unless a style of the page says otherwise, lets every click through but those on its
 * buttons, and draws nothing for a visitor who prefers less motion. `::part(buttons)` and `::part(button)` take styles. A reaction
 * of its buttons that was not taken is told by the event `refused`, whose detail is `{ emoji, code }`.
 */

import { Emostream, EmostreamError } from "./emostream.js";
import { play } from "./play.js";
import { OwnReactions } from "./scene/own.js";
import { Scene } from "./scene/scene.js";
import { STYLE } from "./stage-style.js";

const HOME = new URL(import.meta.url).origin;
/** Where own reactions take off unless told, as shares of the box. */
const TAKE_OFF = { x: 0.5, y: 0.92 };
/** Length of a window until the server has said it. */
const WINDOW_MS = 2_000;

/** One per attribute. */
const PROPERTIES = ["server", "stream", "cluster", "buttons", "label", "refusal", "pauseAfterMs"];

/** @typedef {string | number | null | undefined} Value */

/** A page that is drawn on a server has no elements there, and may load this all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object);

export class EmostreamStage extends Base {
  static observedAttributes = ["server", "stream", "cluster", "buttons", "label", "refusal", "pause-after-ms"];

  #crowd = new Emostream();
  #own = new OwnReactions(this.#crowd);
  #canvas = document.createElement("canvas");
  #bar = document.createElement("div");
  #status = document.createElement("span");
  /** @type {Scene | undefined} */ #scene;
  #windowMs = WINDOW_MS;
  /** What the connection was made with; empty while there is none. */
  #connectedTo = "";
  /** True while a change waits to be looked at. */
  #changed = false;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).append(this.#canvas, this.#bar, this.#status);
    this.#dress();
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#bar.className = "buttons";
    this.#bar.part.add("buttons");
    this.#bar.setAttribute("role", "group");
    this.#status.className = "status";
    this.#status.setAttribute("role", "status");
    this.#listen();
  }

  /** The connection, for its totals and its events. The element opens and closes it. */
  get crowd() { return this.#crowd; }
  /** What is drawn on; undefined while the element is not on a page. */
  get scene() { return this.#scene; }

  /** @returns {string} */ get server() { return this.getAttribute("server") || HOME; }
  set server(/** @type {Value} */ server) { this.#reflect("server", server); }
  /** @returns {string} */ get stream() { return this.getAttribute("stream") || "main"; }
  set stream(/** @type {Value} */ stream) { this.#reflect("stream", stream); }
  /** @returns {string} */ get cluster() { return this.getAttribute("cluster") || "auto"; }
  set cluster(/** @type {Value} */ cluster) { this.#reflect("cluster", cluster); }
  /** @returns {string} */ get buttons() { return this.getAttribute("buttons") ?? ""; }
  set buttons(/** @type {Value} */ buttons) { this.#reflect("buttons", buttons); }
  /** @returns {string} */ get label() { return this.getAttribute("label") || "Send a reaction"; }
  set label(/** @type {Value} */ label) { this.#reflect("label", label); }
  /** @returns {string} */ get refusal() { return this.getAttribute("refusal") || "Not accepted"; }
  set refusal(/** @type {Value} */ refusal) { this.#reflect("refusal", refusal); }
  /** @returns {number | undefined} */
  get pauseAfterMs() {
    const given = parseFloat(this.getAttribute("pause-after-ms") ?? "");
    return Number.isNaN(given) ? undefined : given;
  }
  set pauseAfterMs(/** @type {Value} */ pauseAfterMs) { this.#reflect("pause-after-ms", pauseAfterMs); }

  /**
   * Sends one reaction, which flies at once.
   *
   * @param {string} emoji
   * @param {{ x?: number, y?: number }} [from] Where it takes off, as shares of the box; default: the middle of its lower edge.
   * @returns {Promise<void>} As of `Emostream.react`.
   */
  react(emoji, { x = TAKE_OFF.x, y = TAKE_OFF.y } = {}) {
    return this.#own.react(emoji, () => this.#scene?.launch(emoji, x * this.#canvas.clientWidth, y * this.#canvas.clientHeight));
  }

  connectedCallback() {
    this.#upgrade();
    this.#look();
  }

  disconnectedCallback() { this.#look(); }
  adoptedCallback() { this.#dress(); }
  attributeChangedCallback() { this.#look(); }

  /** @param {string} attribute @param {Value} value */
  #reflect(attribute, value) {
    if (value === null || value === undefined || value === "") this.removeAttribute(attribute);
    else this.setAttribute(attribute, String(value));
  }

  /** What was set before this element was defined stands before its properties. */
  #upgrade() {
    const element = /** @type {any} */ (this);
    for (const name of PROPERTIES.filter((property) => Object.hasOwn(element, property))) {
      const value = element[name];
      delete element[name];
      element[name] = value;
    }
  }

  /** A sheet that is made by a script: a strict content security policy lets no other style in. It holds in one document only. */
  #dress() {
    const view = this.ownerDocument.defaultView;
    if (!view) return;
    const sheet = new view.CSSStyleSheet();
    sheet.replaceSync(STYLE);
    /** @type {ShadowRoot} */ (this.shadowRoot).adoptedStyleSheets = [sheet];
  }

  #listen() {
    // A native button is clicked by every repetition of a key that is held.
    this.#bar.addEventListener("keydown", (event) => { if (event.repeat && event.key === "Enter") event.preventDefault(); });
    this.#crowd.addEventListener("state", () => this.#showState());
    this.#crowd.addEventListener("hello", ({ detail }) => {
      this.#windowMs = detail.window_ms;
      if (!detail.recovered) this.#own.forget();
    });
    this.#crowd.addEventListener("window", ({ detail }) => {
      this.#scene?.burst(this.#own.withoutOwn(detail.counts), this.#windowMs, detail.span);
    });
  }

  /** Once per task, however many attributes change: an element that is moved keeps its connection. */
  #look() {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (this.isConnected) this.#start();
      else this.#stop();
    });
  }

  #start() {
    this.#scene ??= new Scene(this.#canvas);
    this.#fillBar();
    const { stream, cluster, pauseAfterMs } = this;
    const server = new URL(this.server).href;
    const wanted = `${server} ${cluster} ${pauseAfterMs}`;
    const isTurned = this.#crowd.stream !== stream;
    if (this.#connectedTo !== wanted || (isTurned && this.#crowd.state === "closed")) {
      this.#crowd.close();
      this.#connectedTo = wanted;
      this.#crowd.connect(server, { stream, cluster: Number(cluster) || "auto", pauseAfterMs });
    } else if (isTurned) {
      this.#crowd.subscribe(stream);
    }
  }

  #stop() {
    this.#crowd.close();
    this.#connectedTo = "";
    this.#scene?.destroy();
    this.#scene = undefined;
  }

  #fillBar() {
    this.#bar.setAttribute("aria-label", this.label);
    const emojis = this.buttons.split(/\s+/).filter((emoji) => emoji !== "");
    if (emojis.join(" ") !== [...this.#bar.children].map((button) => button.textContent).join(" ")) {
      this.#bar.replaceChildren(...emojis.map((emoji) => this.#createButton(emoji)));
    }
    this.#bar.hidden = emojis.length === 0;
    this.#showState();
  }

  /** @param {string} emoji */
  #createButton(emoji) {
    const button = document.createElement("button");
    button.type = "button";
    button.part.add("button");
    // Its name as well: a screen reader says what an emoji is in the visitor's own language.
    button.textContent = emoji;
    button.addEventListener("click", () => this.#press(emoji, button));
    return button;
  }

  /** @param {string} emoji @param {HTMLButtonElement} button */
  async #press(emoji, button) {
    const box = this.getBoundingClientRect();
    const { left, top, width } = button.getBoundingClientRect();
    const outcome = this.react(emoji, { x: (left + width / 2 - box.left) / box.width, y: (top - box.top) / box.height });
    play(button, "sent");
    try {
      await outcome;
    } catch (error) {
      if (!(error instanceof EmostreamError)) throw error;
      play(button, "refused");
      this.#status.textContent = `${this.refusal}: ${emoji}`;
      this.dispatchEvent(new CustomEvent("refused", { detail: { emoji, code: error.code } }));
    }
  }

  /** Buttons stay focusable while nothing can be sent: a keyboard user keeps the place. */
  #showState() {
    for (const button of this.#bar.children) button.setAttribute("aria-disabled", String(this.#crowd.state !== "open"));
  }
}

if (globalThis.customElements && !customElements.get("emostream-stage")) customElements.define("emostream-stage", EmostreamStage);
