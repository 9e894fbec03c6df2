/** How a window becomes particles. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { planBurst } from "../../frontend/sdk/scene/burst.js";
import { CAPACITY, ParticlePool } from "../../frontend/sdk/scene/particles.js";

/** @param {[string, number][]} counts */
const planned = (counts, seconds = 2, budget = 100) => planBurst(counts, seconds, budget).map(({ emoji, particles }) => [emoji, particles]);

/** @param {{ particles: number }[]} bursts */
const sum = (bursts) => bursts.reduce((total, { particles }) => total + particles, 0);

/** Slots without a canvas to draw them on, and how many particles hold each. */
function pool() {
  /** @type {string[]} */
  const emojis = [];
  const held = {};
  const slotOf = (/** @type {string} */ emoji) => (emojis.includes(emoji) ? emojis.indexOf(emoji) : emojis.push(emoji) - 1);
  const change = (slot, by) => { held[emojis[slot]] = (held[emojis[slot]] ?? 0) + by; };
  const sprites = {
    slotOf, emojiAt: (slot) => emojis[slot], draw() {}, retain: (slot) => change(slot, 1), release: (slot) => change(slot, -1),
  };
  return { air: new ParticlePool(/** @type {any} */ (sprites)), held };
}

/** @param {number} particles */
const burst = (particles, emoji = "🔥", loudness = 1) => ({ emoji, particles, loudness });

/** An even stream of a crowd. */
const rise = (now, seconds, changes = {}) => ({ now, seconds, crowding: 1, surge: 1, ...changes });

test("a handful of reactions is shown one to one", () => {
  assert.deepEqual(planned([["🔥", 1], ["👏", 2]]), [["👏", 2], ["🔥", 1]]);
  assert.deepEqual(planned([["🔥", 0]]), []);
});

test("ten times the reactions are a few particles more", () => {
  const of = (/** @type {number} */ count) => sum(planBurst([["🔥", count]], 2, 100));
  assert.ok(of(10) < of(100) && of(100) < of(1_000) && of(1_000) < of(100_000));
  assert.ok(of(100_000) - of(10_000) <= 20);
});

test("the budget holds, and every emoji has its particle, for any crowd", () => {
  for (const numEmojis of [1, 5, 12, 50, 90]) {
    for (const count of [1, 40, 5_000, 2_000_000_000]) {
      for (const budget of [1, 6, 90]) {
        const bursts = planBurst(Array.from({ length: numEmojis }, (_, index) => [String(index), count]), 0.5, budget);
        assert.ok(sum(bursts) <= budget, `${numEmojis} x ${count} into ${budget}: ${sum(bursts)}`);
        assert.ok(bursts.every(({ particles }) => particles >= 1));
      }
    }
  }
});

test("the most frequent emoji is the loudest, and the others follow by order of magnitude", () => {
  const loudness = planBurst([["👏", 10], ["🔥", 100_000], ["🎉", 100_000]], 1, 100).map((burst) => burst.loudness.toFixed(2));
  assert.deepEqual(loudness, ["1.00", "1.00", "0.21"]);
});

test("what was missed in a minute is no louder than the minute was", () => {
  const [missed] = planBurst([["🔥", 6_000]], 1, 100, 60);
  const [live] = planBurst([["🔥", 100]], 1, 100);
  assert.equal(missed.particles, live.particles);
});

test("particles are spread over the window and end by themselves", () => {
  const { air, held } = pool();
  air.scatter(burst(20), rise(10, 2));
  assert.deepEqual(air.alive(10), {});
  assert.ok(air.alive(11)["🔥"] >= 9 && air.alive(11)["🔥"] <= 11);
  assert.deepEqual(air.alive(12), { "🔥": 20 });
  air.expire(12);
  assert.equal(air.size, 20);
  air.expire(25);
  assert.equal(air.size, 0);
  assert.deepEqual(held, { "🔥": 0 });
});

test("a crowd that grows loud at once comes early", () => {
  const { air } = pool();
  air.scatter(burst(100), rise(0, 2, { surge: 2 }));
  const early = air.alive(0.5)["🔥"];
  assert.ok(early >= 49 && early <= 51, `${early} in the first quarter`);
  assert.deepEqual(air.alive(2), { "🔥": 100 });
});

test("the pool never holds more than its cap, and an own reaction still finds its place", () => {
  const { air, held } = pool();
  air.scatter(burst(CAPACITY * 3), rise(0, 1));
  assert.equal(air.size, CAPACITY);
  air.launch("👏", 1, 0.5, 0.9);
  assert.equal(air.size, CAPACITY);
  assert.deepEqual(air.alive(1), { "🔥": CAPACITY - 1, "👏": 1 });
  assert.deepEqual(held, air.alive(1));
  air.clear();
  assert.equal(air.size, 0);
  assert.deepEqual(held, { "🔥": 0, "👏": 0 });
});
