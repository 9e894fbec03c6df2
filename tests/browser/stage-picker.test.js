/** The picker of all emojis on the live page, and the favourites that come of it. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { button, focusedName, isOpen, probe, tabTo, until } from "./stage_page.js";

const TIMEOUT = { timeout: 90_000 };
const DATA = new URL("../../frontend/vendor/emoji-picker-element-data-1.8.0/en/emojibase/data.json", import.meta.url);
/** Group of the parts that emojis are put together from; alone they are none. */
const COMPONENTS = 2;
const FAVOURITES = "emostream.favourites";

const server = new Server();
const browser = new Browser();
/** @type {Page} */ let watcher;

/** @typedef {import("playwright-core").Page} Page */

before(async () => {
  await server.start();
  watcher = await browser.open(server.origin);
});

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(async () => {
  browser.complaints.length = 0;
  await isOpen(watcher);
});

/** Opens the stage in a browser that was prepared for it. @param {(page: Page) => Promise<unknown>} [prepare] */
async function openStage(prepare = async () => {}) {
  const page = await browser.open("about:blank");
  await prepare(page);
  await page.goto(server.origin);
  await isOpen(page);
  return page;
}

/** From the bar to the search field, by keyboard. @param {Page} page */
async function openPicker(page) {
  await tabTo(page, "More emojis");
  await page.keyboard.press("Enter");
  await page.locator("emoji-picker input:focus").waitFor();
  // The data is in once there are emojis to choose from.
  await page.locator("emoji-picker .tabpanel button.emoji").first().waitFor();
}

/** Looks an emoji up and takes the first that is found. @param {Page} page @param {string} words @param {string} found Its name. */
async function choose(page, words, found) {
  await page.keyboard.type(words);
  await page.locator(`#search-results [role=option]:first-child[aria-label*=", ${found}"]`).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("dialog#picker").waitFor({ state: "hidden" });
}

/** What the bar offers, in its order. @param {Page} page @returns {Promise<string[]>} */
const offered = (page) => page.evaluate("[...document.querySelectorAll('#palette [data-emoji]')].map((button) => button.dataset.emoji)");

test("by keyboard alone an emoji is found, sent, and seen elsewhere; nothing is loaded before, and nothing from another host", TIMEOUT, async () => {
  /** @type {URL[]} */
  const asked = [];
  const page = await openStage(async (fresh) => fresh.on("request", (request) => asked.push(new URL(request.url()))));
  assert.deepEqual(asked.filter(({ pathname }) => pathname.startsWith("/vendor/")), []);

  await openPicker(page);
  assert.ok(asked.some(({ pathname }) => pathname.endsWith("/data.json")));
  await choose(page, "unicorn", "unicorn");

  assert.equal(await focusedName(page), "Send unicorn");
  await until(watcher, (stage) => stage.totals["🦄"] === 1 && stage.particles["🦄"] > 0);
  // The chosen emoji is at hand from here on.
  await page.keyboard.press("Enter");
  await until(watcher, (stage) => stage.totals["🦄"] === 2);
  assert.deepEqual([...new Set(asked.map(({ host }) => host))], [new URL(server.origin).host]);
  assert.deepEqual(browser.complaints, []);
  await page.close();
});

test("the style sheet that the picker brings along is the one that the policy names, and nothing else is let in", TIMEOUT, async () => {
  const page = await openStage();
  await openPicker(page);

  const css = await page.evaluate("document.querySelector('emoji-picker').shadowRoot.querySelector('style').textContent");
  const hash = createHash("sha256").update(css).digest("base64");
  const policy = (await fetch(server.origin)).headers.get("content-security-policy") ?? "";
  const styles = policy.split(";").map((directive) => directive.trim()).find((directive) => directive.startsWith("style-src"));
  assert.equal(styles, `style-src 'self' 'sha256-${hash}'`);
  assert.equal(await page.locator("emoji-picker .nav").evaluate((nav) => getComputedStyle(nav).display), "grid");
  assert.deepEqual(browser.complaints, []);
  await page.close();
});

test("skin tones, flags and emojis with a needless selector are sent as the server counts them, and fly once", TIMEOUT, async () => {
  const page = await openStage();
  await openPicker(page);
  await page.keyboard.press("Tab");
  assert.match(await focusedName(page), /skin tone/);
  await page.keyboard.press("Enter");
  await page.locator("emoji-picker .skintone-list:focus").waitFor();
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  await choose(page, "thumbs up", "thumbs up");
  await until(page, (stage) => stage.totals["👍🏽"] === 1);

  for (const [words, name, emoji] of [["flag japan", "flag: Japan", "🇯🇵"], ["alien", "alien", "👽"]]) {
    await openPicker(page);
    await choose(page, words, name);
    await until(page, (stage, expected) => stage.totals[expected] === 1, emoji);
    assert.equal((await probe(page)).particles[emoji], 1);
  }
  assert.deepEqual((await offered(page)).slice(8, 11), ["👍🏽", "🇯🇵", "👽"]);
  assert.deepEqual(browser.complaints, []);
  await page.close();
});

test("Escape closes the picker and leads back to where one was", TIMEOUT, async () => {
  const page = await openStage();
  await openPicker(page);
  await page.keyboard.press("Escape");
  await page.locator("dialog#picker").waitFor({ state: "hidden" });
  assert.equal(await focusedName(page), "More emojis");
  assert.equal((await probe(page)).accepted, 0);
  await page.close();
});

test("favourites outlive a reload, last used first, and within a visit nothing moves", TIMEOUT, async () => {
  const page = await openStage();
  for (const [words, name] of [["taco", "taco"], ["avocado", "avocado"], ["ghost", "ghost"]]) {
    await openPicker(page);
    await choose(page, words, name);
  }
  assert.deepEqual((await offered(page)).slice(8, 11), ["🌮", "🥑", "👻"]);
  await button(page, "Send taco").click();
  await until(page, (stage) => stage.totals["🌮"] === 2);
  assert.deepEqual((await offered(page)).slice(8, 11), ["🌮", "🥑", "👻"]);

  await page.reload();
  await isOpen(page);
  assert.deepEqual((await offered(page)).slice(8, 11), ["🌮", "👻", "🥑"]);
  await button(page, "Send avocado").waitFor();
  // A fourth takes the place of the one that was not used for longest, once the picker has looked for newer data.
  await openPicker(page);
  await choose(page, "unicorn", "unicorn");
  assert.deepEqual((await offered(page)).slice(8, 11), ["🌮", "👻", "🦄"]);
  assert.deepEqual(browser.complaints, []);
  await page.close();
});

test("what the stream sends most joins the bar, behind the person's own and without moving them", TIMEOUT, async () => {
  const page = await openStage();
  const before = await offered(page);
  await server.react([["🫶", 30], ["🐸", 20], ["🥁", 1]], "main");
  await button(page, "Send 🫶").waitFor();
  await button(page, "Send 🐸").waitFor();
  const after = await offered(page);
  assert.deepEqual(after.filter((emoji) => before.includes(emoji)), before);
  assert.ok(!after.includes("🥁"));
  // Who uses one of the crowd's has it as a favourite the next time.
  await button(page, "Send 🫶").click();
  await until(page, (stage) => stage.accepted === 1);
  assert.deepEqual(await offered(page), after);
  await page.reload();
  await isOpen(page);
  assert.equal((await offered(page))[8], "🫶");
  await page.close();
});

test("without storage, and with nonsense in it, the page works", TIMEOUT, async () => {
  const locked = await openStage((page) => page.addInitScript(() => {
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });
  }));
  await openPicker(locked);
  await choose(locked, "dolphin", "dolphin");
  await until(watcher, (stage) => stage.totals["🐬"] === 1);
  await locked.close();

  const kept = [{ emoji: "🐙", name: "octopus" }, { emoji: "<b>", name: "x" }, { emoji: 7 }, null, { emoji: "🔥", name: "fire" }, { emoji: "🐙", name: "again" }];
  const odd = await openStage((page) => page.addInitScript(`localStorage.setItem(${JSON.stringify(FAVOURITES)}, ${JSON.stringify(JSON.stringify(kept))})`));
  const emojis = await offered(odd);
  assert.equal(emojis[8], "🐙");
  assert.equal(new Set(emojis).size, emojis.length);
  assert.ok(!emojis.includes("<b>"));
  await odd.close();
  assert.deepEqual(browser.complaints, []);
});

test("the server counts every emoji that the picker has, under the same form", TIMEOUT, async () => {
  /** @type {{ emoji: string, group: number, skins?: { emoji: string }[] }[]} */
  const data = JSON.parse(await readFile(DATA, "utf8"));
  const raw = data.filter(({ group }) => group !== COMPONENTS).flatMap(({ emoji, skins = [] }) => [emoji, ...skins.map((skin) => skin.emoji)]);
  assert.ok(raw.length > 3_900);
  const sent = await watcher.evaluate(
    async (emojis) => emojis.map((await import(/** @type {any} */ ("/stage/names.js"))).canonical), raw,
  );
  await server.react(sent.map((emoji) => [emoji, 1]), "everything");
  const page = await browser.open(`${server.origin}/?stream=everything`);
  await until(page, (stage, expected) => stage.total === expected, raw.length);
  assert.deepEqual(Object.keys((await server.totals("everything")).totals).sort(), sent.sort());
  assert.deepEqual(browser.complaints, []);
  await page.close();
});
