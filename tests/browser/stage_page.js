/** What the tests of the live page have in common: looking in through its probe, and waiting for what they look for. */

import assert from "node:assert/strict";
import { until as untilInPage } from "./until.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ state: string, seq: number, total: number, totals: Record<string, number>, accepted: number, particles: Record<string, number>, particleCount: number, particleCap: number, paintedCells: number }} Probe */

/**
 * Waits inside the page until what its probe shows is as it should be.
 *
 * @param {Page} page @param {(probe: Probe, expected: any) => unknown} condition @param {unknown} [expected]
 */
export const until = (page, condition, expected) => untilInPage(
  page, /** @type {any} */ (`(expected) => (${condition})(window.emostream, expected)`), expected,
);

/** @param {Page} page @returns {Promise<Probe>} */
export const probe = (page) => page.evaluate(
  "Object.fromEntries(Object.keys(window.emostream).map((key) => [key, window.emostream[key]]))",
);

/** @param {Page} page */
export const isOpen = (page) => until(page, (stage) => stage.state === "open");

/** Nothing in flight, nothing painted: what is seen afterwards is new. @param {Page} page */
export const isEmpty = (page) => until(page, (stage) => stage.particleCount === 0 && stage.paintedCells === 0);

/** Some windows later: what was on its way is there. @param {Page} page */
export async function windowsLater(page) {
  const { seq } = await probe(page);
  await until(page, (stage, least) => stage.seq >= least, seq + 3);
}

/** @param {Page} page @param {string} name */
export const button = (page, name) => page.getByRole("button", { name, exact: true });

/** The name that a screen reader has for what is focused, through all shadows. @param {Page} page @returns {Promise<string>} */
export const focusedName = (page) => page.evaluate(`(() => {
  let focused = document.activeElement;
  while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused.getAttribute("aria-label") ?? focused.labels?.[0]?.textContent ?? focused.textContent;
})()`);

/** Presses Tab until the focus is on something of this name. @param {Page} page @param {string} name */
export async function tabTo(page, name) {
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press("Tab");
    if (await focusedName(page) === name) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}
