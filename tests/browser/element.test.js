/** The promises of `<emostream-stage>`, on a page of another origin with a strict content security policy. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Browser } from "./browser.js";
import { areOpen, probe, siteWith } from "./element_page.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const TIMEOUT = { timeout: 60_000 };
const BUTTONS = ["🔥", "❤️", "👏"];

const elements = {
  "/": "<emostream-stage></emostream-stage>",
  "/buttons": `<emostream-stage stream="sent" buttons="${BUTTONS.join(" ")}"></emostream-stage>`,
  "/held": '<emostream-stage stream="held" buttons="🔥 👏"></emostream-stage>',
  "/two": '<emostream-stage stream="left"></emostream-stage></div><div class="player"><emostream-stage stream="right"></emostream-stage>',
  "/limited": '<emostream-stage buttons="🔥" refusal="Nicht angenommen"></emostream-stage>',
};

const site = siteWith(() => server, elements);
const stranger = siteWith(() => server, elements);
/** @type {Server} */ let server;
const browser = new Browser();

before(async () => {
  await Promise.all([site.start(), stranger.start()]);
  server = new Server(["--window", "300ms", "--set", `http.allowed_origins=${site.origin}`]);
  await server.start();
});

after(async () => {
  await browser.close();
  site.stop();
  stranger.stop();
  await server.stop("SIGKILL");
});

afterEach(() => assert.deepEqual(browser.complaints.splice(0), []));

/** @param {string} path @param {object} [options] */
async function opened(path, options) {
  const page = await browser.open(site.origin + path, options);
  await areOpen(page);
  return page;
}

test("two lines let the crowd's emojis float over a page of another origin", TIMEOUT, async () => {
  const page = await opened("/");
  assert.deepEqual(await probe(page), { state: "open", stream: "main", total: 0, size: 0, painted: 0 });
  await server.react([["🔥", 400], ["👏", 30]]);
  await until(page, () => {
    const { crowd, scene } = document.querySelector("emostream-stage");
    return crowd.total === 430 && scene.alive()["🔥"] > 0 && scene.alive()["👏"] > 0 && scene.paintedCells() > 0;
  });
  // It fills the box, and what lies under it can still be reached.
  const boxes = await page.evaluate(() => [".player", "emostream-stage"].map((selector) => {
    const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
    return { x, y, width, height };
  }));
  assert.deepEqual(boxes[0], boxes[1]);
  await page.getByText("Under it").click();
  await until(page, () => document.activeElement?.className === "under");
  await page.close();
});

test("an element that is moved keeps its connection, and one that is taken away leaves nothing behind", TIMEOUT, async () => {
  const page = await opened("/");
  await server.react([["🔥", 40]]);
  await until(page, () => document.querySelector("emostream-stage").scene.paintedCells() > 0);
  const kept = await page.evaluate(async () => {
    window.stage = document.querySelector("emostream-stage");
    window.states = [];
    window.stage.crowd.addEventListener("state", ({ detail }) => window.states.push(detail.state));
    document.body.append(window.stage);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    return { state: window.stage.crowd.state, states: window.states.length, size: window.stage.scene.size };
  });
  assert.deepEqual({ state: kept.state, states: kept.states }, { state: "open", states: 0 });
  assert.ok(kept.size > 0);

  const { state, gone, frames } = await page.evaluate(async () => {
    const { scene } = window.stage;
    window.stage.remove();
    await Promise.resolve();
    const asked = window.requestAnimationFrame;
    let frames = 0;
    window.requestAnimationFrame = (callback) => { frames += 1; return asked(callback); };
    await new Promise((resolve) => asked(() => asked(resolve)));
    window.requestAnimationFrame = asked;
    return { state: window.stage.crowd.state, gone: window.stage.scene === undefined && scene.size === 0, frames };
  });
  assert.deepEqual({ state, gone, frames }, { state: "closed", gone: true, frames: 0 });

  await page.evaluate(() => document.querySelector(".player").append(window.stage));
  await until(page, () => window.stage.crowd.state === "open");
  await page.close();
});

test("its buttons are reached by keyboard, named by their emoji, and what they send flies once", TIMEOUT, async () => {
  const page = await opened("/buttons");
  await until(page, () => document.querySelector("emostream-stage").shadowRoot.querySelector("button").ariaDisabled === "false");
  const group = page.getByRole("group", { name: "Send a reaction" });
  assert.deepEqual(await group.getByRole("button").allTextContents(), BUTTONS);
  for (const name of BUTTONS) assert.equal(await group.getByRole("button", { name, exact: true }).count(), 1);

  await page.keyboard.press("Tab");
  for (let press = 0; press < 3; press += 1) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent), "👏");
  await page.keyboard.press("Enter");
  assert.equal((await probe(page)).size, 1);
  await until(page, () => document.querySelector("emostream-stage").crowd.total === 1);
  assert.deepEqual((await server.totals("sent")).totals, { "👏": 1 });
  assert.equal((await probe(page)).size, 1);
  await page.close();
});

test("a button whose key is held sends once", TIMEOUT, async () => {
  const page = await opened("/held");
  await page.getByRole("button", { name: "🔥" }).focus();
  for (let repetition = 0; repetition < 8; repetition += 1) await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  await page.getByRole("button", { name: "👏" }).focus();
  await page.keyboard.press("Space");
  await until(page, () => document.querySelector("emostream-stage").crowd.totals.has("👏"));
  assert.deepEqual((await server.totals("held")).totals, { "🔥": 1, "👏": 1 });
  await page.close();
});

test("a reaction that was not taken is told to the page, and to those who cannot see", TIMEOUT, async () => {
  const host = siteWith(() => strict, elements);
  await host.start();
  const strict = new Server(["--set", "limits.socket=1/s", "--set", `http.allowed_origins=${host.origin}`]);
  try {
    await strict.start();
    const page = await browser.open(`${host.origin}/limited`);
    await areOpen(page);
    const refused = page.evaluate(() => new Promise((resolve) => {
      document.querySelector("emostream-stage").addEventListener("refused", ({ detail }) => resolve(detail), { once: true });
    }));
    const button = page.getByRole("button", { name: "🔥" });
    assert.equal(await page.getByRole("status").textContent(), "");
    for (let press = 0; press < 6; press += 1) await button.click();
    assert.deepEqual(await refused, { emoji: "🔥", code: "limited" });
    assert.equal(await page.getByRole("status").textContent(), "Nicht angenommen: 🔥");
    await page.close();
  } finally {
    host.stop();
    await strict.stop("SIGKILL");
  }
});

test("two elements on a page do not disturb each other", TIMEOUT, async () => {
  const page = await opened("/two");
  await server.react([["🔥", 50]], "left");
  await until(page, () => document.querySelector("emostream-stage").scene.alive()["🔥"] > 0);
  const right = await page.evaluate(() => {
    const { crowd, scene } = document.querySelectorAll("emostream-stage")[1];
    return { total: crowd.total, size: scene.size, painted: scene.paintedCells() };
  });
  assert.deepEqual(right, { total: 0, size: 0, painted: 0 });
  await server.react([["👏", 50]], "right");
  await until(page, () => document.querySelectorAll("emostream-stage")[1].scene.alive()["👏"] > 0);
  await page.evaluate(() => document.querySelectorAll("emostream-stage")[1].remove());
  assert.ok((await probe(page)).size > 0);
  await page.close();
});

test("who prefers less motion sees nothing move, and can still send", TIMEOUT, async () => {
  const page = await opened("/buttons", { reducedMotion: "reduce" });
  const { total } = await probe(page);
  await page.getByRole("button", { name: "🔥" }).click();
  await until(page, (expected) => document.querySelector("emostream-stage").crowd.total === expected, total + 1);
  const { size, painted } = await probe(page);
  assert.deepEqual({ size, painted }, { size: 0, painted: 0 });
  await page.close();
});

test("a page that the server does not allow is refused for good, and stays empty", TIMEOUT, async () => {
  const page = await browser.open(stranger.origin);
  await page.evaluate(() => customElements.whenDefined("emostream-stage").then(() => {
    window.states = [];
    document.querySelector("emostream-stage").crowd.addEventListener("state", ({ detail }) => window.states.push(detail));
    // Another stream is another attempt.
    document.querySelector("emostream-stage").stream = "other";
  }));
  await until(page, () => window.states.at(-1)?.code === 4003);
  assert.deepEqual(await page.evaluate(() => window.states.at(-1)), { state: "closed", code: 4003 });
  assert.equal((await probe(page)).painted, 0);

  await page.evaluate(() => {
    window.states.length = 0;
    document.querySelector("emostream-stage").label = "Cheer";
    document.querySelector("emostream-stage").stream = "third";
  });
  await until(page, () => window.states.at(-1)?.code === 4003);
  assert.deepEqual(await page.evaluate(() => window.states.map(({ state }) => state)), ["connecting", "closed"]);
  await page.close();
});
