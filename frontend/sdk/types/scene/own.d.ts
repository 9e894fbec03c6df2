/** Own reactions fly at once. The window that brings them back must not let them fly twice. */
export type EmojiCount = import("../shapes.js").EmojiCount;
/** @typedef {import("../shapes.js").EmojiCount} EmojiCount */
export declare class OwnReactions {
    #private;
    /** @param {string} emoji @param {number} [count] */
    flew(emoji: string, count?: number): void;
    /** They came back, or were not taken and never will. @param {string} emoji @param {number} [count] */
    landed(emoji: string, count?: number): void;
    /** New totals are a new start: what they hold comes in no window. */
    forget(): void;
    /**
     * @param {EmojiCount[]} counts
     * @returns {[emoji: string, count: number][]} What is left to fly.
     */
    withoutOwn(counts: EmojiCount[]): [emoji: string, count: number][];
}
