/** Emojis as text of the page: drawn by the system's font, or by name where the font lacks them. */

import { nameOf, whenNamed } from "./names.js";

const FONT = '32px "Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif';
/** Edge of the canvas that an emoji is tried on, in pixels; it holds all of a 32 px glyph that matters. */
const EDGE = 40;
/** An emoji this much wider than a plain one fell apart into its parts. */
const TOO_WIDE = 1.6;

/** @type {Map<string, boolean>} */
const drawable = new Map();
/** @type {CanvasRenderingContext2D | undefined} */
let paper;

/** @param {string} emoji */
export function glyph(emoji) {
  const element = document.createElement("span");
  element.className = "glyph";
  if (canDraw(emoji)) {
    element.textContent = emoji;
  } else {
    element.classList.add("named");
    element.textContent = nameOf(emoji);
    void whenNamed(emoji).then((name) => { element.textContent = name; });
  }
  return element;
}

/** @param {string} emoji */
function canDraw(emoji) {
  let can = drawable.get(emoji);
  if (can === undefined) {
    can = tryToDraw(emoji);
    drawable.set(emoji, can);
  }
  return can;
}

/** A colour glyph looks the same in any ink; the box that stands for a missing one, or a letter, does not. @param {string} emoji */
function tryToDraw(emoji) {
  paper ??= newPaper();
  if (paper.measureText(emoji).width > TOO_WIDE * paper.measureText("😀").width) return false;
  const [dark, light] = [draw(paper, emoji, "#000"), draw(paper, emoji, "#fff")];
  return dark.every((value, index) => value === light[index]);
}

function newPaper() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = EDGE;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.font = FONT;
  context.textBaseline = "top";
  return context;
}

/** @param {CanvasRenderingContext2D} context @param {string} emoji @param {string} ink */
function draw(context, emoji, ink) {
  context.clearRect(0, 0, EDGE, EDGE);
  context.fillStyle = ink;
  context.fillText(emoji, 0, 0);
  return context.getImageData(0, 0, EDGE, EDGE).data;
}
