/**
 * The particle pool: what is in the air, where it is at a given time, and how it is drawn.
 *
 * A particle's place is a function of its age alone, so nothing is integrated and a lost frame costs nothing. All fields live in typed
 * arrays of a fixed length: a frame allocates nothing and the number of particles has a hard cap.
 */

import { DEPTHS } from "./sprites.js";

/** @typedef {import("./burst.js").Burst} Burst */

/**
 * @typedef {object} View
 * @property {number} width In CSS pixels.
 * @property {number} height In CSS pixels.
 * @property {number} pixelRatio Device pixels per CSS pixel.
 * @property {number} zoom How much larger emojis are than on a canvas 720 CSS pixels high.
 */

/**
 * How a burst comes up.
 *
 * @typedef {object} Rise
 * @property {number} now In seconds.
 * @property {number} seconds Time over which the particles are spread.
 * @property {number} crowding From 0, a few people, each to be seen, to 1, a crowd with a depth.
 * @property {number} surge 1 for an even stream; with more, more of them come early.
 */

/** Hard cap on particles, those waiting for their moment included. */
export const CAPACITY = 480;

/** Seconds in the air, by depth: what is near is faster. */
const LIFE = [7.2, 6.2, 5.2];
/** Shares of far and near particles among a few people and in a crowd; the rest is between them. */
const FAR_SHARE = { few: 0, crowd: 0.38 };
const NEAR_SHARE = { few: 0.55, crowd: 0.2 };
/** Seconds in the air on average, in a crowd. */
export const MEAN_LIFE =
  FAR_SHARE.crowd * LIFE[0] + (1 - FAR_SHARE.crowd - NEAR_SHARE.crowd) * LIFE[1] + NEAR_SHARE.crowd * LIFE[2];
/** Size of the quietest emoji of a crowd, as a share of the loudest; among a few people all are as large. */
const QUIETEST_SIZE = 0.5;
/** Size of one particle of an emoji differs by up to this share. */
const SIZE_SPREAD = 0.16;
/** Spreads successive particles evenly over the width without a visible pattern. */
const GOLDEN_RATIO = 0.618034;

export class ParticlePool {
  #count = 0;
  #born = new Float64Array(CAPACITY);
  #life = new Float32Array(CAPACITY);
  /** Start and drift as shares of the width; rise as a share of the height. */
  #startX = new Float32Array(CAPACITY);
  #startY = new Float32Array(CAPACITY);
  #drift = new Float32Array(CAPACITY);
  #rise = new Float32Array(CAPACITY);
  /** Sway in CSS pixels at a zoom of 1, turns per life, and phase in radians. */
  #sway = new Float32Array(CAPACITY);
  #turns = new Float32Array(CAPACITY);
  #phase = new Float32Array(CAPACITY);
  /** As a share of the largest at this depth. */
  #scale = new Float32Array(CAPACITY);
  #depth = new Uint8Array(CAPACITY);
  #slot = new Uint16Array(CAPACITY);
  #lane = Math.random();
  #sprites;

  /** @param {import("./sprites.js").SpriteSheet} sprites */
  constructor(sprites) {
    this.#sprites = sprites;
  }

  /** Particles held, those waiting for their moment included. */
  get size() { return this.#count; }

  clear() {
    for (let index = 0; index < this.#count; index += 1) this.#sprites.release(this.#slot[index]);
    this.#count = 0;
  }

  /**
   * Lets one emoji's particles rise from the bottom edge; those that find no room are left out.
   *
   * @param {Burst} burst @param {Rise} rise
   */
  scatter({ emoji, particles, loudness }, { now, seconds, crowding, surge }) {
    const slot = this.#sprites.slotOf(emoji);
    if (slot < 0) return;
    const scale = 1 - (1 - QUIETEST_SIZE) * (1 - loudness ** 2) * crowding;
    for (let index = 0; index < particles && this.#count < CAPACITY; index += 1) {
      this.#lane = (this.#lane + GOLDEN_RATIO) % 1;
      const share = ((index + Math.random()) / particles) ** surge;
      this.#place(this.#count, slot, someDepth(crowding), now + share * seconds, scale);
      this.#startX[this.#count] = 0.02 + this.#lane * 0.96;
      this.#startY[this.#count] = 1.02;
      this.#count += 1;
    }
  }

  /**
   * One particle at once, from a given place; a full pool gives up the oldest for it.
   *
   * @param {string} emoji @param {number} now In seconds. @param {number} x Share of the width. @param {number} y Share of the height.
   */
  launch(emoji, now, x, y) {
    const slot = this.#sprites.slotOf(emoji);
    if (slot < 0) return;
    this.#sprites.draw(slot);
    if (this.#count === CAPACITY) this.#giveUpOldest();
    this.#place(this.#count, slot, DEPTHS.length - 1, now, 1);
    this.#startX[this.#count] = x;
    this.#startY[this.#count] = y;
    this.#count += 1;
  }

  /** @param {number} index @param {number} slot @param {number} depth @param {number} born @param {number} scale */
  #place(index, slot, depth, born, scale) {
    this.#sprites.retain(slot);
    this.#slot[index] = slot;
    this.#depth[index] = depth;
    this.#born[index] = born;
    this.#life[index] = LIFE[depth] * (0.85 + Math.random() * 0.3);
    this.#drift[index] = (Math.random() - 0.5) * 0.08;
    this.#rise[index] = 0.72 + Math.random() * 0.36;
    this.#sway[index] = (10 + Math.random() * 26) * (0.6 + depth * 0.3);
    this.#turns[index] = 0.8 + Math.random() * 1.3;
    this.#phase[index] = Math.random() * 2 * Math.PI;
    this.#scale[index] = scale * (1 - Math.random() * SIZE_SPREAD);
  }

  #giveUpOldest() {
    let oldest = 0;
    for (let index = 1; index < this.#count; index += 1) {
      if (this.#born[index] < this.#born[oldest]) oldest = index;
    }
    this.#born[oldest] = -Infinity;
    this.expire(0);
  }

  /** Removes what has faded; the others keep their order, in which they cover each other. @param {number} now In seconds. */
  expire(now) {
    let kept = 0;
    for (let index = 0; index < this.#count; index += 1) {
      if (now >= this.#born[index] + this.#life[index]) {
        this.#sprites.release(this.#slot[index]);
      } else {
        if (kept < index) this.#move(index, kept);
        kept += 1;
      }
    }
    this.#count = kept;
  }

  /** @param {number} from @param {number} to */
  #move(from, to) {
    this.#born[to] = this.#born[from];
    this.#life[to] = this.#life[from];
    this.#startX[to] = this.#startX[from];
    this.#startY[to] = this.#startY[from];
    this.#drift[to] = this.#drift[from];
    this.#rise[to] = this.#rise[from];
    this.#sway[to] = this.#sway[from];
    this.#turns[to] = this.#turns[from];
    this.#phase[to] = this.#phase[from];
    this.#scale[to] = this.#scale[from];
    this.#depth[to] = this.#depth[from];
    this.#slot[to] = this.#slot[from];
  }

  /**
   * Draws far before near.
   *
   * @param {CanvasRenderingContext2D} context @param {number} now In seconds. @param {View} view
   */
  draw(context, now, view) {
    for (let depth = 0; depth < DEPTHS.length; depth += 1) {
      for (let index = 0; index < this.#count; index += 1) {
        if (this.#depth[index] === depth && now >= this.#born[index]) this.#drawOne(context, index, now, view);
      }
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} index @param {number} now @param {View} view */
  #drawOne(context, index, now, { width, height, pixelRatio, zoom }) {
    const slot = this.#slot[index];
    const spriteScale = this.#sprites.scaleAt(slot);
    if (spriteScale === 0) return;
    const age = Math.min((now - this.#born[index]) / this.#life[index], 1);
    const climb = 1 - (1 - age) ** 1.45;
    const swing = this.#phase[index] + age * this.#turns[index] * 2 * Math.PI;
    const sway = Math.sin(swing) * this.#sway[index] * zoom * (0.25 + 0.75 * climb);
    const x = (this.#startX[index] + this.#drift[index] * climb) * width + sway;
    const y = (this.#startY[index] - this.#rise[index] * climb) * height;
    const scale = this.#scale[index] * popIn(age * 9) * (1 - 0.18 * age) * ((zoom * pixelRatio) / spriteScale);
    const tilt = Math.cos(swing) * 0.22;
    const cos = Math.cos(tilt) * scale;
    const sin = Math.sin(tilt) * scale;
    const sprite = this.#sprites.spriteAt(slot, this.#depth[index]);
    context.globalAlpha = age < 0.7 ? 1 : (1 - age) / 0.3;
    context.setTransform(cos, sin, -sin, cos, x * pixelRatio, y * pixelRatio);
    // Whole numbers: others are boxed for this call, once per particle and frame.
    context.drawImage(sprite, -(sprite.width >> 1), -(sprite.height >> 1));
  }

  /**
   * Particles in the air by emoji; allocates, for looking in from outside.
   *
   * @param {number} now In seconds.
   */
  alive(now) {
    /** @type {Record<string, number>} */
    const alive = {};
    for (let index = 0; index < this.#count; index += 1) {
      if (now < this.#born[index] || now >= this.#born[index] + this.#life[index]) continue;
      const emoji = this.#sprites.emojiAt(this.#slot[index]);
      alive[emoji] = (alive[emoji] ?? 0) + 1;
    }
    return alive;
  }
}

/** A few people stand near and are seen one by one; a crowd reaches far back. @param {number} crowding */
function someDepth(crowding) {
  const far = FAR_SHARE.few + (FAR_SHARE.crowd - FAR_SHARE.few) * crowding;
  const near = NEAR_SHARE.few + (NEAR_SHARE.crowd - NEAR_SHARE.few) * crowding;
  const chance = Math.random();
  return chance < far ? 0 : chance < 1 - near ? 1 : 2;
}

/** Grows from nothing to 1 with a slight overshoot while `progress` goes from 0 to 1. @param {number} progress */
function popIn(progress) {
  if (progress >= 1) return 1;
  const rest = progress - 1;
  return 1 + 2.7 * rest ** 3 + 1.7 * rest ** 2;
}
