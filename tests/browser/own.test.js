/** Own reactions fly once: when they are sent, and not again in the window that brings them back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnReactions } from "../../frontend/sdk/scene/own.js";

/** Own reactions over a connection that takes what it is told to take. */
function started() {
  /** @type {string[]} */ const flown = [];
  const crowd = { state: "open", react: async () => {} };
  const own = new OwnReactions(/** @type {any} */ (crowd));
  /** @param {string} emoji */
  const react = (emoji) => own.react(emoji, () => flown.push(emoji));
  /** What is left to fly of a window. @param {[emoji: string, count: number][]} counts */
  const left = (...counts) => own.withoutOwn(counts.map(([emoji_type, count]) => ({ emoji_type, count, final_count: 1 })));
  return { crowd, own, react, left, flown };
}

test("what was sent flies at once, and is left out of the window that has it", async () => {
  const { react, left, flown } = started();
  await Promise.all([react("🔥"), react("🔥"), react("👏")]);
  assert.deepEqual(flown, ["🔥", "🔥", "👏"]);
  assert.deepEqual(left(["🔥", 5], ["👏", 1]), [["🔥", 3], ["👏", 0]]);
  assert.deepEqual(left(["🔥", 5], ["👏", 1]), [["🔥", 5], ["👏", 1]]);
});

test("what comes back in parts is left out of each", async () => {
  const { react, left } = started();
  for (let sent = 0; sent < 4; sent += 1) await react("🔥");
  assert.deepEqual([left(["🔥", 1]), left(["🔥", 9])], [[["🔥", 0]], [["🔥", 6]]]);
});

for (const [sent, counted] of [["\u2764", "\u2764\uFE0F"], ["\u{1F44D}\uFE0F", "\u{1F44D}"]]) {
  test(`an emoji is known in the form that the server counts under: ${sent} as ${counted}`, async () => {
    const { react, left } = started();
    await react(sent);
    assert.deepEqual(left([counted, 3]), [[counted, 2]]);
  });
}

test("one that a policy has cut out of its window is not taken for somebody else's later on", async () => {
  const { react, left } = started();
  await react("🦄");
  left(["🔥", 900]);
  left(["🔥", 900]);
  await react("🦄");
  left(["🔥", 900]);
  // The former is given up, the latter may still come.
  assert.deepEqual(left(["🦄", 5]), [["🦄", 4]]);
  assert.deepEqual(left(["🦄", 5]), [["🦄", 5]]);
});

test("one that was not taken does not come back", async () => {
  const { crowd, react, left, flown } = started();
  crowd.react = async () => { throw new Error("limited"); };
  await assert.rejects(react("🔥"), /limited/);
  assert.deepEqual(flown, ["🔥"]);
  assert.deepEqual(left(["🔥", 1]), [["🔥", 1]]);
});

test("without a connection nothing flies", async () => {
  const { crowd, react, left, flown } = started();
  Object.assign(crowd, { state: "waiting", react: async () => { throw new Error("not connected"); } });
  await assert.rejects(react("🔥"));
  assert.deepEqual(flown, []);
  assert.deepEqual(left(["🔥", 1]), [["🔥", 1]]);
});

test("totals that begin anew have them already", async () => {
  const { own, react, left } = started();
  await react("🔥");
  own.forget();
  assert.deepEqual(left(["🔥", 1]), [["🔥", 1]]);
});
