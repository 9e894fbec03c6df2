/** How a window becomes particles. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { planBurst } from "../../frontend/sdk/scene/burst.js";
import { CAPACITY, ParticlePool } from "../../frontend/sdk/scene/particles.js";

/** @param {[string, number][]} counts */
const planned = (counts, seconds = 2, budget = 100) => planBurst(counts, seconds, budget).map(({ emoji, particles }) => [emoji, particles]);

/** @param {{ particles: number }[]} bursts */
const sum = (bursts) => bursts.reduce((total, { particles }) => total + particles, 0);

/** Slots without a canvas to draw them on. */
function pool() {
  /** @type {string[]} */
  const emojis = [];
  const slotOf = (/** @type {string} */ emoji) => (emojis.includes(emoji) ? emojis.indexOf(emoji) : emojis.push(emoji) - 1);
  return new ParticlePool(/** @type {any} */ ({ slotOf, emojiAt: (/** @type {number} */ slot) => emojis[slot], scale: 1 }));
}

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

test("particles are spread over the window and end by themselves", () => {
  const air = pool();
  air.scatter("🔥", 20, 10, 2);
  assert.deepEqual(air.alive(10), {});
  assert.ok(air.alive(11)["🔥"] >= 9 && air.alive(11)["🔥"] <= 11);
  assert.deepEqual(air.alive(12), { "🔥": 20 });
  air.expire(12);
  assert.equal(air.size, 20);
  air.expire(25);
  assert.equal(air.size, 0);
});

test("the pool never holds more than its cap, and an own reaction still finds its place", () => {
  const air = pool();
  air.scatter("🔥", CAPACITY * 3, 0, 1);
  assert.equal(air.size, CAPACITY);
  air.launch("👏", 1, 0.5, 0.9);
  assert.equal(air.size, CAPACITY);
  assert.deepEqual(air.alive(1), { "🔥": CAPACITY - 1, "👏": 1 });
});
