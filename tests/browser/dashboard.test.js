/** The promises of the dashboard, kept in a real browser against the real server. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { answered, cells, SERVE, SERVER_AWAY, shows, TIMEOUT } from "./dashboard_page.js";
import { Server } from "./server.js";

/** Bytes of the page with all that belongs to it, uncompressed as the node serves it. */
const MAX_WEIGHT = 220_000;
const VENDORED = new URL("../../frontend/vendor/uplot-1.6.32/", import.meta.url);
const PACKAGE = new URL("node_modules/uplot/", import.meta.url);

const server = new Server(SERVE);
const browser = new Browser();

/** @typedef {import("playwright-core").Page} Page */

/** @param {string} [path] */
const open = (path = "/dashboard") => browser.open(server.origin + path);

/**
 * Answers a route as the node did, but for a change.
 *
 * @param {Page} page @param {string} path @param {(text: string) => string} change @param {number} [status]
 */
const rewrite = (page, path, change, status) => page.route(`**${path}`, async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, status: status ?? response.status(), body: change(await response.text()) });
});

before(() => server.start());

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(() => { browser.complaints.length = 0; });

test("a node to which nothing was sent says so, and how to begin", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "headline", "Ready, and nothing has been sent yet");
  await shows(page, "first", /Nothing has been sent to main yet/);
  assert.ok((await page.locator("#curl").textContent())?.includes(`curl ${server.origin}/emoji`));
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("totals are exact, the verdict says that every reaction is counted, and the ledger proves it", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "headline", "Ready, and nothing has been sent yet");
  await server.react([["🔥", 2_500], ["😂", 40], ["👍🏽", 3]]);

  await shows(page, "total", "2,543");
  await shows(page, "headline", "Every reaction is being counted");
  await shows(page, "detail", /2,543 were accepted, 2,543 are counted/);
  assert.equal((await server.totals()).total, 2_543);
  assert.deepEqual((await cells(page, "ledger", "counted")).at(-1), "2,543");
  assert.deepEqual((await cells(page, "ledger", "in flight")).at(-1), "0");
  await shows(page, "balance", "They agree");
  await shows(page, "viewers", "1");
  await shows(page, "viewers-note", "of main, this page is one");
  await shows(page, "slow", "0");
  await shows(page, "delay", /^[≈≤>] [\d.]+ m?s$/);
  assert.equal(await page.locator("#first").isVisible(), false);
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("the chart has its past, can be read as a table and by keyboard, and its layers can be switched off", TIMEOUT, async () => {
  await server.react([["🔥", 1_200], ["😂", 40], ["👍🏽", 3]], "charted");
  const page = await open("/dashboard?stream=charted");
  await shows(page, "chart-summary", /: 1,243 reactions in the last 5 min, most of all 🔥 \(1,200\)\.$/);
  const fire = page.getByRole("button", { name: "🔥 1,200" });
  assert.equal(await fire.getAttribute("aria-pressed"), "true");
  await fire.press("Enter");
  assert.equal(await fire.getAttribute("aria-pressed"), "false");
  await fire.press("Enter");

  await page.getByText("The same as a table").click();
  await shows(page, "table-head", "WindowAll🔥😂👍🏽Others");
  const rows = (await page.locator("#table").innerText()).split("\n").map((line) => line.split("\t").slice(1));
  const sums = rows.reduce((sum, row) => row.map((text, column) => Number(text.replace(",", "")) + sum[column]), [0, 0, 0, 0, 0]);
  assert.deepEqual(sums, [1_243, 1_200, 40, 3, 0]);

  await page.locator("#chart").focus();
  await page.keyboard.press("ArrowRight");
  await shows(page, "chart-tip", /reactions?/);
  await shows(page, "announcer", /^\d\d:\d\d:\d\d – \d\d:\d\d:\d\d: [\d,]+ reactions?/);
  await page.keyboard.press("Escape");
  await page.locator("#chart-tip").waitFor({ state: "hidden" });
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("a stream is chosen by its name, is in the address, and is offered again", TIMEOUT, async () => {
  await server.react([["🏆", 7]], "final-2");
  const page = await open("/dashboard?stream=final-2");
  await shows(page, "total", "7");

  await page.getByRole("button", { name: "Stream final-2" }).click();
  await page.getByLabel("Another one").fill("a b");
  await page.keyboard.press("Enter");
  await shows(page, "stream-name-error", /1 to 64 letters/);
  await page.getByLabel("Another one").fill("half-time");
  await page.keyboard.press("Enter");
  await shows(page, "first", /Nothing has been sent to half-time yet/);
  assert.match(await page.locator("#curl").textContent() ?? "", /"stream":"half-time"/);
  assert.equal(new URL(page.url()).search, "?stream=half-time");
  assert.equal(await page.locator("footer .stage-link").getAttribute("href"), "/?stream=half-time");

  await page.getByRole("button", { name: "Stream half-time" }).click();
  assert.deepEqual(await page.locator("#stream-list b").allTextContents(), ["half-time", "main", "final-2"]);
  await page.locator("#stream-list").getByRole("button", { name: "main" }).click();
  await shows(page, "total", "2,543");
  await page.goBack();
  await shows(page, "stream", "half-time");
  await shows(page, "total", "0");
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("a name that is no stream's is said, and main is shown", TIMEOUT, async () => {
  const page = await open(`/dashboard?stream=${encodeURIComponent("a b")}`);
  await shows(page, "notice", /not the name of a stream/);
  await shows(page, "total", "2,543");
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("a node that has no room for another stream says so, and the page is back at main", TIMEOUT, async () => {
  const full = new Server([...SERVE, "--set", "streams.max=1"]);
  try {
    await full.start();
    const page = await browser.open(`${full.origin}/dashboard`);
    await shows(page, "connection", "Live");
    await page.getByRole("button", { name: "Stream main" }).click();
    await page.getByLabel("Another one").fill("one-too-many");
    await page.keyboard.press("Enter");
    await shows(page, "notice", /as many streams as it allows/);
    await shows(page, "stream", "main");
    await shows(page, "total", "0");
    await page.context().close();
    assert.deepEqual(browser.complaints, []);
  } finally {
    await full.stop("SIGKILL");
  }
});

test("accepted and counted that part are seen at once", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  await rewrite(page, "/metrics", (text) => text.replace(/(outcome="accepted"\}) (\d+)/, (_, name, value) => `${name} ${Number(value) + 1_203}`));
  await page.goto(`${server.origin}/dashboard`);
  await shows(page, "headline", /^Accepted and counted part: 1,203 in flight for \d+ s$/);
  await shows(page, "balance", /^They part: 1,203 in flight/);
  await shows(page, "announcer", /^Accepted and counted part/);
  assert.equal(await page.locator("#ledger tr[data-alarm=true] th").textContent(), "in flight in no window yet");
  await page.context().close();
});

test("a node that is not ready is said, with the stage that is down", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  const isDown = (/** @type {string} */ text) => text.replace('"window_merger","up":true', '"window_merger","up":false');
  await rewrite(page, "/ready", (text) => isDown(text).replace('"ready"', '"not ready"'), 503);
  await page.goto(`${server.origin}/dashboard`);
  await shows(page, "headline", "The node is not ready: window_merger is down");
  await shows(page, "stages-note", /^1 of \d+ down$/);
  assert.equal(await page.locator("#stages [data-alarm=true]").textContent(), "window_merger down");
  await page.context().close();
  assert.deepEqual(browser.complaints.filter((complaint) => !answered(503).test(complaint)), []);
});

test("without Kafka there is nothing of it, and with Kafka each stage has its brokers and its lag", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "stages", /window_aggregator 3 of 3 up/);
  assert.equal(await page.locator("#kafka-box").isVisible(), false);
  const kafka = Object.entries({ reachable: 1, lag: 1_203, producer_queue: 7 });
  const lines = kafka.map(([name, value]) => `emostream_kafka_${name}{stage="window_merger"} ${value}\n`).join("");
  await rewrite(page, "/metrics", (text) => text + lines);
  await page.goto(`${server.origin}/dashboard`);
  await shows(page, "kafka-box", /window_merger/);
  assert.deepEqual((await cells(page, "kafka-stages", "window_merger")).slice(0, 4), ["up", "answers", "1,203", "7"]);
  await shows(page, "ledger-note", /only the sum over all nodes/);
  await page.context().close();
  assert.deepEqual(browser.complaints, []);
});

test("a proxy that keeps the figures to itself is told from a node that is away", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  await page.route("**/metrics", (route) => route.fulfill({ status: 403, body: "no" }));
  await page.goto(`${server.origin}/dashboard`);
  await shows(page, "headline", "The node's figures are not shown at this address");
  await shows(page, "total", "2,543");
  await page.context().close();
  assert.deepEqual(browser.complaints.filter((complaint) => !answered(403).test(complaint)), []);
});

test("nobody is asked while nobody looks", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "headline", "Every reaction is being counted");
  const hide = (/** @type {boolean} */ hidden) => page.evaluate(`
    Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
    document.dispatchEvent(new Event("visibilitychange"))`);
  let asked = 0;
  // What was asked before is answered before, and a pause is two seconds.
  await page.waitForResponse("**/metrics");
  await hide(true);
  page.on("request", (request) => { if (request.url().endsWith("/metrics")) asked += 1; });
  await assert.rejects(page.waitForRequest("**/metrics", { timeout: 5_000 }));
  assert.equal(asked, 0);
  await hide(false);
  await page.waitForResponse("**/metrics");
  await page.context().close();
});

test("a server that is killed is missed in words, its figures stay with their time, and it is found again", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "headline", "Every reaction is being counted");

  await server.stop("SIGKILL");
  await shows(page, "headline", "Disconnected, trying again");
  await shows(page, "detail", /The figures are as of \d\d:\d\d:\d\d\.$/);
  await shows(page, "total-note", /^as of \d\d:\d\d:\d\d$/);
  await shows(page, "connection", "Connection lost, coming back by itself");
  await shows(page, "total", "2,543");
  await shows(page, "announcer", "Disconnected, trying again");

  // Nothing comes of it yet, and nothing is broken by it.
  await page.getByRole("button", { name: "Try now" }).click();
  await server.start();
  await shows(page, "headline", "Ready, and nothing has been sent yet");
  await shows(page, "connection", "Live");
  await server.react([["😢", 4]]);
  await shows(page, "total", "4");
  await shows(page, "headline", "Every reaction is being counted");
  await page.context().close();
  // A node that has just been started is not ready at once.
  const expected = [SERVER_AWAY, answered(503)];
  assert.deepEqual(browser.complaints.filter((complaint) => !expected.some((each) => each.test(complaint))), []);
});

test("the page is light, and comes from its node alone", TIMEOUT, async () => {
  const page = await open();
  await shows(page, "connection", "Live");
  const loaded = /** @type {{ name: string, size: number, kind: string }[]} */ (await page.evaluate(`
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map(({ name, encodedBodySize, initiatorType }) => ({ name, size: encodedBodySize, kind: initiatorType }))`));
  const weight = loaded.filter(({ kind }) => kind !== "fetch").reduce((sum, { size }) => sum + size, 0);
  assert.ok(weight > 60_000 && weight < MAX_WEIGHT, `${weight} bytes`);
  assert.deepEqual(loaded.filter(({ name }) => !name.startsWith(server.origin)), []);
  await page.context().close();
});

test("what is vendored is the package's, byte by byte", async () => {
  for (const path of ["LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css"]) {
    const vendored = await readFile(new URL(path.replace("dist/", ""), VENDORED));
    assert.ok(vendored.equals(await readFile(new URL(path, PACKAGE))), path);
  }
});
