/** The dashboard for who cannot see it, and on the smallest and the usual screen. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Browser } from "./browser.js";
import { DESK, isAccessible, PHONE, SERVE, SERVER_AWAY, shows, TIMEOUT, TOKEN } from "./dashboard_page.js";
import { Server } from "./server.js";

const browser = new Browser();
const LONG_NAME = "a-stream-with-a-name-as-long-as-it-may-be-which-is-of-64-letters".padEnd(64, "-");

after(() => browser.close());

for (const [screen, viewport] of Object.entries({ phone: PHONE, desk: DESK })) {
  test(`axe finds nothing on a ${screen}, and nothing is wider than the screen`, TIMEOUT, async (context) => {
    const server = new Server(SERVE);
    context.after(() => server.stop("SIGKILL"));
    browser.complaints.length = 0;
    await server.start();
    const page = await browser.open(`${server.origin}/dashboard`, { viewport });
    /** @param {string} state */
    const isFine = async (state) => {
      await isAccessible(page);
      assert.ok(/** @type {number} */ (await page.evaluate("document.documentElement.scrollWidth")) <= viewport.width, `${state} is too wide`);
    };
    await shows(page, "headline", "Ready, and nothing has been sent yet");
    await isFine("empty");
    const [frame, first] = await Promise.all([".chart-frame", "#first"].map((part) => page.locator(part).boundingBox()));
    assert.ok(frame && first && first.height <= frame.height, "what is said of an empty stream has room");

    await page.goto(`${server.origin}/dashboard#token=${TOKEN}`);
    await server.react(["🔥", "❤️", "👏", "😂", "😮", "🎉", "😢", "🏆", "🙌", "💯"].map((emoji, index) => [emoji, 10 ** (6 - index / 2) | 0]));
    await server.react([["🔥", 12]], LONG_NAME);
    await shows(page, "total", /^1,4\d\d,\d\d\d$/);
    await shows(page, "headline", "Every reaction is being counted");
    await shows(page, "streams", new RegExp(LONG_NAME));
    await page.getByText("The same as a table").click();
    await isFine("lively");

    for (const name of ["Spawn a cluster", "Policy of cluster 1", "Retire cluster 1", "Stream main", "Admin"]) {
      await page.getByRole("button", { name, exact: name === "Admin" }).click();
      await page.getByRole("dialog").waitFor();
      await isFine(`the dialog of ${name}`);
      await page.keyboard.press("Escape");
    }

    await server.stop("SIGKILL");
    await shows(page, "headline", "Disconnected, trying again");
    await isFine("disconnected");
    // What was seen stays, also what took the token.
    await shows(page, "clusters", /live/);
    await shows(page, "streams", new RegExp(LONG_NAME));
    await page.context().close();
    assert.deepEqual(browser.complaints.filter((complaint) => !SERVER_AWAY.test(complaint)), []);
  });
}
