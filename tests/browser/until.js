/** Waiting inside a page, for pages whose content security policy lets nothing be evaluated from a string. */

import assert from "node:assert/strict";

const TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 40;

/**
 * @template Expected
 * @param {import("playwright-core").Page} page
 * @param {(expected: Expected) => unknown} condition Runs in the page.
 * @param {Expected} [expected]
 * @param {number} [timeoutMs]
 */
export async function until(page, condition, expected, timeoutMs = TIMEOUT_MS) {
  const held = await page.evaluate(`new Promise((resolve) => {
    const deadline = performance.now() + ${timeoutMs};
    const look = () => {
      if ((${condition})(${JSON.stringify(expected)})) resolve(true);
      else if (performance.now() > deadline) resolve(false);
      else setTimeout(look, ${LOOK_EVERY_MS});
    };
    look();
  })`);
  assert.ok(held, `still not: ${condition} with ${JSON.stringify(expected)}`);
}
