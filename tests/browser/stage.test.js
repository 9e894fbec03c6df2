/** The promises of the live page, kept in a real browser against the real server. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { button, focusedName, isEmpty, isOpen, probe, until } from "./stage_page.js";

/** What Chromium writes by itself when a server is away; the one complaint that a restart may cause. */
const SERVER_AWAY = /^WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/ws\?[^']*' failed: /;
const TIMEOUT = { timeout: 90_000 };
/** The page's own, in their order; behind them come those of the person and the crowd. */
const OWN_BUTTONS = [
  "Send fire", "Send red heart", "Send clapping hands", "Send face with tears of joy",
  "Send face with open mouth", "Send party popper", "Send crying face", "Send trophy",
];

const server = new Server();
const browser = new Browser();
/** @type {Page} */ let sender;
/** @type {Page} */ let watcher;

/** @typedef {import("playwright-core").Page} Page */

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
  while (names.at(-1) !== "Put this on your stream") {
    await fresh.keyboard.press("Tab");
    names.push(await focusedName(fresh));
    if (names.at(-1) === "Send clapping hands") await fresh.keyboard.press("Enter");
  }
  assert.deepEqual(names.slice(0, OWN_BUTTONS.length), OWN_BUTTONS);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.slice(OWN_BUTTONS.length, -3).every((name) => /^Send ./.test(name)), names.join());
  assert.deepEqual(names.slice(-3), ["More emojis", "Dashboard", "Put this on your stream"]);
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
  await elsewhere.getByText("final-2", { exact: true }).waitFor();
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
  assert.equal(await lost.locator("#announcer").textContent(), "This is not the name of a stream");
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
