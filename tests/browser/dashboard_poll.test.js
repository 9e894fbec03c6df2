/** How often the dashboard asks. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Poller } from "../../frontend/dashboard/poll.js";

const PAUSE_MS = 2_000;
const BASE_MS = 500;
/** The widest jitter there is. */
const ALMOST_ONE = 1 - Number.EPSILON;

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** A page that the test hides and shows. */
class Page extends EventTarget {
  hidden = false;

  /** @param {boolean} hidden */
  turn(hidden) {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Lets promises that are settled go on. */
const settle = async () => { for (let turn = 0; turn < 8; turn += 1) await Promise.resolve(); };

/** @param {number} ms */
async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

/** A poller whose node answers while `node.answers`. */
function polling() {
  const page = new Page();
  const node = { answers: true, asked: 0 };
  /** @type {number[]} */ const retries = [];
  const poller = new Poller({
    look: async () => {
      node.asked += 1;
      if (!node.answers) throw new Error("away");
      return PAUSE_MS;
    },
    refused: (_error, retryInMs) => retries.push(retryInMs),
    page: /** @type {any} */ (page),
    random: () => ALMOST_ONE,
  });
  return { page, node, retries, poller };
}

test("a node that answers is asked again after the pause, and not before", async () => {
  const { node, poller } = polling();
  poller.now();
  await settle();
  assert.equal(node.asked, 1);
  await pass(PAUSE_MS - 1);
  assert.equal(node.asked, 1);
  await pass(1);
  assert.equal(node.asked, 2);
});

test("a node that is away is asked less and less often, and as before once it is back", async () => {
  const { node, retries, poller } = polling();
  node.answers = false;
  poller.now();
  await settle();
  for (const waitMs of [BASE_MS, 2 * BASE_MS, 4 * BASE_MS]) await pass(waitMs);
  assert.deepEqual(retries.map(Math.round), [500, 1_000, 2_000, 4_000]);

  node.answers = true;
  await pass(8 * BASE_MS);
  assert.equal(node.asked, 5);
  await pass(PAUSE_MS);
  assert.equal(node.asked, 6);
  node.answers = false;
  await pass(PAUSE_MS);
  assert.equal(Math.round(retries.at(-1) ?? 0), BASE_MS);
});

test("nobody is asked while the page is hidden, and at once when it is seen again", async () => {
  const { page, node, poller } = polling();
  page.hidden = true;
  poller.now();
  await pass(60_000);
  assert.equal(node.asked, 0);
  page.turn(false);
  await settle();
  assert.equal(node.asked, 1);
  page.turn(true);
  await pass(60_000);
  assert.equal(node.asked, 1);
  page.turn(false);
  await settle();
  assert.equal(node.asked, 2);
});

test("a wish to look at once waits for the answer that is on its way, and is then granted", async () => {
  const { node, poller } = polling();
  poller.now();
  poller.now();
  poller.now();
  assert.equal(node.asked, 1);
  await settle();
  assert.equal(node.asked, 2);
});
