/** The shapes of what the SDK takes and gives. Types alone: nothing is loaded from here. */

export {};

/**
 * `paused` is the state of a page that nobody sees: it holds no connection, and comes back when it is seen.
 *
 * @typedef {"connecting" | "open" | "waiting" | "paused" | "closed"} State
 */

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
 * @property {number} [viewers] Sessions that watch the stream; older servers do not say.
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
 * @property {EmojiCount[]} counts The highest count first.
 * @property {number} [viewers] Sessions that watch the stream; older servers do not say.
 */

/**
 * @typedef {object} Options
 * @property {string} [stream] Default `main`.
 * @property {number | "auto"} [cluster] Default `auto`: the server decides, as it does once it has moved this client.
 * @property {string} [clientId] Default: the server gives one, kept for as long as this object lives.
 * @property {number} [pauseAfterMs] How long a hidden page stays connected; default 10 s. `Infinity`: for as long as it is open.
 * @property {typeof WebSocket} [WebSocket] Socket class to use where there is none built in, and for tests.
 * @property {() => number} [random] Source of jitter in [0, 1), for tests.
 */

/**
 * Events by type, with the `detail` of each.
 *
 * @typedef {object} Events
 * @property {StateDetail} state The state that has just begun.
 * @property {Hello} hello The totals were replaced by the server's.
 * @property {WindowFrame} window The totals have already grown by it.
 * @property {{ cluster: number }} moved Another cluster delivers from now on; nothing is lost.
 * @property {{ interrupted: boolean }} delivery Windows cannot come for now, or may come again.
 * @property {{ code: string }} error What no reaction is to blame for: a refused `subscribe`, or `bad_frame` for one that
 *   is no JSON.
 */

/**
 * @typedef {<Type extends keyof Events>(
 *   type: Type, listener: (event: CustomEvent<Events[Type]>) => void, options?: boolean | AddEventListenerOptions,
 * ) => void} AddCrowdListener
 */

/** @typedef {{ addEventListener: AddCrowdListener } & EventTarget} CrowdTarget */
