/** The dashboard as a person has it: opened, read and checked for who cannot see it. */

import assert from "node:assert/strict";
import { assertAccessible } from "./axe.js";

export const TOKEN = "a-token-that-only-the-tests-know-of";
export const SERVE = ["--window", "500ms", "--admin-token", TOKEN];
export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1440, height: 900 };
export const TIMEOUT = { timeout: 90_000 };

/** What Chromium writes by itself when a server is away; the one complaint that a restart may cause. */
export const SERVER_AWAY = /net::ERR_CONNECTION_REFUSED|^WebSocket connection to '.*' failed: /;

/** @typedef {import("playwright-core").Page} Page */

/** What Chromium writes by itself about an answer that a test is about. @param {number} status */
export const answered = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/**
 * Waits until an element shows a text: all of it, or what an expression finds in it.
 *
 * @param {Page} page @param {string} id @param {string | RegExp} text
 */
export async function shows(page, id, text) {
  const wanted = typeof text === "string" ? new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*$`) : text;
  const place = page.locator(`#${id}`);
  try {
    await place.filter({ hasText: wanted, visible: true }).waitFor();
  } catch {
    assert.fail(`#${id} does not come to show ${wanted}: ${await place.textContent()}`);
  }
}

/** Cells of the row that is headed by a name. @param {Page} page @param {string} id Of the table's body. @param {string} name */
export async function cells(page, id, name) {
  const row = page.locator(`#${id} tr`).filter({ has: page.locator("th", { hasText: new RegExp(`^${name}\\b`) }) });
  return row.locator("td").allTextContents();
}

/** Axe finds nothing wrong with the page as it is now. @param {Page} page */
export async function isAccessible(page) {
  // Colours on their way from one state to another are neither's.
  await page.evaluate(`Promise.allSettled(document.getAnimations()
    .filter((each) => each.effect.getTiming().iterations !== Infinity).map((each) => each.finished))`);
  await assertAccessible(page);
}
