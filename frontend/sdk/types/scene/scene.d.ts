/**
 * A canvas for the crowd: turns windows into particles and runs the animation loop while anything is in the air. It is as large as
 * the page lays the canvas out.
 *
 * A page or canvas out of sight and a visitor who prefers less motion get no particles; what would have been in the air meanwhile is
 * not made up for.
 */
export type SceneOptions = {
    /**
     * What stands in for an emoji that the system's font does not have; default: its
     * name where it is one of the newest, else its code point.
     */
    nameOf?: (emoji: string) => string;
};
export declare class Scene {
    #private;
    /** @param {HTMLCanvasElement} canvas @param {SceneOptions} [options] */
    constructor(canvas: HTMLCanvasElement, options?: SceneOptions);
    get capacity(): number;
    get size(): number;
    /** True while nobody would see anything move, or wants to. */
    get still(): boolean;
    /** Particles in the air, by emoji. */
    alive(): Record<string, number>;
    /** How many of the cells of a coarse grid over the canvas have something painted in them. */
    paintedCells(): number;
    /**
     * Spreads the counts of one window over the time until the next one.
     *
     * @param {Iterable<[emoji: string, count: number]>} counts
     * @param {number} windowMs
     * @param {number} [span] How many windows the counts sum.
     */
    burst(counts: Iterable<[emoji: string, count: number]>, windowMs: number, span?: number): void;
    /**
     * One emoji at once, from a point of the canvas in CSS pixels.
     *
     * @param {string} emoji @param {number} x @param {number} y
     */
    launch(emoji: string, x: number, y: number): void;
    /** Lets go of the page: nothing moves or listens any more, and the canvas is empty. */
    destroy(): void;
}
