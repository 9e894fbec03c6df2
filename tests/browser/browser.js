/** Chromium as the distribution ships it, with an empty profile, and pages that remember what they complained about. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { requireExecutable } from "./server.js";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PAGE_TIMEOUT_MS = 20_000;

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContextOptions} BrowserContextOptions */

export class Browser {
  #executable = process.env.CHROMIUM || "/usr/bin/chromium";
  /** One profile per person. @type {{ context: import("playwright-core").BrowserContext, profile: string }[]} */
  #people = [];
  /** What any page wrote to its console as an error or threw. @type {string[]} */
  complaints = [];

  /**
   * Opens a page of somebody new.
   *
   * @param {string} url
   * @param {BrowserContextOptions} [options]
   */
  async open(url, options = {}) {
    requireExecutable(this.#executable, "CHROMIUM names the browser; `apt-get install chromium` brings one");
    const profile = await mkdtemp(join(tmpdir(), "emostream-chromium-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: this.#executable,
      args: FLAGS,
      viewport: { width: 1280, height: 720 },
      ...options,
    });
    this.#people.push({ context, profile });
    context.setDefaultTimeout(PAGE_TIMEOUT_MS);
    const page = context.pages()[0] ?? await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    await page.goto(url);
    return page;
  }

  async close() {
    for (const { context, profile } of this.#people) {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
    this.#people = [];
  }
}
