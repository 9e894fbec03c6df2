/**
 * Connection of a page to Emostream: one WebSocket, exact running totals, and a return by itself after every interruption.
 *
 * Totals are those of `hello` plus every later window. A client that comes back names the last window it has added up
 * (`since`) and receives what it missed as one; where the server cannot go back that far, `hello.recovered` is false.
 */
export type Events = import("./shapes.js").Events;
export type Hello = import("./shapes.js").Hello;
export type Options = import("./shapes.js").Options;
export type State = import("./shapes.js").State;
export type StateDetail = import("./shapes.js").StateDetail;
export type WindowFrame = import("./shapes.js").WindowFrame;
/** A reaction that was refused, or whose fate is unknown. */
export declare class EmostreamError extends Error {
    code: string;
    /** @param {string} code The server's code, or `not_connected`, `unknown_outcome`. */
    constructor(code: string);
}
/**
 * Full jitter: a crowd dropped at once comes back spread out, and never before the time that the server names.
 *
 * @param {number} attempt Failures in a row before this one.
 * @param {() => number} random @param {number} [retryAfterMs]
 */
export declare function backoffMs(attempt: number, random: () => number, retryAfterMs?: number): number;
/** `retry_after_ms` of a close reason; 0 where there is none. @param {string} reason */
export declare function retryAfterMs(reason: string): number;
/**
 * Two windows as one. Counts add up, and so does what the cluster's policy gave to each (`final_count`).
 *
 * @param {WindowFrame} former @param {WindowFrame} latter
 * @returns {WindowFrame}
 */
export declare function mergeWindows(former: WindowFrame, latter: WindowFrame): WindowFrame;
declare const Target: new () => import("./shapes.js").CrowdTarget;
export declare class Emostream extends Target {
    #private;
    get state(): import("./shapes.js").State;
    get stream(): string;
    get clientId(): string | undefined;
    get cluster(): number | null;
    /** True while the server is connected and has no windows to give: they are late, and none is lost. */
    get interrupted(): boolean;
    /** Last window in the totals, or null before the first hello. */
    get seq(): number | null;
    /** All reactions of the stream, exact up to `seq`. */
    get total(): number;
    /** Reactions by emoji. An emoji that the cluster's policy does not list is missing here until the next hello, never in `total`. */
    get totals(): ReadonlyMap<string, number>;
    /** Sessions that watch the stream on this node, as of the last frame; undefined where the server does not say. */
    get viewers(): number | undefined;
    /**
     * Opens the connection and keeps it until `close()` or a refusal that is final.
     *
     * @param {string | URL} url An origin (`https://live.example`), or the full address of the WebSocket route.
     * @param {Options} [options]
     */
    connect(url: string | URL, options?: Options): void;
    /** Ends the connection for good; `connect` may be called again. */
    close(): void;
    /**
     * Sends one reaction.
     *
     * @param {string} emoji
     * @param {number} [count] How many times at once, up to 1000.
     * @returns {Promise<void>} Resolved once the server holds the reaction; rejected with an {@link EmostreamError}.
     */
    react(emoji: string, count?: number): Promise<void>;
    /**
     * Turns to another stream; its totals come with the next hello.
     *
     * @param {string} stream
     */
    subscribe(stream: string): void;
    /**
     * The windows from now on, for `for await`, until `close()` or a final refusal. Those that a slow reader has not read are
     * merged into one, of the same sum; turning to another stream drops it.
     *
     * @returns {AsyncIterableIterator<WindowFrame>}
     */
    windows(): AsyncIterableIterator<WindowFrame>;
}
export {};
