/** One emoji on a canvas of its own, in the system's font; or its name, where the font does not have it. */

/** @typedef {{ size: number, blur: number, light: number }} Depth */

/** Share of the size left around the emoji for glyphs that overhang, blur and glow. */
const MARGIN = 0.3;
const EMOJI_FONT = '"Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif';
const TEXT_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Share of the size that a name's letters have, and the widest line in letters before it is broken. */
const NAME_SIZE = 0.3;
const NAME_LINE_CHARS = 12;
const LINE_HEIGHT = 1.16;

/** Side of the canvas on which glyphs are looked at, in pixels. */
const PROBE_SIZE = 32;
/** Not assigned, so that no font has them: what is drawn for them is what is drawn for any missing glyph. */
const MISSING = ["\u{1fffe}", "\u{10fffe}", "\u0378"];
/** Colour channels that differ by more belong to a colour glyph; smoothed edges of a grey one do not. */
const MIN_CHROMA = 24;

/** @type {CanvasRenderingContext2D | undefined} */
let probeContext;

/**
 * True if the system's font has this emoji. Of a sequence the first part counts: the font may draw the others beside it, and that
 * says more than a name.
 *
 * @param {string} emoji
 */
export function hasGlyph(emoji) {
  probeContext ??= startProbe();
  const first = String.fromCodePoint(emoji.codePointAt(0) ?? 0);
  const { painted, coloured } = lookAt(probeContext, first);
  // Without colour it is a black and white emoji, or the box that stands for a missing one.
  return coloured || (painted && !MISSING.map(metricsOf).includes(metricsOf(first)));
}

function startProbe() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PROBE_SIZE;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.font = `${PROBE_SIZE * 0.7}px ${EMOJI_FONT}`;
  context.textBaseline = "middle";
  return context;
}

/** @param {CanvasRenderingContext2D} context @param {string} text */
function lookAt(context, text) {
  context.clearRect(0, 0, PROBE_SIZE, PROBE_SIZE);
  context.fillText(text, 0, PROBE_SIZE / 2);
  const { data } = context.getImageData(0, 0, PROBE_SIZE, PROBE_SIZE);
  let painted = false;
  for (let index = 0; index < data.length; index += 4) {
    const chroma = Math.max(data[index], data[index + 1], data[index + 2]) - Math.min(data[index], data[index + 1], data[index + 2]);
    if (chroma > MIN_CHROMA) return { painted: true, coloured: true };
    painted ||= data[index + 3] > 0;
  }
  return { painted, coloured: false };
}

/** Extents of a text as one string, to compare. @param {string} text */
function metricsOf(text) {
  const ink = /** @type {CanvasRenderingContext2D} */ (probeContext).measureText(text);
  return [ink.width, ink.actualBoundingBoxLeft, ink.actualBoundingBoxRight, ink.actualBoundingBoxAscent, ink.actualBoundingBoxDescent]
    .map((extent) => extent.toFixed(1)).join();
}

/** @param {HTMLCanvasElement} canvas @param {string} emoji @param {Depth} depth @param {number} scale */
export function drawEmoji(canvas, emoji, depth, scale) {
  const size = depth.size * scale;
  const side = size * (1 + 2 * MARGIN);
  const context = begin(canvas, side, side, depth, scale);
  context.font = `${size * 0.86}px ${EMOJI_FONT}`;
  const ink = context.measureText(emoji);
  // A sequence that the font cannot join is drawn as its parts, side by side.
  const fit = Math.min(1, (size * 1.2) / ink.width);
  const offset = (ink.actualBoundingBoxAscent - ink.actualBoundingBoxDescent) / 2;
  context.scale(fit, fit);
  context.fillText(emoji, canvas.width / 2 / fit, canvas.height / 2 / fit + offset);
}

/** @param {HTMLCanvasElement} canvas @param {string} name @param {Depth} depth @param {number} scale */
export function drawName(canvas, name, depth, scale) {
  const lines = broken(name);
  const size = depth.size * scale * NAME_SIZE;
  const font = `600 ${size}px ${TEXT_FONT}`;
  const measure = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  measure.font = font;
  const width = Math.max(...lines.map((line) => measure.measureText(line).width)) + size * 1.3;
  const height = (lines.length * LINE_HEIGHT + 0.7) * size;
  const margin = depth.size * scale * MARGIN;
  const context = begin(canvas, width + margin, height + margin, depth, scale);
  context.font = font;
  context.fillStyle = "rgba(20, 12, 38, 0.78)";
  context.beginPath();
  context.roundRect(margin / 2, margin / 2, width, height, size * 0.8);
  context.fill();
  context.shadowColor = "transparent";
  context.fillStyle = "#fff";
  lines.forEach((line, index) => {
    const middle = (index - (lines.length - 1) / 2) * LINE_HEIGHT * size;
    context.fillText(line, canvas.width / 2, canvas.height / 2 + middle);
  });
}

/**
 * A clean canvas of this size in pixels, ready to write in its middle.
 *
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {Depth} depth @param {number} scale
 */
function begin(canvas, width, height, depth, scale) {
  // Even, so that the middle is a whole pixel.
  canvas.width = 2 * Math.ceil(width / 2);
  canvas.height = 2 * Math.ceil(height / 2);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.globalAlpha = depth.light;
  // Visible where an engine has no colour glyph and falls back to an outline.
  context.fillStyle = "#fff";
  if (depth.blur > 0) {
    context.filter = `blur(${depth.blur * scale}px)`;
  } else {
    context.shadowColor = "rgba(0, 0, 0, 0.45)";
    context.shadowBlur = depth.size * scale * 0.16;
    context.shadowOffsetY = depth.size * scale * 0.05;
  }
  return context;
}

/** The words in lines of about the same length as a sticker has. @param {string} name */
function broken(name) {
  /** @type {string[]} */
  const lines = [];
  for (const word of name.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < NAME_LINE_CHARS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
