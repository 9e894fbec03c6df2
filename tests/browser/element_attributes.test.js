/** What `<emostream-stage>` is told by attributes and properties, before and after it is there. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Browser } from "./browser.js";
import { areOpen, probe, siteWith } from "./element_page.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const TIMEOUT = { timeout: 60_000 };

const site = siteWith(() => server, {
  "/": "<emostream-stage></emostream-stage>",
  "/bare": "",
  "/pausing": '<emostream-stage pause-after-ms="0"></emostream-stage><emostream-stage pause-after-ms="Infinity"></emostream-stage>',
  "/buttons": '<emostream-stage buttons="🔥 👏"></emostream-stage>',
});
/** @type {Server} */ let server;
const browser = new Browser();

before(async () => {
  await site.start();
  server = new Server(["--window", "300ms", "--set", `http.allowed_origins=${site.origin}`]);
  await server.start();
});

after(async () => {
  await browser.close();
  site.stop();
  await server.stop("SIGKILL");
});

afterEach(() => assert.deepEqual(browser.complaints.splice(0), []));

/** @param {string} path */
async function opened(path) {
  const page = await browser.open(site.origin + path);
  await areOpen(page);
  return page;
}

/** From here on `window.states` has the states of the first element's connection. @param {import("playwright-core").Page} page */
const watchStates = (page) => page.evaluate(() => {
  window.states = [];
  document.querySelector("emostream-stage").crowd.addEventListener("state", ({ detail }) => window.states.push(detail.state));
});

test("it follows its attributes, one connection at a time", TIMEOUT, async () => {
  const page = await opened("/");
  await server.react([["🎉", 7]], "other");
  const states = await page.evaluate(() => {
    const stage = document.querySelector("emostream-stage");
    window.states = [];
    stage.crowd.addEventListener("state", ({ detail }) => window.states.push(detail.state));
    stage.stream = "other";
    return window.states;
  });
  await until(page, () => document.querySelector("emostream-stage").crowd.total === 7);
  // The connection stayed: only the stream is another.
  assert.deepEqual(states, await page.evaluate(() => window.states));

  await page.evaluate((origin) => {
    const stage = document.querySelector("emostream-stage");
    stage.stream = "third";
    stage.cluster = "2";
    stage.server = origin;
  }, server.origin);
  await until(page, () => {
    const { crowd } = document.querySelector("emostream-stage");
    return crowd.state === "open" && crowd.cluster === 2 && crowd.stream === "third";
  });
  assert.deepEqual(await page.evaluate(() => window.states), ["closed", "connecting", "open"]);
  await page.close();
});

test("the same server in another spelling is the same connection", TIMEOUT, async () => {
  const page = await opened("/");
  await watchStates(page);
  await page.evaluate(async (origin) => {
    const stage = document.querySelector("emostream-stage");
    stage.server = `${origin}/`;
    await Promise.resolve();
    stage.server = origin.toUpperCase();
    await Promise.resolve();
    stage.label = "Cheer";
  }, server.origin);
  await server.react([["🔥", 3]], "spelled");
  await page.evaluate(() => { document.querySelector("emostream-stage").stream = "spelled"; });
  await until(page, () => document.querySelector("emostream-stage").crowd.total === 3);
  assert.deepEqual(await page.evaluate(() => window.states), []);
  await page.close();
});

test("a property that is given nothing takes its attribute away", TIMEOUT, async () => {
  const page = await opened("/");
  const names = ["server", "stream", "cluster", "buttons", "label", "refusal", "pauseAfterMs"];
  const left = await page.evaluate((properties) => [null, undefined, ""].map((nothing) => {
    const stage = document.querySelector("emostream-stage");
    const attributes = () => stage.getAttributeNames().sort().join();
    for (const name of properties) stage[name] = 1;
    const given = attributes();
    for (const name of properties) stage[name] = nothing;
    return { given, left: attributes(), stream: stage.stream, cluster: stage.cluster, label: stage.label, server: stage.server };
  }), names);
  const given = "buttons,cluster,label,pause-after-ms,refusal,server,stream";
  const meaning = { given, left: "", stream: "main", cluster: "auto", label: "Send a reaction", server: server.origin };
  assert.deepEqual(left, [meaning, meaning, meaning]);
  // An attribute that is there and empty means the same.
  await page.evaluate(() => {
    for (const name of ["stream", "cluster", "label", "server"]) document.querySelector("emostream-stage").setAttribute(name, "");
  });
  await areOpen(page);
  assert.equal((await probe(page)).stream, "main");
  await page.close();
});

test("what a page sets before the element is defined holds", TIMEOUT, async () => {
  const page = await browser.open(`${site.origin}/bare`);
  // As in a framework that makes its elements before the module has come.
  const found = await page.evaluate(() => {
    class Late extends customElements.get("emostream-stage") {}
    const stage = document.createElement("late-stage");
    Object.assign(stage, { stream: "early", label: "Cheer", pauseAfterMs: 5 });
    document.querySelector(".player").append(stage);
    customElements.define("late-stage", Late);
    const { stream, label } = stage;
    stage.stream = "early-2";
    return { stream, label, attributes: stage.getAttributeNames().sort(), now: stage.stream };
  });
  assert.deepEqual(found, { stream: "early", label: "Cheer", attributes: ["label", "pause-after-ms", "stream"], now: "early-2" });
  await until(page, () => document.querySelector("late-stage").crowd.state === "open");
  assert.equal(await page.evaluate(() => document.querySelector("late-stage").crowd.stream), "early-2");
  await page.close();
});

test("how long a hidden page stays connected is an attribute", TIMEOUT, async () => {
  const page = await opened("/pausing");
  // A headless Chromium reports every page as seen.
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until(page, () => document.querySelector("emostream-stage").crowd.state === "paused");
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("emostream-stage")].map((stage) => [stage.pauseAfterMs, stage.crowd.state])), [
    [0, "paused"], [Infinity, "open"],
  ]);
  await page.close();
});

test("an element that is moved to another document keeps its connection and its look", TIMEOUT, async () => {
  const page = await opened("/buttons");
  await watchStates(page);
  const look = () => page.evaluate(() => {
    const bar = window.stage.shadowRoot.querySelector(".buttons");
    const { display, borderRadius } = bar.ownerDocument.defaultView.getComputedStyle(bar);
    return { display, borderRadius };
  });
  await page.evaluate(() => { window.stage = document.querySelector("emostream-stage"); });
  const before = await look();
  assert.equal(before.display, "flex");
  await page.evaluate(() => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.contentDocument.body.append(window.stage);
  });
  assert.deepEqual(await look(), before);
  await page.evaluate(() => document.querySelector(".player").append(window.stage));
  assert.deepEqual(await look(), before);
  assert.deepEqual(await page.evaluate(() => [window.states, window.stage.crowd.state]), [[], "open"]);
  await page.close();
});
