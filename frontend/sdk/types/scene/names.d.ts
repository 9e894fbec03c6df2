/**
 * What an emoji is called where the system's font does not have it. Fonts lack the newest ones only, so that those of the last few
 * years are enough; the names are Unicode's (CLDR). Any other is named by its code point.
 */
/** @param {string} emoji */
export declare function nameOf(emoji: string): string;
