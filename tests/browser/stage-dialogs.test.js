/** What opens over the live page, where something goes wrong with it. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { button, isOpen, until } from "./stage_page.js";

const TIMEOUT = { timeout: 60_000 };
const FAILURES = 2;
/** What Chromium writes by itself when a request fails. */
const FAILED = /^Failed to load resource: net::ERR_FAILED$/;

const server = new Server();
const browser = new Browser();

before(() => server.start());

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

afterEach(() => assert.deepEqual(browser.complaints.splice(0).filter((complaint) => !FAILED.test(complaint)), []));

test("a picker that could not be loaded says so, and is there when it is opened again", TIMEOUT, async () => {
  const page = await browser.open(server.origin);
  await isOpen(page);
  /** @type {string[]} */ const asked = [];
  await page.route(/\/picker\.js/, async (route) => {
    asked.push(route.request().url());
    await (asked.length > FAILURES ? route.continue() : route.abort());
  });
  for (let failure = 0; failure < FAILURES; failure += 1) {
    await button(page, "More emojis").click();
    await page.getByText("The emojis could not be loaded").waitFor();
    await page.keyboard.press("Escape");
  }
  await button(page, "More emojis").click();
  await page.locator("emoji-picker .tabpanel button.emoji").first().waitFor();
  assert.equal(await page.getByText("The emojis could not be loaded").isVisible(), false);
  // Not every browser asks twice for the same.
  assert.equal(new Set(asked).size, FAILURES + 1);
  await page.close();
});

test("what is copied is in the clipboard and said, and where a page may not copy the text is selected", TIMEOUT, async () => {
  const page = await browser.open(server.origin, { permissions: ["clipboard-read", "clipboard-write"] });
  await isOpen(page);
  await button(page, "Put this on your stream").click();
  const status = page.locator("#embed [role=status]");
  const copy = page.locator("#embed [data-copy]").first();
  await copy.click();
  await until(page, () => document.querySelector("#embed [role=status]")?.textContent === "Copied");
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), await page.locator("#embed-overlay").textContent());
  // It is said for a moment, and the button is itself again.
  await page.locator("#embed").getByText("Copy", { exact: true }).nth(1).waitFor();
  await until(page, () => document.querySelector("#embed [role=status]")?.textContent === "");

  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
  await copy.click();
  await page.locator("#embed").getByText("Selected", { exact: true }).waitFor();
  assert.match(String(await status.textContent()), /selected/);
  assert.equal(await page.evaluate("String(getSelection())"), await page.locator("#embed-overlay").textContent());
  await page.close();
});
