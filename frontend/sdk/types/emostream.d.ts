/**
 * Connection of a page to Emostream: exact totals, over a WebSocket that comes back by itself.
 *
 * Totals are those of `hello` plus every later window. Who comes back names the last one (`since`), and gets what was missed as one.
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
 * Full jitter: a crowd that was dropped comes back spread out, and never before the server wants it.
 *
 * @param {number} attempt Failures in a row before this one. @param {() => number} random @param {number} [retryAfterMs]
 */
export declare function backoffMs(attempt: number, random: () => number, retryAfterMs?: number): number;
/** Of a close reason; 0 where there is none. @param {string} reason */
export declare function retryAfterMs(reason: string): number;
/** Two windows as one: all that is counted adds up. @param {WindowFrame} former @param {WindowFrame} latter @returns {WindowFrame} */
export declare function mergeWindows(former: WindowFrame, latter: WindowFrame): WindowFrame;
declare const Target: new () => import("./shapes.js").CrowdTarget;
export declare class Emostream extends Target {
    #private;
    get state(): import("./shapes.js").State;
    get stream(): string;
    get clientId(): string | undefined;
    get cluster(): number | null;
    /** True while no windows can come: they are late, and none is lost. */
    get interrupted(): boolean;
    /** Last window in the totals, or null before the first hello. */
    get seq(): number | null;
    /** All reactions, exact up to `seq`. */
    get total(): number;
    /** By emoji. What the cluster's policy does not list is missing until the next hello. */
    get totals(): ReadonlyMap<string, number>;
    /** Sessions that watch the stream; undefined where the server does not say. */
    get viewers(): number | undefined;
    /**
     * Opens the connection and keeps it until `close()` or a final refusal.
     *
     * @param {string | URL} url An origin, or the full address of the WebSocket route. @param {Options} [options]
     */
    connect(url: string | URL, options?: Options): void;
    /** Ends the connection for good; `connect` may be called again. */
    close(): void;
    /**
     * Resolves once the server holds the reaction, and rejects with an {@link EmostreamError}.
     *
     * @param {string} emoji @param {number} [count] How many times at once, up to 1000.
     */
    react(emoji: string, count?: number): Promise<void>;
    /**
     * Turns to another stream, whose totals come with the next hello. If it is refused, `error` tells, and the client turns back.
     *
     * @param {string} stream
     */
    subscribe(stream: string): void;
    /**
     * The windows from now on, until `close()` or a final refusal. Unread ones are merged; turning to another stream drops them.
     *
     * @returns {AsyncIterableIterator<WindowFrame>}
     */
    windows(): AsyncIterableIterator<WindowFrame>;
}
export {};
