/** The example of an embedding page, from another origin, as it is but for the server's address. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { Site } from "./site.js";
import { until } from "./until.js";

const TIMEOUT = { timeout: 60_000 };

const site = Site.of(new URL("../../frontend/examples/embed/", import.meta.url), () => server.origin);
/** @type {Server} */ let server;
const browser = new Browser();

before(async () => {
  await site.start();
  server = new Server(["--window", "300ms", "--set", `http.allowed_origins=${site.origin}`]);
  await server.start();
});

after(async () => {
  await browser.close();
  site.stop();
  await server.stop("SIGKILL");
});

test("emojis fly over the video, and the numbers below it are the server's", TIMEOUT, async () => {
  const page = await browser.open(site.origin);
  await until(page, () => document.querySelector("emostream-stage").crowd?.state === "open");
  await server.react([["🔥", 1_200], ["👏", 34]]);
  await page.getByRole("button", { name: "🎉" }).click();

  await until(page, () => document.getElementById("total").textContent === "1,235");
  await until(page, () => document.querySelector("emostream-stage").scene.paintedCells() > 0);
  // Numbers that change with every window are not read out with every window: the one voice is the element's.
  assert.equal(await page.getByRole("status").count(), 1);
  assert.deepEqual(await page.getByRole("listitem").allTextContents(), ["🔥 1,200", "👏 34", "🎉 1"]);
  assert.equal((await server.totals()).total, 1_235);
  const element = await page.evaluate(() => {
    const { crowd } = document.querySelector("emostream-stage");
    return { total: crowd.total, totals: Object.fromEntries(crowd.totals) };
  });
  const { total, totals } = await server.totals();
  assert.deepEqual(element, { total, totals });
  assert.deepEqual(browser.complaints, []);
});

test("the server has no part in the example", async () => {
  assert.equal((await fetch(`${server.origin}/examples/embed/index.html`)).status, 404);
});
