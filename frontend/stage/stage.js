/** The live page: wires the connection to the canvas, the numbers and the bar to send from. */

import { Emostream, EmostreamError } from "/sdk/emostream.js";
import { Scene } from "/sdk/scene/scene.js";
import { Announcer, Board } from "./board.js";
import { enablePalette, fillPalette, play } from "./palette.js";
import { connectionWords, isStreamName, refusalWords } from "./words.js";

/** How long a notice stays, in milliseconds. */
const NOTICE_MS = 4_000;
/** Reactions per second, as a power of ten, at which the lights are at their brightest. */
const BRIGHTEST_DECADE = 4.5;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const query = new URLSearchParams(location.search);
const stream = query.get("stream") ?? "main";
const crowd = new Emostream();
const announcer = new Announcer();
const board = new Board(announcer);
const scene = new Scene(/** @type {HTMLCanvasElement} */ (byId("canvas")));
const palette = byId("palette");
const notice = byId("notice");
let windowMs = 2_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeTimer;
/** Own reactions that already flew and have yet to come back in a window, by emoji. @type {Map<string, number>} */
const ahead = new Map();

/** @typedef {import("/sdk/emostream.js").Hello} Hello */
/** @typedef {import("/sdk/emostream.js").StateDetail} StateDetail */
/** @typedef {import("/sdk/emostream.js").WindowFrame} WindowFrame */

/** @template Detail @param {string} type @param {(detail: Detail) => void} listener */
function on(type, listener) {
  crowd.addEventListener(type, (event) => listener(/** @type {CustomEvent<Detail>} */ (event).detail));
}

/** @param {StateDetail} detail */
function showState(detail) {
  document.body.dataset.state = detail.state;
  document.body.dataset.delayed = String(crowd.interrupted);
  enablePalette(palette, detail.state === "open");
  // The page starts with the word for it, and a return attempt is not worth telling every few seconds.
  if (detail.state === "connecting") return;
  const words = connectionWords(detail, crowd.interrupted);
  const connection = byId("connection");
  if (connection.textContent !== words) announcer.say(words);
  connection.textContent = words;
}

/** @param {Hello} hello */
function welcome(hello) {
  windowMs = hello.window_ms;
  ahead.clear();
  board.show(hello.total, crowd.totals);
}

/** @param {WindowFrame} frame */
function showWindow(frame) {
  board.show(crowd.total, crowd.totals);
  scene.burst(frame.counts.map(({ emoji_type, count }) => [emoji_type, withoutOwn(emoji_type, count)]), windowMs);
  const decade = Math.log10(1 + frame.total / ((frame.span * windowMs) / 1000));
  document.body.style.setProperty("--energy", Math.min(1, decade / BRIGHTEST_DECADE).toFixed(2));
}

/** Own reactions have flown at once; their window must not let them fly twice. @param {string} emoji @param {number} count */
function withoutOwn(emoji, count) {
  const own = Math.min(ahead.get(emoji) ?? 0, count);
  if (own > 0) ahead.set(emoji, (ahead.get(emoji) ?? 0) - own);
  return count - own;
}

/** @param {import("./palette.js").Press} press */
async function send({ emoji, button, x, y }) {
  const outcome = crowd.react(emoji);
  if (crowd.state === "open") {
    scene.launch(emoji, x, y);
    play(button, "sent");
    ahead.set(emoji, (ahead.get(emoji) ?? 0) + 1);
  }
  try {
    await outcome;
  } catch (error) {
    if (!(error instanceof EmostreamError)) throw error;
    ahead.set(emoji, Math.max(0, (ahead.get(emoji) ?? 0) - 1));
    play(button, "refused");
    tell(refusalWords(error.code));
  }
}

/** @param {string} words */
function tell(words) {
  clearTimeout(noticeTimer);
  notice.textContent = words;
  notice.hidden = false;
  announcer.say(words);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
}

/** Read-only view for tests and for looking in from the console. */
const probe = Object.freeze({
  get state() { return crowd.state; },
  get stream() { return crowd.stream; },
  get seq() { return crowd.seq; },
  get total() { return crowd.total; },
  get totals() { return Object.fromEntries(crowd.totals); },
  get particles() { return scene.alive(); },
  get particleCount() { return scene.size; },
  get particleCap() { return scene.capacity; },
  get paintedCells() { return scene.paintedCells(); },
});
Object.defineProperty(window, "emostream", { value: probe });

fillPalette(palette, send);
on("state", showState);
on("delivery", () => showState({ state: crowd.state }));
on("hello", welcome);
on("window", showWindow);
if (isStreamName(stream)) {
  byId("stream").textContent = stream === "main" ? "" : stream;
  document.title = stream === "main" ? "Emostream" : `${stream} · Emostream`;
  const cluster = Number(query.get("cluster")) || "auto";
  crowd.connect(location.origin, { stream, cluster });
} else {
  showState({ state: "closed" });
  byId("connection").textContent = "This is not the name of a stream";
}
