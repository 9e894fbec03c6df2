/**
 * Emojis drawn once and then copied: text layout per particle and frame would cost more than all the rest of the stage.
 *
 * Each emoji has one sprite per depth. Far ones are small, dim and out of focus, near ones large and sharp. A new emoji waits for
 * `prepare`, which draws one of them per frame: a window full of new ones would take longer than a frame has.
 */

import { drawEmoji, drawName, hasGlyph } from "./glyphs.js";

/** Depths from far to near: `size` of the loudest and `blur` in CSS pixels at a zoom of 1, `light` as opacity. */
export const DEPTHS = [
  { size: 28, blur: 1.1, light: 0.6 },
  { size: 46, blur: 0, light: 0.94 },
  { size: 76, blur: 0, light: 1 },
];

/** Emojis that have sprites at the same time; bounds the memory for them. */
export const CAPACITY = 96;
/** Device pixels per CSS pixel and zoom: sharper sprites are not seen on moving emojis, and cost memory with the square. */
const MAX_SCALE = 2.5;

export class SpriteSheet {
  /** Slot by emoji, least recently asked for first. @type {Map<string, number>} */ #slots = new Map();
  /** @type {string[]} */ #emojis = [];
  /** Sprites by slot and depth, row by row. @type {HTMLCanvasElement[]} */ #sprites = [];
  /** Particles in the air by slot: what flies keeps its slot. */
  #flying = new Uint16Array(CAPACITY);
  /** Scale of the sprites by slot; 0 where they are yet to be drawn. */
  #drawnAt = new Float32Array(CAPACITY);
  /** Pixels of a sprite per CSS pixel at a zoom of 1, as wanted. */
  #scale = 1;
  /** False while every sprite is known to have the wanted scale. */
  #stale = false;
  #nameOf;

  /** @param {(emoji: string) => string} nameOf What stands in for an emoji that the system's font does not have. */
  constructor(nameOf) {
    this.#nameOf = nameOf;
  }

  /** Sprites of another scale stay until `prepare` has come to them. @param {number} wanted */
  rescale(wanted) {
    this.#scale = Math.fround(Math.min(wanted, MAX_SCALE));
    this.#stale = true;
  }

  /**
   * @param {string} emoji
   * @returns {number} The emoji's slot, or -1 where every slot has something in the air.
   */
  slotOf(emoji) {
    let slot = this.#slots.get(emoji) ?? -1;
    if (slot >= 0) {
      this.#slots.delete(emoji);
    } else {
      slot = this.#emojis.length < CAPACITY ? this.#emojis.length : this.#evict();
      if (slot < 0) return slot;
      this.#emojis[slot] = emoji;
      this.#drawnAt[slot] = 0;
      this.#stale = true;
    }
    this.#slots.set(emoji, slot);
    return slot;
  }

  /** @param {number} slot */
  emojiAt(slot) { return this.#emojis[slot]; }

  /** Scale of the slot's sprites, or 0 as long as there are none. @param {number} slot */
  scaleAt(slot) { return this.#drawnAt[slot]; }

  /** @param {number} slot @param {number} depth */
  spriteAt(slot, depth) { return this.#sprites[slot * DEPTHS.length + depth]; }

  /** One more particle of this slot is in the air. @param {number} slot */
  retain(slot) { this.#flying[slot] += 1; }

  /** One less is. @param {number} slot */
  release(slot) { this.#flying[slot] -= 1; }

  /** Draws the sprites of one emoji that has none of the wanted scale. */
  prepare() {
    if (!this.#stale) return;
    for (let slot = 0; slot < this.#emojis.length; slot += 1) {
      if (this.#drawnAt[slot] !== this.#scale) return this.draw(slot);
    }
    this.#stale = false;
  }

  /** @param {number} slot */
  draw(slot) {
    if (this.#drawnAt[slot] === this.#scale) return;
    const emoji = this.#emojis[slot];
    const name = hasGlyph(emoji) ? "" : this.#nameOf(emoji);
    for (let depth = 0; depth < DEPTHS.length; depth += 1) {
      const index = slot * DEPTHS.length + depth;
      this.#sprites[index] ??= document.createElement("canvas");
      if (name === "") drawEmoji(this.#sprites[index], emoji, DEPTHS[depth], this.#scale);
      else drawName(this.#sprites[index], name, DEPTHS[depth], this.#scale);
    }
    this.#drawnAt[slot] = this.#scale;
  }

  /** The slot of the emoji that was asked for longest ago, of those that have nothing in the air; else -1. */
  #evict() {
    for (const [emoji, slot] of this.#slots) {
      if (this.#flying[slot] > 0) continue;
      this.#slots.delete(emoji);
      return slot;
    }
    return -1;
  }
}
