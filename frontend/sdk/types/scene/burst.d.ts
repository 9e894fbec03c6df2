/**
 * How loud a window looks: from exact counts to a number of particles.
 *
 * The scale is logarithmic, since a crowd is felt by its order of magnitude and a canvas holds a few hundred emojis at most. Small
 * counts are shown one to one; an emoji that was sent at all is shown at least once, as far as the budget goes.
 */
export type Burst = {
    emoji: string;
    particles: number;
    loudness: number;
};
/**
 * `loudness` is 1 for the most frequent emoji of the window, and less by order of magnitude.
 *
 * @typedef {{ emoji: string, particles: number, loudness: number }} Burst
 */
/**
 * Where the budget is short, the rate that counts as quiet is raised until all fits: a full stage shows the crowd's mood with more
 * contrast, not everything in equal parts.
 *
 * @param {Iterable<[emoji: string, count: number]>} counts
 * @param {number} seconds Time over which the particles are spread.
 * @param {number} budget Particles that may be spent on the whole window.
 * @param {number} [span] How many windows the counts sum: what was missed in a minute is no louder than the minute was.
 * @returns {Burst[]} At most `budget` particles in sum, most frequent emoji first.
 */
export declare function planBurst(counts: Iterable<[emoji: string, count: number]>, seconds: number, budget: number, span?: number): Burst[];
/** @param {Burst[]} bursts */
export declare const numParticles: (bursts: Burst[]) => number;
