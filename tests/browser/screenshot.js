/** Makes docs/images/stage.png: the real page in the middle of a loud moment. */

import { fileURLToPath } from "node:url";
import { Browser } from "./browser.js";
import { Server } from "./server.js";

const TARGET = process.argv[2] ?? fileURLToPath(new URL("../../docs/images/stage.png", import.meta.url));
const VIEWPORT = { width: Number(process.env.WIDTH ?? 1280), height: Number(process.env.HEIGHT ?? 720) };
const BURSTS = 18;
const BURST_EVERY_MS = 500;
/** The crowd's mood: weight by emoji. */
/** @type {[emoji: string, weight: number][]} */
const MOOD = [
  ["🔥", 34], ["❤️", 21], ["👏", 15], ["😂", 9], ["🎉", 8], ["😮", 4], ["🙌", 3], ["🏆", 3], ["🤩", 2], ["💯", 1], ["🥳", 1], ["💜", 1],
];

const server = new Server(["--window", "1s"]);
const browser = new Browser();
try {
  await server.start();
  const page = await browser.open(server.origin, { viewport: VIEWPORT });
  await page.waitForSelector("body[data-state=open]");
  for (let burst = 1; burst <= BURSTS; burst += 1) {
    // Rises and falls, as a crowd does.
    const loudness = 45 + 40 * Math.sin(burst / 2.1);
    await server.react(MOOD.map(([emoji, weight]) => [emoji, Math.max(1, Math.round(weight * loudness))]));
    await new Promise((resolve) => setTimeout(resolve, BURST_EVERY_MS));
  }
  await page.screenshot({ path: TARGET });
} finally {
  await browser.close();
  await server.stop("SIGTERM");
}
