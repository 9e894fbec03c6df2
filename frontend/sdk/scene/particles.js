/**
 * The particle pool: what is in the air, where it is at a given time, and how it is drawn.
 *
 * A particle's place is a function of its age alone, so nothing is integrated and a lost frame costs nothing. All fields live in typed
 * arrays of a fixed length: a frame allocates nothing and the number of particles has a hard cap.
 */

import { DEPTHS } from "./sprites.js";

/** Hard cap on particles, those waiting for their moment included. */
export const CAPACITY = 400;

/** Seconds in the air, by depth: what is near is faster. */
const LIFE = [7.2, 6.2, 5.2];
/** How often far and near are chosen; the rest is between them. */
const FAR_SHARE = 0.38;
const NEAR_SHARE = 0.2;
/** Seconds in the air on average. */
export const MEAN_LIFE = FAR_SHARE * LIFE[0] + (1 - FAR_SHARE - NEAR_SHARE) * LIFE[1] + NEAR_SHARE * LIFE[2];
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
  /** Sway in CSS pixels, turns per life, and phase in radians. */
  #sway = new Float32Array(CAPACITY);
  #turns = new Float32Array(CAPACITY);
  #phase = new Float32Array(CAPACITY);
  #depth = new Uint8Array(CAPACITY);
  #slot = new Uint16Array(CAPACITY);
  #lane = Math.random();

  /** @param {import("./sprites.js").SpriteSheet} sprites */
  constructor(sprites) {
    this.sprites = sprites;
  }

  /** Particles held, those waiting for their moment included. */
  get size() { return this.#count; }

  clear() { this.#count = 0; }

  /**
   * Spreads `count` particles of one emoji over `seconds`, from the bottom edge; those that find no room are left out.
   *
   * @param {string} emoji @param {number} count @param {number} now In seconds. @param {number} seconds
   */
  scatter(emoji, count, now, seconds) {
    const slot = this.sprites.slotOf(emoji);
    for (let index = 0; index < count && this.#count < CAPACITY; index += 1) {
      this.#lane = (this.#lane + GOLDEN_RATIO) % 1;
      const chance = Math.random();
      const depth = chance < FAR_SHARE ? 0 : chance < 1 - NEAR_SHARE ? 1 : 2;
      const born = now + ((index + Math.random()) / count) * seconds;
      this.#place(this.#count, slot, depth, born, 0.02 + this.#lane * 0.96, 1.02);
      this.#count += 1;
    }
  }

  /**
   * One particle at once, from a given place; a full pool gives up the oldest for it.
   *
   * @param {string} emoji @param {number} now In seconds. @param {number} x Share of the width. @param {number} y Share of the height.
   */
  launch(emoji, now, x, y) {
    const index = this.#count < CAPACITY ? this.#count : this.#oldest();
    this.#place(index, this.sprites.slotOf(emoji), 2, now, x, y);
    if (index === this.#count) this.#count += 1;
  }

  /** @param {number} index @param {number} slot @param {number} depth @param {number} born @param {number} x @param {number} y */
  #place(index, slot, depth, born, x, y) {
    this.#slot[index] = slot;
    this.#depth[index] = depth;
    this.#born[index] = born;
    this.#life[index] = LIFE[depth] * (0.85 + Math.random() * 0.3);
    this.#startX[index] = x;
    this.#startY[index] = y;
    this.#drift[index] = (Math.random() - 0.5) * 0.08;
    this.#rise[index] = 0.72 + Math.random() * 0.36;
    this.#sway[index] = (10 + Math.random() * 26) * (0.6 + depth * 0.3);
    this.#turns[index] = 0.8 + Math.random() * 1.3;
    this.#phase[index] = Math.random() * 2 * Math.PI;
  }

  #oldest() {
    let oldest = 0;
    for (let index = 1; index < this.#count; index += 1) {
      if (this.#born[index] < this.#born[oldest]) oldest = index;
    }
    return oldest;
  }

  /** Removes what has faded. @param {number} now In seconds. */
  expire(now) {
    for (let index = this.#count - 1; index >= 0; index -= 1) {
      if (now < this.#born[index] + this.#life[index]) continue;
      this.#count -= 1;
      if (index < this.#count) this.#move(this.#count, index);
    }
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
    this.#depth[to] = this.#depth[from];
    this.#slot[to] = this.#slot[from];
  }

  /**
   * Draws far before near.
   *
   * @param {CanvasRenderingContext2D} context @param {number} now In seconds.
   * @param {number} width In CSS pixels. @param {number} height In CSS pixels.
   */
  draw(context, now, width, height) {
    for (let depth = 0; depth < DEPTHS.length; depth += 1) {
      for (let index = 0; index < this.#count; index += 1) {
        if (this.#depth[index] === depth && now >= this.#born[index]) this.#drawOne(context, index, now, width, height);
      }
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} index @param {number} now @param {number} width @param {number} height */
  #drawOne(context, index, now, width, height) {
    const age = Math.min((now - this.#born[index]) / this.#life[index], 1);
    const climb = 1 - (1 - age) ** 1.45;
    const swing = this.#phase[index] + age * this.#turns[index] * 2 * Math.PI;
    const sway = Math.sin(swing) * this.#sway[index] * (0.25 + 0.75 * climb);
    const x = (this.#startX[index] + this.#drift[index] * climb) * width + sway;
    const y = (this.#startY[index] - this.#rise[index] * climb) * height;
    const zoom = popIn(age * 9) * (1 - 0.18 * age);
    const tilt = Math.cos(swing) * 0.22;
    const scale = this.sprites.scale;
    const cos = Math.cos(tilt) * zoom;
    const sin = Math.sin(tilt) * zoom;
    const sprite = this.sprites.spriteAt(this.#slot[index], this.#depth[index]);
    context.globalAlpha = age < 0.7 ? 1 : (1 - age) / 0.3;
    context.setTransform(cos, sin, -sin, cos, x * scale, y * scale);
    context.drawImage(sprite, -sprite.width / 2, -sprite.height / 2);
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
      const emoji = this.sprites.emojiAt(this.#slot[index]);
      alive[emoji] = (alive[emoji] ?? 0) + 1;
    }
    return alive;
  }
}

/** Grows from nothing to 1 with a slight overshoot while `progress` goes from 0 to 1. @param {number} progress */
function popIn(progress) {
  if (progress >= 1) return 1;
  const rest = progress - 1;
  return 1 + 2.7 * rest ** 3 + 1.7 * rest ** 2;
}
