/** A terminal in a page: a command runs at one end, and what it draws is seen at the other. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { environmentWithoutSettings } from "./server.js";

const COLUMNS = 92;
const ROWS = 18;
const THEME = { background: "#0d0a1a", foreground: "#e9e4f7", magenta: "#c678ff", cyan: "#5ad1e8", green: "#3dffa8" };

const moduleFile = (/** @type {string} */ name) => fileURLToPath(new URL(`node_modules/@xterm/xterm/${name}`, import.meta.url));

/**
 * Shows a command in a terminal of its own, in a page that is given, until `ready` says that there is enough to see. Then the key q
 * is pressed, which has to end it.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} command For a shell.
 * @param {(text: string) => boolean} ready Asked with the lines of the screen, again and again.
 */
export async function showTerminal(page, command, ready) {
  await page.setContent("<!doctype html><style>body { margin: 0 } #screen { width: fit-content; padding: 14px; background: #0d0a1a }</style><div id=screen></div>");
  await page.addStyleTag({ path: moduleFile("css/xterm.css") });
  await page.addScriptTag({ path: moduleFile("lib/xterm.js") });
  await page.evaluate(([columns, rows, theme]) => {
    const options = { cols: columns, rows, theme, fontFamily: "DejaVu Sans Mono, Noto Color Emoji, monospace", fontSize: 15, cursorInactiveStyle: "none" };
    // @ts-expect-error: the script has put it there.
    const terminal = new Terminal(options);
    terminal.open(document.getElementById("screen"));
    Object.assign(window, { terminal });
  }, /** @type {const} */ ([COLUMNS, ROWS, THEME]));
  // `script` gives the command a terminal to draw on.
  const shell = `stty cols ${COLUMNS} rows ${ROWS}; exec ${command}`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", shell, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...environmentWithoutSettings(), TERM: "xterm-256color", COLORTERM: "truecolor" },
  });
  const ended = once(child, "exit");
  try {
    for await (const drawn of child.stdout) {
      await page.evaluate((bytes) => new Promise((done) => {
        // @ts-expect-error: set above.
        window.terminal.write(new Uint8Array(bytes), done);
      }), [...drawn]);
      if (ready(await page.locator(".xterm-rows").innerText())) return;
    }
    throw new Error(`${command} ended before there was enough to see`);
  } finally {
    child.stdin.end("q");
    await ended;
  }
}
