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
import { Emostream } from "./emostream.js";
import { Scene } from "./scene/scene.js";
export type Value = string | number | null | undefined;
/** @typedef {string | number | null | undefined} Value */
/** A page that is drawn on a server has no elements there, and may load this all the same. */
declare const Base: typeof HTMLElement;
export declare class EmostreamStage extends Base {
    #private;
    static observedAttributes: string[];
    constructor();
    /** The connection, for its totals and its events. The element opens and closes it. */
    get crowd(): Emostream;
    /** What is drawn on; undefined while the element is not on a page. */
    get scene(): Scene | undefined;
    /** @returns {string} */ get server(): string;
    set server(/** @type {Value} */ server: Value);
    /** @returns {string} */ get stream(): string;
    set stream(/** @type {Value} */ stream: Value);
    /** @returns {string} */ get cluster(): string;
    set cluster(/** @type {Value} */ cluster: Value);
    /** @returns {string} */ get buttons(): string;
    set buttons(/** @type {Value} */ buttons: Value);
    /** @returns {string} */ get label(): string;
    set label(/** @type {Value} */ label: Value);
    /** @returns {string} */ get refusal(): string;
    set refusal(/** @type {Value} */ refusal: Value);
    /** @returns {number | undefined} */
    get pauseAfterMs(): number | undefined;
    set pauseAfterMs(/** @type {Value} */ pauseAfterMs: Value);
    /**
     * Sends one reaction, which flies at once.
     *
     * @param {string} emoji
     * @param {{ x?: number, y?: number }} [from] Where it takes off, as shares of the box; default: the middle of its lower edge.
     * @returns {Promise<void>} As of `Emostream.react`.
     */
    react(emoji: string, { x, y }?: {
        x?: number;
        y?: number;
    }): Promise<void>;
    connectedCallback(): void;
    disconnectedCallback(): void;
    adoptedCallback(): void;
    attributeChangedCallback(): void;
}
export {};
