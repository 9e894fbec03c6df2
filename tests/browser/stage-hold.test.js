/** Pressing and holding on the live page: every way to press, what releases, and the server's limit. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Browser } from "./browser.js";
import { Server } from "./server.js";
import { button, isOpen, probe, until, windowsLater } from "./stage_page.js";

const TIMEOUT = { timeout: 90_000 };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** More than a tap: the button has repeated. */
const REPEATED = 4;
/** Shorter than this is a tap, in milliseconds. */
const TAP_MS = 350;

const server = new Server(["--window", "250ms"]);
const browser = new Browser();
/** @type {Page} */ let sender;
/** @type {Page} */ let watcher;
/** @type {number} */ let acceptedBefore;

/** @typedef {import("playwright-core").Page} Page */

before(async () => {
  await server.start();
  sender = await browser.open(server.origin);
  await sender.evaluate(`for (const type of ["pointerdown", "pointerup", "keydown", "keyup"]) {
    addEventListener(type, () => { window[type.endsWith("down") ? "pressedAt" : "releasedAt"] = performance.now(); }, true);
  }`);
  watcher = await browser.open(server.origin);
});

after(async () => {
  await browser.close();
  await server.stop("SIGKILL");
});

beforeEach(async () => {
  browser.complaints.length = 0;
  await Promise.all([isOpen(sender), isOpen(watcher)]);
  acceptedBefore = (await probe(sender)).accepted;
});

/** @param {Page} page @param {number} more */
const accepts = (page, more) => until(page, (stage, least) => stage.accepted >= least, acceptedBefore + more);

/** Nothing is sent any more, and all that was is counted everywhere. @param {Page} page */
async function isReleased(page) {
  await windowsLater(page);
  const { accepted } = await probe(page);
  await windowsLater(page);
  assert.equal((await probe(page)).accepted, accepted);
  assert.equal(await page.locator("#palette .held").count(), 0);
  assert.deepEqual(browser.complaints, []);
}

/** @param {Page} page @param {string} name */
async function middleOf(page, name) {
  const box = await button(page, name).boundingBox();
  assert.ok(box);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** @param {Page} page @param {string} name */
async function pressMouse(page, name) {
  const { x, y } = await middleOf(page, name);
  await page.mouse.move(x, y);
  await page.mouse.down();
}

/** A short press is one reaction. One that a busy machine has drawn out says nothing, and is made again. @param {() => Promise<void>} press */
async function sendsOnce(press) {
  for (;;) {
    acceptedBefore = (await probe(sender)).accepted;
    await press();
    await accepts(sender, 1);
    await isReleased(sender);
    const tookMs = Number(await sender.evaluate("releasedAt - pressedAt"));
    if (tookMs < TAP_MS) break;
  }
  assert.equal((await probe(sender)).accepted, acceptedBefore + 1);
}

test("a held button repeats until it is let go, and everybody counts the same", TIMEOUT, async () => {
  const { total } = await probe(watcher);

  await pressMouse(sender, "Send fire");
  await accepts(sender, REPEATED);
  await sender.mouse.up();
  await isReleased(sender);

  const { accepted } = await probe(sender);
  const sent = accepted - acceptedBefore;
  await until(watcher, (stage, expected) => stage.total === expected, total + sent);
  assert.equal((await server.totals()).total, total + sent);
  await sender.getByText(`You: ${accepted}`, { exact: true }).waitFor();
});

test("a tap is one reaction", TIMEOUT, async () => {
  await sendsOnce(() => button(sender, "Send trophy").click());
});

test("a click without a finger or a key, as assistive technology makes it, is one reaction", TIMEOUT, async () => {
  await button(sender, "Send trophy").evaluate((element) => element.click());
  await accepts(sender, 1);
  await isReleased(sender);
  assert.equal((await probe(sender)).accepted, acceptedBefore + 1);
});

for (const key of ["Enter", "Space"]) {
  test(`${key} repeats while it is held, and once if it is not`, TIMEOUT, async () => {
    await button(sender, "Send party popper").focus();
    await sendsOnce(() => sender.keyboard.press(key));

    await sender.keyboard.down(key);
    // The keyboard's own repetition is not another press.
    await sender.keyboard.down(key);
    await accepts(sender, 1 + REPEATED);
    await sender.keyboard.up(key);
    await isReleased(sender);
  });
}

test("a held key that is let go while another is down lets go", TIMEOUT, async () => {
  await button(sender, "Send party popper").focus();
  await sender.keyboard.down("Enter");
  await accepts(sender, REPEATED);
  await sender.keyboard.down("Control");
  await sender.keyboard.up("Enter");
  await sender.keyboard.up("Control");
  await isReleased(sender);
});

test("a finger repeats, also where it slips off the button, until the system takes it away", TIMEOUT, async () => {
  const phone = await browser.open(server.origin, PHONE);
  await isOpen(phone);
  acceptedBefore = 0;
  const { x, y } = await middleOf(phone, "Send fire");
  const screen = await phone.context().newCDPSession(phone);
  const touch = (/** @type {"touchStart" | "touchMove" | "touchEnd" | "touchCancel"} */ type, /** @type {object[]} */ ...touchPoints) => (
    screen.send("Input.dispatchTouchEvent", /** @type {any} */ ({ type, touchPoints }))
  );

  await touch("touchStart", { x, y });
  await accepts(phone, REPEATED);
  await touch("touchMove", { x: x + 40, y: y - 200 });
  await accepts(phone, 2 * REPEATED);
  await touch("touchEnd");
  await isReleased(phone);

  acceptedBefore = (await probe(phone)).accepted;
  await touch("touchStart", { x, y });
  await accepts(phone, REPEATED);
  await touch("touchCancel");
  await isReleased(phone);
  await phone.close();
});

test("a window that loses the focus lets go", TIMEOUT, async () => {
  await pressMouse(sender, "Send fire");
  await accepts(sender, REPEATED);
  await sender.evaluate("window.dispatchEvent(new Event('blur'))");
  await isReleased(sender);
  await sender.mouse.up();
});

test("a page that is hidden lets go", TIMEOUT, async () => {
  await pressMouse(sender, "Send fire");
  await accepts(sender, REPEATED);
  await sender.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  await isReleased(sender);
  await sender.mouse.up();
});

test("a key whose button loses the focus lets go", TIMEOUT, async () => {
  await button(sender, "Send fire").focus();
  await sender.keyboard.down("Enter");
  await accepts(sender, REPEATED);
  await button(sender, "Send trophy").focus();
  await isReleased(sender);
  await sender.keyboard.up("Enter");
});

test("holding into the limit slows down with a gentle sign, goes on, and counts what was accepted", TIMEOUT, async () => {
  const strict = new Server(["--window", "250ms", "--set", "limits.socket=3/s burst 5"]);
  try {
    await strict.start();
    const eager = await browser.open(strict.origin);
    const witness = await browser.open(strict.origin);
    await Promise.all([isOpen(eager), isOpen(witness)]);

    await pressMouse(eager, "Send fire");
    await eager.getByText("That was fast. A little slower, and every one counts").first().waitFor();
    acceptedBefore = (await probe(eager)).accepted;
    await accepts(eager, REPEATED);
    await eager.mouse.up();
    await isReleased(eager);

    const { accepted, total } = await probe(eager);
    assert.equal(total, accepted);
    await eager.getByText(`You: ${accepted}`, { exact: true }).waitFor();
    assert.deepEqual((await strict.totals()).totals, { "🔥": accepted });
    await until(witness, (stage, expected) => stage.total === expected, accepted);
    await until(eager, (stage) => document.getElementById("notice")?.hidden && stage.state === "open");
  } finally {
    await strict.stop("SIGKILL");
  }
});
