/** Own reactions fly at once. The window that brings them back must not let them fly twice. */
export type Emostream = import("../emostream.js").Emostream;
export type EmojiCount = import("../shapes.js").EmojiCount;
export declare class OwnReactions {
    #private;
    /** @param {Emostream} crowd */
    constructor(crowd: Emostream);
    /**
     * Sends one reaction, which flies at once if there is a connection to send it over.
     *
     * @param {string} emoji @param {() => void} fly
     * @returns {Promise<void>} As of `Emostream.react`.
     */
    react(emoji: string, fly: () => void): Promise<void>;
    /** New totals are a new start: what they hold comes in no window. */
    forget(): void;
    /**
     * @param {EmojiCount[]} counts Of the next window.
     * @returns {[emoji: string, count: number][]} What is left to fly.
     */
    withoutOwn(counts: EmojiCount[]): [emoji: string, count: number][];
}
