/**
 * A page of another origin in Chromium that is hidden and seen again.
 *
 * A headless Chromium reports every page as seen, whichever is in front. So the page is told otherwise as the SDK asks it: by
 * `document.hidden` and the event `visibilitychange`.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { Site } from "./site.js";
import { until } from "./until.js";

const TIMEOUT = { timeout: 60_000 };
const NUM_MISSED = 6;

const site = new Site(() => `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
  <script type="module">
    import { Emostream } from "${server.origin}/sdk/emostream.js";
    const crowd = window.crowd = new Emostream();
    window.windows = [];
    window.states = [];
    crowd.addEventListener("state", ({ detail }) => window.states.push(detail.state));
    crowd.addEventListener("window", ({ detail }) => window.windows.push(detail));
    crowd.connect("${server.origin}", { stream: "final", pauseAfterMs: 200 });
  </script></html>`);
/** @type {Server} */ let server;
const browser = new Browser();

before(async () => {
  await site.start();
  server = new Server(["--window", "200ms", "--set", `http.allowed_origins=${site.origin}`]);
  await server.start();
});

after(async () => {
  await browser.close();
  site.stop();
  await server.stop("SIGKILL");
});

/** @param {import("playwright-core").Page} page @param {boolean} hidden */
const turn = (page, hidden) => page.evaluate((value) => {
  Object.defineProperty(document, "hidden", { value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

test("a page that was hidden comes back with one window for all that it missed, and exact totals", TIMEOUT, async () => {
  const [page, witness] = [await browser.open(site.origin), await browser.open(site.origin)];
  await Promise.all([page, witness].map((each) => until(each, () => window.crowd?.state === "open")));
  await page.evaluate(() => window.crowd.react("🔥"));
  await until(page, () => window.crowd.total === 1);

  await turn(page, true);
  await until(page, () => window.crowd.state === "paused");
  for (let window = 1, total = 1; window <= NUM_MISSED; window += 1) {
    await server.react([["🔥", 1_000], ["👏", window]], "final");
    total += 1_000 + window;
    // Each is in a window of its own before the next is sent.
    await until(witness, (expected) => window.crowd.total === expected, total);
  }
  assert.equal(await page.evaluate(() => window.crowd.total), 1);
  await page.evaluate(() => { window.windows.length = 0; });

  await turn(page, false);
  const { total, totals } = await server.totals("final");
  await until(page, (expected) => window.crowd.total === expected, total);
  assert.deepEqual(await page.evaluate(() => Object.fromEntries(window.crowd.totals)), totals);
  const filled = (await page.evaluate(() => window.windows)).filter((window) => window.total > 0);
  assert.deepEqual(filled.map((window) => window.total), [total - 1]);
  assert.ok(filled[0].span >= NUM_MISSED, `span ${filled[0].span}`);
  assert.deepEqual(await page.evaluate(() => window.states), ["connecting", "open", "paused", "connecting", "open"]);
  assert.deepEqual(browser.complaints, []);
});
