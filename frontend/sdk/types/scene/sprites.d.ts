/**
 * Emojis drawn once and then copied: text layout per particle and frame would cost more than all the rest of the stage.
 *
 * Each emoji has one sprite per depth. Far ones are small, dim and out of focus, near ones large and sharp. A new emoji waits for
 * `prepare`, which draws one of them per frame: a window full of new ones would take longer than a frame has.
 */
/** Depths from far to near: `size` of the loudest and `blur` in CSS pixels at a zoom of 1, `light` as opacity. */
export declare const DEPTHS: {
    size: number;
    blur: number;
    light: number;
}[];
/** Emojis that have sprites at the same time; bounds the memory for them. */
export declare const CAPACITY = 96;
export declare class SpriteSheet {
    #private;
    /** @param {(emoji: string) => string} nameOf What stands in for an emoji that the system's font does not have. */
    constructor(nameOf: (emoji: string) => string);
    /** Sprites of another scale stay until `prepare` has come to them. @param {number} wanted */
    rescale(wanted: number): void;
    /**
     * @param {string} emoji
     * @returns {number} The emoji's slot, or -1 where every slot has something in the air.
     */
    slotOf(emoji: string): number;
    /** @param {number} slot */
    emojiAt(slot: number): string;
    /** Scale of the slot's sprites, or 0 as long as there are none. @param {number} slot */
    scaleAt(slot: number): number;
    /** @param {number} slot @param {number} depth */
    spriteAt(slot: number, depth: number): HTMLCanvasElement;
    /** One more particle of this slot is in the air. @param {number} slot */
    retain(slot: number): void;
    /** One less is. @param {number} slot */
    release(slot: number): void;
    /** Draws the sprites of one emoji that has none of the wanted scale. */
    prepare(): void;
    /** @param {number} slot */
    draw(slot: number): void;
}
