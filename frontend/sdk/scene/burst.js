/**
 * How loud a window looks: from exact counts to a number of particles.
 *
 * The scale is logarithmic, since a crowd is felt by its order of magnitude and a canvas holds a few hundred emojis at most. Small
 * counts are shown one to one; an emoji that was sent at all is shown at least once, as far as the budget goes.
 */

/** Particles per second for each doubling of an emoji's rate. */
const PARTICLES_PER_DOUBLING = 2.2;

/** Emojis beyond this rank in one window have no particles. */
const MAX_EMOJIS = 64;

/** Above any rate that counts can have: there every emoji is down to one particle. */
const MAX_QUIET_LOG2 = 64;
const SEARCH_STEPS = 14;

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
export function planBurst(counts, seconds, budget, span = 1) {
  const ranked = [...counts].filter(([, count]) => count > 0).sort((left, right) => right[1] - left[1]);
  const shown = ranked.slice(0, Math.min(MAX_EMOJIS, budget));
  const loudest = Math.log1p(shown[0]?.[1] ?? 1);
  const plan = (/** @type {number} */ quietRate) => shown.map(([emoji, count]) => {
    const wanted = PARTICLES_PER_DOUBLING * Math.log2(1 + count / (seconds * span) / quietRate) * seconds;
    return { emoji, particles: Math.max(1, Math.min(count, Math.round(wanted))), loudness: Math.log1p(count) / loudest };
  });
  const bursts = plan(1);
  if (numParticles(bursts) <= budget) return bursts;
  let tooQuiet = 0;
  let fits = MAX_QUIET_LOG2;
  for (let step = 0; step < SEARCH_STEPS; step += 1) {
    const middle = (tooQuiet + fits) / 2;
    if (numParticles(plan(2 ** middle)) <= budget) fits = middle;
    else tooQuiet = middle;
  }
  return plan(2 ** fits);
}

/** @param {Burst[]} bursts */
export const numParticles = (bursts) => bursts.reduce((sum, { particles }) => sum + particles, 0);
