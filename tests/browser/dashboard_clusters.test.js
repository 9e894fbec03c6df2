/** What the admin token opens on the dashboard, and what is done to clusters with it, with viewers in them. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { answered, SERVE, shows, TIMEOUT, TOKEN } from "./dashboard_page.js";
import { Server } from "./server.js";

const server = new Server(SERVE);
const browser = new Browser();
/** @type {Page} */ let page;

/** @typedef {import("playwright-core").Page} Page */

/** @param {string} name */
const button = (name) => page.getByRole("button", { name });
/** @param {number} id */
const cluster = (id) => page.locator("#clusters li").filter({ hasText: new RegExp(`^Cluster ${id}\\b`) });
/** @param {Page} stage @param {string} total */
const hasTotal = (stage, total) => stage.locator("#total").filter({ hasText: new RegExp(`^${total}$`) }).waitFor();
const isClosed = () => page.locator("dialog[open]").waitFor({ state: "detached" });

before(async () => {
  await server.start();
  page = await browser.open(`${server.origin}/dashboard#token=${TOKEN}`);
});

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(() => { browser.complaints.length = 0; });

test("a token in the address is taken out of it at once, and kept for the tab alone", TIMEOUT, async () => {
  await shows(page, "token-button", "Admin");
  assert.equal(page.url(), `${server.origin}/dashboard`);
  assert.equal(await page.evaluate("performance.getEntriesByType('resource').some(({ name }) => name.includes('token='))"), false);
  const kept = /** @type {string[]} */ (await page.evaluate("[JSON.stringify(localStorage), document.cookie, JSON.stringify(history.state)]"));
  assert.ok(kept.every((each) => !each?.includes(TOKEN)), kept.join());
  await page.reload();
  await shows(page, "token-button", "Admin");
  await cluster(1).getByText("live").waitFor();
  assert.deepEqual(browser.complaints, []);
});

test("the ledger stands by stream, and every stream of the node can be chosen", TIMEOUT, async () => {
  await server.react([["🔥", 12]], "somewhere-else");
  const row = page.locator("#streams tr").filter({ hasText: "somewhere-else" });
  await row.filter({ hasText: /somewhere-else12120$/ }).waitFor();
  await button("Stream main").click();
  await page.locator("#stream-list li").filter({ hasText: "somewhere-else 12 reactions counted" }).waitFor();
  await page.keyboard.press("Escape");
  await isClosed();
  assert.equal(await page.evaluate("document.activeElement.id"), "stream-button");
  assert.deepEqual(browser.complaints, []);
});

test("a cluster is spawned, changed and retired under its viewers, who move and lose nothing", TIMEOUT, async () => {
  await button("Spawn a cluster").click();
  await page.getByLabel("Number").fill("9");
  await page.getByLabel("List only the first").fill("3");
  await button("Spawn").last().click();
  await isClosed();
  await shows(page, "notice", "Cluster 9 delivers");
  await cluster(9).getByText("live").waitFor();
  await cluster(9).getByText("the first 3, scale brief").waitFor();

  const stages = await Promise.all([1, 2].map(() => browser.open(`${server.origin}/?cluster=9`)));
  await cluster(9).getByText("2 sessions").waitFor();
  await server.react([["🔥", 500], ["👏", 40], ["😂", 30], ["🎉", 2]]);
  await Promise.all([...stages.map((stage) => hasTotal(stage, "572")), shows(page, "total", "572")]);

  await button("Policy of cluster 9").click();
  assert.equal(await page.getByLabel("List only the first").inputValue(), "3");
  await page.getByLabel("List only the first").fill("");
  await page.getByLabel("With a count of at least").fill("20");
  await page.getByLabel("Scale for the screen").selectOption("divisor");
  await page.getByLabel("Divisor").fill("100");
  await button("Change").click();
  await isClosed();
  await cluster(9).getByText("all emojis, from a count of 20, divided by 100").waitFor();

  await button("Retire cluster 9").click();
  await shows(page, "retire-text", /^Its 2 sessions will move to the others without a disconnect/);
  await button("Keep it").click();
  await isClosed();
  await button("Retire cluster 9").click();
  const leaving = page.getByRole("dialog").getByRole("button", { name: "Retire cluster 9" }).click();
  await Promise.all([leaving, ...[1, 2, 3, 4].map(() => server.react([["❤️", 100]]))]);
  await isClosed();
  await shows(page, "stopped", "Stopped: 9");
  assert.equal(await cluster(9).count(), 0);
  await shows(page, "sessions", "3");

  await server.react([["🏆", 28]]);
  await Promise.all([...stages.map((stage) => hasTotal(stage, "1,000")), shows(page, "total", "1,000")]);
  assert.equal((await server.totals()).total, 1_000);
  const states = await Promise.all(stages.map((stage) => stage.evaluate("window.emostream.state")));
  assert.deepEqual(states, ["open", "open"]);
  await shows(page, "headline", "Every reaction is being counted");
  await shows(page, "balance", "They agree");
  await Promise.all(stages.map((stage) => stage.context().close()));
  assert.deepEqual(browser.complaints, []);
});

test("what is refused is said at its field, and what was typed stays", TIMEOUT, async () => {
  await button("Spawn a cluster").click();
  await page.getByLabel("Number").fill("0");
  await page.keyboard.press("Enter");
  await shows(page, "cluster-id-error", "A number from 1 to 9999.");
  assert.equal(await page.evaluate("document.activeElement.id"), "cluster-id");
  assert.equal(await page.getByLabel("Number").getAttribute("aria-invalid"), "true");

  await page.getByLabel("Number").fill("1");
  await page.getByLabel("List only the first").fill("7");
  await page.keyboard.press("Enter");
  await shows(page, "cluster-id-error", "This cluster exists already, with another policy.");
  assert.equal(await page.getByLabel("List only the first").inputValue(), "7");

  await page.getByLabel("List only the first").fill("many");
  await page.keyboard.press("Enter");
  await shows(page, "top-n-error", "A whole number.");
  assert.equal(await page.locator("#cluster-id-error").textContent(), "");
  await page.getByLabel("List only the first").fill("0");
  await page.keyboard.press("Enter");
  await shows(page, "top-n-error", "A whole number above 0.");

  await page.getByLabel("List only the first").fill("");
  await page.getByLabel("Scale for the screen").selectOption("divisor");
  await page.getByLabel("Divisor").fill("0");
  await button("Spawn").last().click();
  await shows(page, "divisor-error", "A whole number above 0.");
  await button("Cancel").click();
  await isClosed();
  assert.deepEqual(browser.complaints.filter((complaint) => ![409, 422].some((status) => answered(status).test(complaint))), []);
});

test("the last live cluster stays, and the dialog says why", TIMEOUT, async () => {
  for (const id of [1, 2]) {
    await button(`Retire cluster ${id}`).click();
    await page.getByRole("dialog").getByRole("button", { name: `Retire cluster ${id}` }).click();
    await isClosed();
    await cluster(id).waitFor({ state: "detached" });
  }
  await button("Retire cluster 3").click();
  await page.getByRole("dialog").getByRole("button", { name: "Retire cluster 3" }).click();
  await page.getByText("This is the only live cluster.").waitFor();
  await page.keyboard.press("Escape");
  await isClosed();
  await shows(page, "stopped", "Stopped: 1, 2, 9");
  assert.deepEqual(browser.complaints.filter((complaint) => !answered(409).test(complaint)), []);
});

test("a token that the node does not take is told where it is given, and one that it does can be forgotten", TIMEOUT, async () => {
  await button("Admin").click();
  await button("Forget the token").click();
  await isClosed();
  await shows(page, "token-button", "Admin token");
  await shows(page, "clusters-note", /^With the admin token: /);
  assert.equal(await page.evaluate("sessionStorage.length"), 0);
  assert.equal(await button("Spawn a cluster").isVisible(), false);

  await button("Admin token").click();
  await page.getByLabel("Token", { exact: true }).fill("not-the-token-of-this-node");
  await page.keyboard.press("Enter");
  await shows(page, "token-error", /^✕? ?The node does not take this token\./);
  assert.equal(await page.evaluate("sessionStorage.length"), 0);
  await page.getByLabel("Token", { exact: true }).fill(TOKEN);
  await page.keyboard.press("Enter");
  await isClosed();
  await shows(page, "token-button", "Admin");
  await button("Spawn a cluster").waitFor();
  assert.deepEqual(browser.complaints.filter((complaint) => !answered(401).test(complaint)), []);
});

test("a token that was good before the node was started again is not sent for ever", TIMEOUT, async () => {
  await page.goto(`${server.origin}/dashboard?stream=main#token=a-token-of-yesterday`);
  await shows(page, "token-button", "Admin token refused");
  assert.equal(page.url(), `${server.origin}/dashboard?stream=main`);
  const refusals = browser.complaints.length;
  assert.ok(refusals > 0);
  await page.waitForResponse("**/metrics");
  await page.waitForResponse("**/metrics");
  assert.equal(browser.complaints.length, refusals);
  await button("Admin token refused").click();
  await shows(page, "token-error", /started again with another one/);
  await page.keyboard.press("Escape");
  assert.deepEqual(browser.complaints.filter((complaint) => !answered(401).test(complaint)), []);
});
