/**
 * Emojis drawn once and then copied: text layout per particle and frame would cost more than all the rest of the stage.
 *
 * Each emoji has one sprite per depth. Far ones are small, dim and out of focus, near ones large and sharp.
 */

/** Depths from far to near: `size` in CSS pixels, `blur` in CSS pixels, `light` as opacity. */
export const DEPTHS = [
  { size: 26, blur: 1.1, light: 0.6 },
  { size: 42, blur: 0, light: 0.94 },
  { size: 68, blur: 0, light: 1 },
];

/** More than the pool has particles in flight in practice; bounds the memory for sprites. */
const CAPACITY = 192;
/** Share of the size left around the emoji for glyphs that overhang, blur and glow. */
const MARGIN = 0.3;
const FONT = '"Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif';

export class SpriteSheet {
  /** Slot by emoji, least recently asked for first. @type {Map<string, number>} */ #slots = new Map();
  /** @type {string[]} */ #emojis = [];
  /** Sprites by slot and depth, row by row. @type {HTMLCanvasElement[]} */ #sprites = [];
  #scale = 1;

  /** Device pixels per CSS pixel of the sprites. */
  get scale() { return this.#scale; }

  /** @param {number} scale */
  rescale(scale) {
    if (scale === this.#scale) return;
    this.#scale = scale;
    this.#emojis.forEach((emoji, slot) => this.#draw(emoji, slot));
  }

  /**
   * @param {string} emoji
   * @returns {number} The emoji's slot; it draws the sprites if there are none yet.
   */
  slotOf(emoji) {
    let slot = this.#slots.get(emoji);
    if (slot !== undefined) {
      this.#slots.delete(emoji);
    } else {
      slot = this.#slots.size < CAPACITY ? this.#slots.size : this.#evict();
      this.#draw(emoji, slot);
    }
    this.#slots.set(emoji, slot);
    return slot;
  }

  /** @param {number} slot */
  emojiAt(slot) { return this.#emojis[slot]; }

  /** @param {number} slot @param {number} depth */
  spriteAt(slot, depth) { return this.#sprites[slot * DEPTHS.length + depth]; }

  #evict() {
    const [[emoji, slot]] = this.#slots;
    this.#slots.delete(emoji);
    return slot;
  }

  /** @param {string} emoji @param {number} slot */
  #draw(emoji, slot) {
    this.#emojis[slot] = emoji;
    DEPTHS.forEach((depth, index) => {
      this.#sprites[slot * DEPTHS.length + index] = drawSprite(emoji, depth, this.#scale);
    });
  }
}

/**
 * @param {string} emoji
 * @param {typeof DEPTHS[number]} depth
 * @param {number} scale
 */
function drawSprite(emoji, depth, scale) {
  const canvas = document.createElement("canvas");
  const size = depth.size * scale;
  canvas.width = canvas.height = Math.ceil(size * (1 + 2 * MARGIN));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.font = `${size * 0.86}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.globalAlpha = depth.light;
  // Visible where an engine has no colour glyph and falls back to an outline.
  context.fillStyle = "#fff";
  if (depth.blur > 0) {
    context.filter = `blur(${depth.blur * scale}px)`;
  } else {
    context.shadowColor = "rgba(0, 0, 0, 0.45)";
    context.shadowBlur = size * 0.16;
    context.shadowOffsetY = size * 0.05;
  }
  const ink = context.measureText(emoji);
  const offset = (ink.actualBoundingBoxAscent - ink.actualBoundingBoxDescent) / 2;
  context.fillText(emoji, canvas.width / 2, canvas.height / 2 + offset);
  return canvas;
}
