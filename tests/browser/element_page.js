/** Pages of another origin, with a strict content security policy, that have `<emostream-stage>` on them. */

import { Site } from "./site.js";
import { until } from "./until.js";

/** @typedef {import("playwright-core").Page} Page */

const STYLE = `
  body { margin: 0; background: #234; }
  .player { position: relative; width: 640px; height: 360px; margin: 20px; }
  .under { position: absolute; inset: 0; width: 100%; height: 100%; }
`;

/**
 * @param {() => import("./server.js").Server} server Where the element is got from, and connects to.
 * @param {Record<string, string>} elements What is on each page, by path.
 */
export const siteWith = (server, elements) => new Site((path) => (path === "/page.css" ? STYLE : pageWith(elements[path], server().origin)));

/** @param {string} element @param {string} origin Of the server. */
function pageWith(element, origin) {
  const { host } = new URL(origin);
  const policy = `default-src 'none'; script-src http://${host}; connect-src ws://${host}; style-src 'self'; img-src data:`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">
    <script type="module" src="http://${host}/sdk/emostream-stage.js"></script></head>
    <body><div class="player"><button class="under">Under it</button>${element}</div></body></html>`;
}

/** Every element of the page has its connection. @param {Page} page */
export const areOpen = (page) => until(
  page, () => [...document.querySelectorAll("emostream-stage")].every(({ crowd }) => crowd?.state === "open"),
);

/** What the first element of a page holds. @param {Page} page */
export const probe = (page) => page.evaluate(() => {
  const { crowd, scene } = document.querySelector("emostream-stage");
  return { state: crowd.state, stream: crowd.stream, total: crowd.total, size: scene?.size, painted: scene?.paintedCells() };
});
