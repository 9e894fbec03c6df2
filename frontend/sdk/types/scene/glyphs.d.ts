/** One emoji on a canvas of its own, in the system's font; or its name, where the font does not have it. */
export type Depth = {
    size: number;
    blur: number;
    light: number;
};
/**
 * True if the system's font has this emoji. Of a sequence the first part counts: the font may draw the others beside it, and that
 * says more than a name.
 *
 * @param {string} emoji
 */
export declare function hasGlyph(emoji: string): boolean;
/** @param {HTMLCanvasElement} canvas @param {string} emoji @param {Depth} depth @param {number} scale */
export declare function drawEmoji(canvas: HTMLCanvasElement, emoji: string, depth: Depth, scale: number): void;
/** @param {HTMLCanvasElement} canvas @param {string} name @param {Depth} depth @param {number} scale */
export declare function drawName(canvas: HTMLCanvasElement, name: string, depth: Depth, scale: number): void;
