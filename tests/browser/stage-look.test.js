/** How the live page presents itself: accessible, light, calm where that is wanted, and honest about the crowd. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { assertAccessible } from "./axe.js";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { button, isOpen, probe, until } from "./stage_page.js";

const TIMEOUT = { timeout: 90_000 };
const SIZES = { "phone width": { width: 390, height: 844 }, "desk width": { width: 1440, height: 900 } };
const MAX_WEIGHT = 200_000;
/** Longer than the page waits between two summaries, in milliseconds. */
const SUMMARY_DUE_MS = 31_000;
const CHEERS = /** @type {[string, number][]} */ ([["🔥", 900], ["❤️", 300], ["👏", 40], ["🥳", 9], ["💜", 5], ["🙌", 2]]);

const server = new Server();
const browser = new Browser();

/** @typedef {import("playwright-core").Page} Page */

before(() => server.start());

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(() => { browser.complaints.length = 0; });

/** @param {string} stream @param {import("./browser.js").BrowserContextOptions} [options] */
async function openStage(stream, options) {
  const page = await browser.open(`${server.origin}/?stream=${stream}`, options);
  await isOpen(page);
  return page;
}

/** Waits until a list has these rows, in this order: its counts take a moment to count up. @param {Page} page @param {"now" | "ever"} list @param {string[]} expected */
const rowsAre = (page, list, expected) => until(page, (_, { id, rows }) => (
  JSON.stringify([...(document.getElementById(id)?.children ?? [])].map((row) => row.textContent)) === JSON.stringify(rows)
), { id: list, rows: expected });

/** @param {Page} page @param {number} total */
const counts = (page, total) => until(page, (stage, expected) => stage.total === expected, total);

for (const [width, viewport] of Object.entries(SIZES)) {
  test(`axe finds nothing at ${width}: new, in the middle of a crowd, with the picker or the hint open`, TIMEOUT, async () => {
    const page = await openStage(`axe-${viewport.width}`, { viewport });
    await page.getByText("The stage is yours").waitFor();
    await assertAccessible(page);

    await server.react(CHEERS, `axe-${viewport.width}`);
    await button(page, "Send fire").click();
    await page.getByText("You: 1", { exact: true }).waitFor();
    await assertAccessible(page);

    await button(page, "More emojis").click();
    await page.locator("emoji-picker .tabpanel button.emoji").first().waitFor();
    await assertAccessible(page);
    await page.keyboard.type("heart");
    await page.getByRole("option", { name: /heart/ }).first().waitFor();
    await assertAccessible(page);
    await button(page, "Close").click();

    await button(page, "Put this on your stream").click();
    await page.getByText(`view=overlay&stream=axe-${viewport.width}`).first().waitFor();
    await assertAccessible(page);
    await page.close();
    assert.deepEqual(browser.complaints, []);
  });

  test(`axe finds nothing at ${width} while the server is away`, TIMEOUT, async () => {
    const away = new Server();
    await away.start();
    const page = await browser.open(away.origin, { viewport });
    await isOpen(page);
    await away.stop("SIGKILL");
    await page.getByText("Connection lost, coming back by itself").first().waitFor();
    await assertAccessible(page);
    await page.close();
  });
}

test("nothing is cut off or covered on a screen that is enlarged fourfold, and nothing scrolls on a usual one", TIMEOUT, async () => {
  const page = await openStage("enlarged", { viewport: { width: 320, height: 256 } });
  await server.react(CHEERS, "enlarged");
  await counts(page, 1256);
  const last = button(page, "Put this on your stream");
  await last.focus();
  const { y, height } = /** @type {{ y: number, height: number }} */ (await last.boundingBox());
  assert.ok(y >= 0 && y + height <= 256, `from ${y}, ${height} high`);
  const parts = await page.evaluate(`[".status", "#total", "#now", ".hint", "#palette", "nav"].map((part) => {
    const { top, bottom } = document.querySelector(part).getBoundingClientRect();
    return { part, top, bottom };
  })`);
  parts.slice(1).forEach(({ part, top }, index) => assert.ok(top >= parts[index].bottom - 4, `${part} is over ${parts[index].part}`));

  for (const viewport of Object.values(SIZES)) {
    await page.setViewportSize(viewport);
    assert.deepEqual(await page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"), [viewport.height, viewport.width]);
  }
  await page.close();
});

test("a crowd that is not heard any more is not said to be loud", TIMEOUT, async () => {
  const away = new Server(["--window", "500ms"]);
  await away.start();
  const page = await browser.open(away.origin);
  await isOpen(page);
  await away.react(CHEERS);
  const energy = "Number(document.body.style.getPropertyValue('--energy'))";
  await page.getByText("a second").waitFor();
  assert.ok(Number(await page.evaluate(energy)) > 0);

  await away.stop("SIGKILL");
  await page.getByText("a second").waitFor({ state: "hidden" });
  assert.notEqual((await probe(page)).state, "open");
  assert.equal(await page.evaluate(energy), 0);
  await page.close();
});

test("the page weighs less than 200 KB without the picker, and asks no other host", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  /** @type {import("playwright-core").Response[]} */
  const responses = [];
  page.on("response", (response) => responses.push(response));
  await page.goto(server.origin, { waitUntil: "load" });
  await isOpen(page);
  await server.react(CHEERS);
  await until(page, (stage) => stage.paintedCells > 0);

  const sizes = await Promise.all(responses.map(async (response) => {
    const { responseBodySize, responseHeadersSize } = await response.request().sizes();
    return responseBodySize + responseHeadersSize;
  }));
  const weight = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(responses.length > 10);
  assert.ok(weight > 20_000 && weight < MAX_WEIGHT, `${weight} bytes`);
  assert.deepEqual([...new Set(responses.map((response) => new URL(response.url()).origin))], [server.origin]);
  assert.ok(responses.every((response) => response.ok()));
  await page.close();
  assert.deepEqual(browser.complaints, []);
});

test("who prefers less motion sees the crowd as counters, which nothing flies over and nothing flashes in", TIMEOUT, async () => {
  const page = await openStage("calm", { reducedMotion: "reduce" });
  await server.react(CHEERS, "calm");
  await counts(page, 1256);

  await rowsAre(page, "now", ["🔥900", "❤️300", "👏40", "🥳9", "💜5"]);
  const largest = await page.locator("#now .glyph").first().boundingBox();
  const smallest = await page.locator("#now .glyph").last().boundingBox();
  assert.ok(largest && smallest && largest.width > 1.3 * smallest.width && smallest.width > 50);
  const size = await page.locator("#now .glyph").first().evaluate((glyph) => parseFloat(getComputedStyle(glyph).fontSize));
  assert.ok(size > 0.4 * largest.width, `${size} px`);
  // What moves at all takes seconds; the marks of an own reaction fade once.
  const loops = await page.evaluate(`document.getAnimations().map((animation) => animation.effect.getComputedTiming())
    .filter(({ iterations }) => iterations === Infinity).map(({ duration }) => duration)`);
  assert.ok(loops.length >= 5 && loops.every((/** @type {number} */ duration) => duration >= 4000), loops.join());
  assert.deepEqual(await page.evaluate("[window.emostream.particleCount, window.emostream.paintedCells]"), [0, 0]);
  await page.close();
  assert.deepEqual(browser.complaints, []);
});

test("the board tells the moment from all that was before", TIMEOUT, async () => {
  const page = await openStage("moment");
  await server.react([["🔥", 500]], "moment");
  await counts(page, 500);
  await rowsAre(page, "now", ["🔥500"]);

  // The fire is over when it has left the moment.
  await page.getByRole("region", { name: "Right now" }).waitFor({ state: "hidden" });
  await server.react([["🏆", 20]], "moment");
  await counts(page, 520);
  await rowsAre(page, "now", ["🏆20"]);
  await rowsAre(page, "ever", ["🔥500", "🏆20"]);
  await page.getByText("520", { exact: true }).waitFor();
  await page.close();
});

test("the page says how many watch", TIMEOUT, async () => {
  const page = await openStage("audience");
  await page.getByText("1 watching", { exact: true }).waitFor();
  const other = await openStage("audience");
  // The number comes with the windows of a stream that is live.
  await server.react([["🔥", 1]], "audience");
  await page.getByText("2 watching", { exact: true }).waitFor();
  await other.close();
  await page.getByText("1 watching", { exact: true }).waitFor();
  await page.close();
});

test("a screen reader is told now and then how the crowd does", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  await page.clock.install();
  await page.goto(`${server.origin}/?stream=spoken`);
  await isOpen(page);
  const voice = page.locator("[aria-live=polite]#announcer");
  await server.react([["🔥", 1200], ["👏", 4]], "spoken");
  await counts(page, 1204);
  assert.doesNotMatch(await voice.innerText(), /minute/);

  await page.clock.fastForward(SUMMARY_DUE_MS);
  await page.getByText("1,204 reactions in the last minute, most of them fire", { exact: true }).waitFor();
  await page.close();
});

test("an emoji that the system's font lacks stands there by its name", TIMEOUT, async () => {
  const page = await browser.open("about:blank");
  // A font without the jellyfish: it is drawn as any other missing one.
  await page.addInitScript(() => {
    const { fillText, measureText } = CanvasRenderingContext2D.prototype;
    const without = (/** @type {string} */ text) => (text === "🪼" ? "\u{10fffe}" : text);
    CanvasRenderingContext2D.prototype.fillText = function fill(text, ...rest) { fillText.call(this, without(text), ...rest); };
    CanvasRenderingContext2D.prototype.measureText = function measure(text) { return measureText.call(this, without(text)); };
  });
  await page.goto(`${server.origin}/?stream=sea`);
  await isOpen(page);
  await server.react([["🪼", 12], ["🔥", 3]], "sea");
  await counts(page, 15);
  await rowsAre(page, "now", ["jellyfish12", "🔥3"]);
  assert.equal(await button(page, "Send 🪼").innerText(), "jellyfish");
  await page.close();
});

test("the overlay is the crowd and nothing else, on a transparent ground", TIMEOUT, async () => {
  const page = await browser.open(`${server.origin}/?stream=overlay&view=overlay`);
  await isOpen(page);
  await server.react(CHEERS, "overlay");
  await until(page, (stage) => stage.paintedCells > 0);
  for (const part of ["header", "main", "footer", ".scenery", ".lights", ".crowd"]) {
    assert.equal(await page.locator(part).isVisible(), false, part);
  }
  const grounds = await page.evaluate("[document.documentElement, document.body].map((element) => getComputedStyle(element).backgroundColor)");
  assert.deepEqual(grounds, ["rgba(0, 0, 0, 0)", "rgba(0, 0, 0, 0)"]);
  assert.equal((await probe(page)).state, "open");
  await page.close();
  assert.deepEqual(browser.complaints, []);
});
