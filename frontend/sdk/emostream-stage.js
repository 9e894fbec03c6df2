/**
 * `<emostream-stage>`: the crowd's emojis, floating over whatever it is laid on.
 *
 * ```html
 * <script type="module" src="https://live.example/sdk/emostream-stage.js"></script>
 * <emostream-stage stream="final"></emostream-stage>
 * ```
 *
 * | attribute | meaning                                                          | if not given                        |
 * | --------- | ---------------------------------------------------------------- | ----------------------------------- |
 * | `server`  | where Emostream is                                               | the server this module was got from |
 * | `stream`  | what to watch                                                    | `main`                              |
 * | `cluster` | a cluster's number                                               | the server decides                  |
 * | `buttons` | emojis to send from, with spaces between them                    | no buttons                          |
 * | `label`   | what the buttons are called together, for those who cannot see   | `Send a reaction`                   |
 *
 * It fills the nearest positioned ancestor unless a style of the page says otherwise, lets every click through but those on its
 * buttons, and draws nothing for a visitor who prefers less motion. `::part(buttons)` and `::part(button)` take styles. A reaction
 * of its buttons that was not taken is told by the event `refused`, whose detail is `{ emoji, code }`.
 */

import { Emostream, EmostreamError } from "./emostream.js";
import { OwnReactions } from "./scene/own.js";
import { Scene } from "./scene/scene.js";
import { STYLE } from "./stage-style.js";

const HOME = new URL(import.meta.url).origin;
/** Where own reactions take off unless told, as shares of the box. */
const TAKE_OFF = { x: 0.5, y: 0.92 };
/** Length of a window until the server has said it. */
const WINDOW_MS = 2_000;

/** A page that is drawn on a server has no elements there, and may load this all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object);

export class EmostreamStage extends Base {
  static observedAttributes = ["server", "stream", "cluster", "buttons", "label"];

  #crowd = new Emostream();
  #own = new OwnReactions(this.#crowd);
  #canvas = document.createElement("canvas");
  #bar = document.createElement("div");
  /** @type {Scene | undefined} */ #scene;
  #windowMs = WINDOW_MS;
  /** Address and cluster of the connection; empty while there is none. */
  #connectedTo = "";
  /** True while a change waits to be looked at. */
  #changed = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    // A sheet that is made by a script: a strict content security policy lets no other style in.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#bar.className = "buttons";
    this.#bar.part.add("buttons");
    this.#bar.setAttribute("role", "group");
    root.append(this.#canvas, this.#bar);
    this.#listen();
  }

  /** The connection, for its totals and its events. The element opens and closes it. */
  get crowd() { return this.#crowd; }
  /** What is drawn on; undefined while the element is not on a page. */
  get scene() { return this.#scene; }

  get server() { return this.getAttribute("server") ?? HOME; }
  set server(server) { this.setAttribute("server", server); }
  get stream() { return this.getAttribute("stream") ?? "main"; }
  set stream(stream) { this.setAttribute("stream", stream); }
  get cluster() { return this.getAttribute("cluster") ?? "auto"; }
  set cluster(cluster) { this.setAttribute("cluster", cluster); }
  get buttons() { return this.getAttribute("buttons") ?? ""; }
  set buttons(buttons) { this.setAttribute("buttons", buttons); }
  get label() { return this.getAttribute("label") ?? "Send a reaction"; }
  set label(label) { this.setAttribute("label", label); }

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

  connectedCallback() { this.#look(); }
  disconnectedCallback() { this.#look(); }
  attributeChangedCallback() { this.#look(); }

  #listen() {
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
    const { server, stream, cluster } = this;
    const wanted = `${server} ${cluster}`;
    if (this.#connectedTo !== wanted) {
      this.#crowd.close();
      this.#connectedTo = wanted;
      this.#crowd.connect(server, { stream, cluster: Number(cluster) || "auto" });
    } else if (this.#crowd.stream !== stream) {
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
      this.dispatchEvent(new CustomEvent("refused", { detail: { emoji, code: error.code } }));
    }
  }

  /** Buttons stay focusable while nothing can be sent: a keyboard user keeps the place. */
  #showState() {
    for (const button of this.#bar.children) button.setAttribute("aria-disabled", String(this.#crowd.state !== "open"));
  }
}

/** Plays a button's short animation from its start, also where it is still under way. @param {HTMLButtonElement} button @param {"sent" | "refused"} name */
function play(button, name) {
  button.classList.remove("sent", "refused");
  // Reading a layout value ends the old animation before the new one begins.
  void button.offsetWidth;
  button.classList.add(name);
}

if (globalThis.customElements && !customElements.get("emostream-stage")) customElements.define("emostream-stage", EmostreamStage);
