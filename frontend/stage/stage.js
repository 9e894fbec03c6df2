/** The live page: wires the connection to the canvas, the numbers and the bar to send from. */

import { Emostream, EmostreamError } from "/sdk/emostream.js";
import { play } from "/sdk/play.js";
import { OwnReactions } from "/sdk/scene/own.js";
import { Scene } from "/sdk/scene/scene.js";
import { Announcer } from "./announcer.js";
import { Board } from "./board.js";
import { byId, dialogById } from "./dom.js";
import { prepareEmbed } from "./embed.js";
import { Hold } from "./hold.js";
import { shownName } from "./names.js";
import { Notice } from "./notice.js";
import { Pace } from "./pace.js";
import { Palette } from "./palette.js";
import { Picker } from "./picker.js";
import { highest, Recent } from "./recent.js";
import { connectionWords, isStreamName, refusalWords } from "./words.js";

/** A repetition waits while more than this many reactions have no answer yet. */
const MAX_UNANSWERED = 10;
/** How many of the crowd's emojis are looked at for a place in the bar. */
const OFFERED = 16;

const query = new URLSearchParams(location.search);
const stream = query.get("stream") ?? "main";
const crowd = new Emostream();
const recent = new Recent();
const own = new OwnReactions(crowd);
const pace = new Pace();
const board = new Board();
const announcer = new Announcer(byId("announcer"));
const notice = new Notice(byId("notice"), announcer);
const scene = new Scene(/** @type {HTMLCanvasElement} */ (byId("canvas")), { nameOf: shownName });
const picker = new Picker(dialogById("picker"), sendChosen);
const palette = new Palette(byId("palette"), () => void picker.open());
const hold = new Hold(byId("palette"), pace, send, () => palette.endRun());
let windowMs = 2_000;
/** Reactions of this visit that the server has said it holds, and those that it has yet to answer. */
let accepted = 0;
let unanswered = 0;

/** @typedef {import("./hold.js").Press} Press */
/** @typedef {import("/sdk/shapes.js").Hello} Hello */
/** @typedef {import("/sdk/shapes.js").StateDetail} StateDetail */
/** @typedef {import("/sdk/shapes.js").WindowFrame} WindowFrame */

/** @param {StateDetail} detail */
function showState(detail) {
  document.body.dataset.state = detail.state;
  document.body.dataset.delayed = String(crowd.interrupted);
  palette.enable(detail.state === "open");
  if (detail.state !== "open") {
    hold.release();
    board.pause();
  }
  // The page starts with the word for it, a return attempt is not worth telling every few seconds, and nobody sees a paused page.
  if (detail.state === "connecting" || detail.state === "paused") return;
  tellConnection(connectionWords(detail, crowd.interrupted));
}

/** @param {string} words */
function tellConnection(words) {
  const connection = byId("connection");
  if (connection.textContent !== words) announcer.say(words);
  connection.textContent = words;
}

/** @param {Hello} hello */
function welcome(hello) {
  windowMs = hello.window_ms;
  if (!hello.recovered) {
    own.forget();
    recent.clear();
  }
  board.begin(crowd);
  board.showViewers(crowd.viewers);
  palette.offer(highest(crowd.totals, OFFERED));
}

/** @param {WindowFrame} frame */
function showWindow(frame) {
  recent.add(frame);
  board.show(crowd, recent, windowMs);
  board.showViewers(crowd.viewers);
  scene.burst(own.withoutOwn(frame.counts), windowMs, frame.span);
  palette.offer(highest(recent.counts(), OFFERED));
  announcer.sumUp(recent);
}

/** @param {Press} press */
async function send(press) {
  if (press.repeats && unanswered >= MAX_UNANSWERED) return;
  const { button } = press;
  const emoji = button.dataset.emoji ?? "";
  const { era } = pace;
  unanswered += 1;
  if (press.repeats) document.body.dataset.held = "true";
  try {
    await own.react(emoji, () => launch(emoji, button));
    accept(press, emoji);
  } catch (error) {
    if (!(error instanceof EmostreamError)) throw error;
    refuse(error.code, button, era);
  } finally {
    unanswered -= 1;
  }
}

/** @param {string} emoji @param {HTMLElement} button */
function launch(emoji, button) {
  const { left, top, width, height } = button.getBoundingClientRect();
  // Not all from one point, or those of a held button would hide each other.
  scene.launch(emoji, left + width * (0.3 + 0.4 * Math.random()), top + height / 4);
  play(button, "sent");
}

/** @param {Press} press @param {string} emoji */
function accept(press, emoji) {
  accepted += 1;
  press.sent += 1;
  pace.accepted();
  palette.used(emoji);
  if (hold.holds(press)) palette.showRun(press);
  board.showOwn(accepted);
}

/** @param {string} code @param {HTMLElement} button @param {number} era */
function refuse(code, button, era) {
  const isLimited = code === "limited";
  if (isLimited) pace.limited(era);
  else hold.release();
  play(button, isLimited ? "limited" : "refused");
  notice.tell(refusalWords(code));
}

/** @param {string} emoji */
function sendChosen(emoji) {
  const button = palette.choose(emoji);
  button.focus();
  void send({ button, sent: 0, repeats: false });
}

/** Read-only view for tests and for looking in from the console. */
const probe = Object.freeze({
  get state() { return crowd.state; },
  get stream() { return crowd.stream; },
  get seq() { return crowd.seq; },
  get total() { return crowd.total; },
  get totals() { return Object.fromEntries(crowd.totals); },
  get accepted() { return accepted; },
  get particles() { return scene.alive(); },
  get particleCount() { return scene.size; },
  get particleCap() { return scene.capacity; },
  get paintedCells() { return scene.paintedCells(); },
});
Object.defineProperty(window, "emostream", { value: probe });

crowd.addEventListener("state", ({ detail }) => showState(detail));
crowd.addEventListener("delivery", () => showState({ state: crowd.state }));
crowd.addEventListener("hello", ({ detail }) => welcome(detail));
crowd.addEventListener("window", ({ detail }) => showWindow(detail));
if (query.get("view") === "overlay") document.body.dataset.view = "overlay";
if (isStreamName(stream)) {
  byId("stream").textContent = stream === "main" ? "" : stream;
  document.title = stream === "main" ? "Emostream" : `${stream} · Emostream`;
  prepareEmbed(dialogById("embed"), stream);
  byId("embed-open").addEventListener("click", () => dialogById("embed").showModal());
  const cluster = Number(query.get("cluster")) || "auto";
  crowd.connect(location.origin, { stream, cluster });
} else {
  document.body.dataset.state = "closed";
  tellConnection("This is not the name of a stream");
  byId("embed-open").hidden = true;
}
