/**
 * The particle pool: what is in the air, where it is at a given time, and how it is drawn.
 *
 * A particle's place is a function of its age alone, so nothing is integrated and a lost frame costs nothing. All fields live in typed
 * arrays of a fixed length: a frame allocates nothing and the number of particles has a hard cap.
 */
export type Burst = import("./burst.js").Burst;
export type View = {
    /**
     * In CSS pixels.
     */
    width: number;
    /**
     * In CSS pixels.
     */
    height: number;
    /**
     * Device pixels per CSS pixel.
     */
    pixelRatio: number;
    /**
     * How much larger emojis are than on a canvas 720 CSS pixels high.
     */
    zoom: number;
};
export type Rise = {
    /**
     * In seconds.
     */
    now: number;
    /**
     * Time over which the particles are spread.
     */
    seconds: number;
    /**
     * From 0, a few people, each to be seen, to 1, a crowd with a depth.
     */
    crowding: number;
    /**
     * 1 for an even stream; with more, more of them come early.
     */
    surge: number;
};
/** @typedef {import("./burst.js").Burst} Burst */
/**
 * @typedef {object} View
 * @property {number} width In CSS pixels.
 * @property {number} height In CSS pixels.
 * @property {number} pixelRatio Device pixels per CSS pixel.
 * @property {number} zoom How much larger emojis are than on a canvas 720 CSS pixels high.
 */
/**
 * How a burst comes up.
 *
 * @typedef {object} Rise
 * @property {number} now In seconds.
 * @property {number} seconds Time over which the particles are spread.
 * @property {number} crowding From 0, a few people, each to be seen, to 1, a crowd with a depth.
 * @property {number} surge 1 for an even stream; with more, more of them come early.
 */
/** Hard cap on particles, those waiting for their moment included. */
export declare const CAPACITY = 480;
/** Seconds in the air on average, in a crowd. */
export declare const MEAN_LIFE: number;
export declare class ParticlePool {
    #private;
    /** @param {import("./sprites.js").SpriteSheet} sprites */
    constructor(sprites: import("./sprites.js").SpriteSheet);
    /** Particles held, those waiting for their moment included. */
    get size(): number;
    clear(): void;
    /**
     * Lets one emoji's particles rise from the bottom edge; those that find no room are left out.
     *
     * @param {Burst} burst @param {Rise} rise
     */
    scatter({ emoji, particles, loudness }: Burst, { now, seconds, crowding, surge }: Rise): void;
    /**
     * One particle at once, from a given place; a full pool gives up the oldest for it.
     *
     * @param {string} emoji @param {number} now In seconds. @param {number} x Share of the width. @param {number} y Share of the height.
     */
    launch(emoji: string, now: number, x: number, y: number): void;
    /** Removes what has faded; the others keep their order, in which they cover each other. @param {number} now In seconds. */
    expire(now: number): void;
    /**
     * Draws far before near.
     *
     * @param {CanvasRenderingContext2D} context @param {number} now In seconds. @param {View} view
     */
    draw(context: CanvasRenderingContext2D, now: number, view: View): void;
    /**
     * Particles in the air by emoji; allocates, for looking in from outside.
     *
     * @param {number} now In seconds.
     */
    alive(now: number): Record<string, number>;
}
