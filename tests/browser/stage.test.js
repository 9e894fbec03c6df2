/** The promises of the live page, kept in a real browser against the real server. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";

/** What Chromium writes by itself when a server is away; the one complaint that a restart may cause. */
const SERVER_AWAY = /^WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/ws\?[^']*' failed: /;
const TIMEOUT = { timeout: 90_000 };
const NUM_BUTTONS = 8;
const CONDITION_TIMEOUT_MS = 20_000;

const server = new Server();
const browser = new Browser();
/** @type {Page} */ let sender;
/** @type {Page} */ let watcher;

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ state: string, total: number, totals: Record<string, number>, particles: Record<string, number>, particleCount: number, particleCap: number, paintedCells: number }} Probe */

/**
 * Waits inside the page: `waitForFunction` would evaluate strings there again and again, which the content security policy forbids.
 *
 * @param {Page} page @param {(probe: Probe, expected: any) => unknown} condition @param {unknown} [expected]
 */
async function until(page, condition, expected) {
  const held = await page.evaluate(`new Promise((resolve) => {
    const deadline = performance.now() + ${CONDITION_TIMEOUT_MS};
    const look = () => {
      if ((${condition})(window.emostream, ${JSON.stringify(expected)})) resolve(true);
      else if (performance.now() > deadline) resolve(false);
      else setTimeout(look, 40);
    };
    look();
  })`);
  assert.ok(held, `still not: ${condition} with ${expected}; ${JSON.stringify(await probe(page))}`);
}

/** @param {Page} page @returns {Promise<Probe>} */
const probe = (page) => page.evaluate(
  "Object.fromEntries(Object.keys(window.emostream).map((key) => [key, window.emostream[key]]))",
);

/** @param {Page} page */
const isOpen = (page) => until(page, (stage) => stage.state === "open");

/** @param {Page} page @param {string} name */
const button = (page, name) => page.getByRole("button", { name });

before(async () => {
  await server.start();
  sender = await browser.open(server.origin);
  watcher = await browser.open(server.origin);
});

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(async () => {
  browser.complaints.length = 0;
  await Promise.all([isOpen(sender), isOpen(watcher)]);
});

/** Nothing in flight, nothing painted: what is seen afterwards is new. @param {Page} page */
const isEmpty = (page) => until(page, (stage) => stage.particleCount === 0 && stage.paintedCells === 0);

test("a reaction sent on one page is in the canvas and in the count of another", TIMEOUT, async () => {
  await Promise.all([isEmpty(sender), isEmpty(watcher)]);
  const { total } = await probe(watcher);

  await button(sender, "Send fire").click();

  // Own reactions do not wait for their window.
  await until(sender, (stage) => stage.particles["🔥"] > 0);
  await until(watcher, (stage) => stage.particles["🔥"] > 0 && stage.paintedCells > 0);
  await until(watcher, (stage, expected) => stage.total === expected, total + 1);
  await watcher.getByText(String(total + 1), { exact: true }).first().waitFor();
  assert.equal((await probe(watcher)).totals["🔥"], 1);
  assert.deepEqual(browser.complaints, []);
});

test("an own reaction flies once, though its window brings it back", TIMEOUT, async () => {
  await isEmpty(sender);
  const { total } = await probe(sender);

  await button(sender, "Send trophy").click();

  await until(sender, (stage, expected) => stage.total === expected, total + 1);
  assert.equal((await probe(sender)).particleCount, 1);
});

test("all pages and the server hold the same totals", TIMEOUT, async () => {
  await button(sender, "Send party popper").click();
  await button(watcher, "Send red heart").click();
  await server.react([["🔥", 2500], ["😂", 40], ["👍🏽", 3]]);

  const before = await probe(sender);
  await until(sender, (stage) => stage.totals["👍🏽"] === 3 && stage.totals["❤️"] === 1 && stage.totals["🎉"] === 1);
  await until(watcher, (stage) => stage.totals["👍🏽"] === 3 && stage.totals["❤️"] === 1 && stage.totals["🎉"] === 1);
  const [left, right, truth] = [await probe(sender), await probe(watcher), await server.totals()];
  assert.ok(left.total >= before.total);
  assert.deepEqual(left.totals, right.totals);
  assert.deepEqual(left.totals, truth.totals);
  assert.equal(left.total, truth.total);
  assert.equal(left.total, Object.values(left.totals).reduce((sum, count) => sum + count, 0));
  assert.deepEqual(browser.complaints, []);
});

test("a stadium does not fill more than the particle cap", TIMEOUT, async () => {
  for (let round = 0; round < 6; round += 1) {
    const { total } = await probe(watcher);
    await server.react(["🔥", "❤️", "👏", "😂", "😮", "🎉", "😢", "🏆", "🙌", "💯", "🥳", "😍"].map((emoji) => [emoji, 50_000]));
    await until(watcher, (stage, least) => stage.total > least, total);
    const { particleCount, particleCap } = await probe(watcher);
    assert.ok(particleCount > 0 && particleCount <= particleCap, `${particleCount} of ${particleCap}`);
  }
});

test("the keyboard reaches every button, and Enter sends", TIMEOUT, async () => {
  const fresh = await browser.open(server.origin);
  await isOpen(fresh);
  const { totals } = await probe(watcher);
  const names = [];
  for (let press = 0; press < NUM_BUTTONS; press += 1) {
    await fresh.keyboard.press("Tab");
    names.push(await fresh.evaluate("document.activeElement.getAttribute('aria-label')"));
    if (names.at(-1) === "Send clapping hands") await fresh.keyboard.press("Enter");
  }
  assert.equal(new Set(names).size, NUM_BUTTONS);
  assert.ok(names.every((name) => /^Send [a-z ]+$/.test(name)), names.join());
  await until(watcher, (stage, expected) => stage.totals["👏"] === expected, (totals["👏"] ?? 0) + 1);
  await fresh.close();
  assert.deepEqual(browser.complaints, []);
});

test("another stream is another crowd", TIMEOUT, async () => {
  const elsewhere = await browser.open(`${server.origin}/?stream=final-2`);
  await isOpen(elsewhere);
  const { total } = await probe(watcher);

  await button(elsewhere, "Send trophy").click();

  await until(elsewhere, (stage) => stage.total === 1 && stage.totals["🏆"] === 1);
  assert.equal((await probe(watcher)).total, total);
  await elsewhere.getByText("final-2").waitFor();
  await elsewhere.close();
  assert.deepEqual(browser.complaints, []);
});

test("who prefers less motion gets the numbers and an empty canvas", TIMEOUT, async () => {
  const calm = await browser.open(server.origin, { reducedMotion: "reduce" });
  await isOpen(calm);
  const { total } = await probe(calm);

  await button(calm, "Send fire").click();

  await until(calm, (stage, expected) => stage.total === expected, total + 1);
  const { particleCount, paintedCells } = await probe(calm);
  assert.deepEqual({ particleCount, paintedCells }, { particleCount: 0, paintedCells: 0 });
  await calm.close();
});

test("the page says so when a name is not the name of a stream", TIMEOUT, async () => {
  const lost = await browser.open(`${server.origin}/?stream=${encodeURIComponent("a b")}`);
  await lost.getByText("This is not the name of a stream").first().waitFor();
  await lost.close();
  assert.deepEqual(browser.complaints, []);
});

for (const [signal, how] of /** @type {const} */ ([["SIGKILL", "is killed"], ["SIGTERM", "drains"]])) {
  test(`a server that ${how} and starts again has its pages back, counting from its own totals`, TIMEOUT, async () => {
    await button(sender, "Send fire").click();
    await until(watcher, (stage) => stage.totals["🔥"] >= 1);

    const exitCode = await server.stop(signal);
    await Promise.all([sender, watcher].map((page) => until(page, (stage) => stage.state !== "open")));
    await watcher.getByText("Connection lost, coming back by itself").first().waitFor();
    await server.start();
    await Promise.all([isOpen(sender), isOpen(watcher)]);
    assert.equal((await probe(watcher)).total, 0);

    await button(sender, "Send crying face").click();
    await Promise.all([sender, watcher].map((page) => until(page, (stage) => stage.total === 1 && stage.totals["😢"] === 1)));
    await until(watcher, (stage) => stage.particles["😢"] > 0);
    assert.equal(exitCode, signal === "SIGTERM" ? 0 : null);
    assert.deepEqual(browser.complaints.filter((complaint) => !SERVER_AWAY.test(complaint)), []);
  });
}

test("a reaction over the limit is refused in words and does not count", TIMEOUT, async () => {
  const strict = new Server(["--window", "500ms", "--set", "limits.socket=1/s"]);
  try {
    await strict.start();
    const eager = await browser.open(strict.origin);
    await isOpen(eager);
    for (let press = 0; press < 6; press += 1) await button(eager, "Send fire").click();
    await eager.getByText("That was fast").first().waitFor();
    await until(eager, (stage) => stage.total > 0);
    assert.ok((await probe(eager)).total < 6);
    assert.deepEqual(browser.complaints, []);
    await eager.close();
  } finally {
    await strict.stop("SIGKILL");
  }
});
