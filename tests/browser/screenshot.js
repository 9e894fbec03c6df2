/**
 * Makes the pictures in docs/images: what is really there, in the middle of a loud moment. Names of files as arguments take
 * those alone.
 */

import { fileURLToPath } from "node:url";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { probe, until } from "./stage_page.js";
import { showTerminal } from "./terminal.js";

const FOLDER = new URL("../../docs/images/", import.meta.url);
const BURST_EVERY_MS = 500;
/** Sockets of one page; a browser opens few more to one host. */
const AUDIENCE = 236;
/** The crowd's mood: weight by emoji. */
/** @type {[emoji: string, weight: number][]} */
const MOOD = [
  ["🔥", 34], ["❤️", 21], ["👏", 15], ["😂", 9], ["🎉", 8], ["😮", 4], ["🙌", 3], ["🏆", 3], ["🤩", 2], ["💯", 1], ["🥳", 1], ["💜", 1],
];
const ADMIN_TOKEN = "a-token-for-pictures-alone";
/** A line of the viewer whose history is full. */
const SPARKS = /[▁▂▃▄▅▆▇█]{28}/;
/** How long the dashboard looks on: its chart has a shape by then. */
const SEEN_MS = 55_000;
/** How long a page watches before its picture is taken: its pulse has a shape by then. */
const WATCHED_WINDOWS = 40;

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ server: Server, browser: Browser, path: string }} Run What a picture is taken of, and where it goes. */

/** Pictures by file, one after another in the same crowd. @type {Record<string, (run: Run) => Promise<unknown>>} */
const PICTURES = {
  "stage.png": pageAt("/", { width: 1280, height: 720 }, inTheCrowd),
  "stage-phone.png": pageAt("/", { width: 390, height: 844 }, inTheCrowd),
  "dashboard.png": pageAt(`/dashboard#token=${ADMIN_TOKEN}`, { width: 1440, height: 1260 }, onCall),
  "view.png": viewer,
};

/** @param {string} address @param {{ width: number, height: number }} viewport @param {(page: Page) => Promise<unknown>} ready */
function pageAt(address, viewport, ready) {
  return async (/** @type {Run} */ { server, browser, path }) => {
    const page = await browser.open(server.origin + address, { viewport });
    await ready(page);
    await page.screenshot({ path });
    await page.close();
  };
}

/** The aggregation in the terminal. @param {Run} run */
async function viewer({ server, browser, path }) {
  const page = await browser.open("about:blank", { viewport: { width: 1000, height: 480 } });
  const command = `${server.binary} view --url ${server.origin} --admin-token ${ADMIN_TOKEN}`;
  await showTerminal(page, command, (text) => text.split("\n").some((line) => SPARKS.test(line)));
  await page.locator("#screen").screenshot({ path });
  await page.close();
}

/** @param {Page} page */
async function inTheCrowd(page) {
  await until(page, (stage) => stage.state === "open");
  await page.getByRole("button", { name: "Send fire" }).click();
  const { seq } = await probe(page);
  await until(page, (stage, last) => stage.seq >= last && stage.particleCount > 60, seq + WATCHED_WINDOWS);
}

/** @param {Page} page */
async function onCall(page) {
  await page.getByText("Every reaction is being counted").first().waitFor();
  await page.getByText("1 min", { exact: true }).click();
  await page.waitForTimeout(SEEN_MS);
}

/** People who watch, and whom the pages count. @param {Server} server @param {Browser} browser */
async function seatAudience(server, browser) {
  const seats = await browser.open(`${server.origin}/sdk/emostream.js`);
  await seats.evaluate((seated) => Promise.all(Array.from({ length: seated }, () => new Promise((resolve) => {
    new WebSocket(new URL("/ws?stream=main", location.origin)).addEventListener("message", resolve, { once: true });
  }))), AUDIENCE);
}

/** A crowd that rises and falls, until it is told to go home. @param {Server} server @param {AbortSignal} home */
async function cheer(server, home) {
  for (let burst = 1; !home.aborted; burst += 1) {
    const loudness = 45 + 25 * Math.sin(burst / 7) + 18 * Math.sin(burst / 2.1);
    await server.react(MOOD.map(([emoji, weight], index) => {
      const liking = 1 + 0.5 * Math.sin(burst / (3 + index) + 2 * index);
      return [emoji, Math.max(1, Math.round(weight * loudness * liking))];
    }));
    await new Promise((resolve) => setTimeout(resolve, BURST_EVERY_MS));
  }
}

const wanted = process.argv.slice(2);
const server = new Server(["--window", "500ms", "--admin-token", ADMIN_TOKEN]);
const browser = new Browser();
const home = new AbortController();
try {
  await server.start();
  await seatAudience(server, browser);
  const crowd = cheer(server, home.signal);
  for (const [file, take] of Object.entries(PICTURES)) {
    if (wanted.length > 0 && !wanted.includes(file)) continue;
    await take({ server, browser, path: fileURLToPath(new URL(file, FOLDER)) });
  }
  home.abort();
  await crowd;
} finally {
  await browser.close();
  await server.stop("SIGTERM");
}
