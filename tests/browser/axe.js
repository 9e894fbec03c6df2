/** Accessibility as axe-core sees it. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";

const SOURCE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Nothing is found on the page as it stands, in shadows as well.
 *
 * @param {import("playwright-core").Page} page
 */
export async function assertAccessible(page) {
  await page.evaluate(SOURCE);
  /** @type {{ violations: { id: string, help: string, nodes: { target: string[], failureSummary: string }[] }[] }} */
  const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  assert.deepEqual(violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })) })), []);
}
