/**
 * A canvas for the crowd: turns windows into particles and runs the animation loop while anything is in the air. It is as large as
 * the page lays the canvas out.
 *
 * A page or canvas out of sight and a visitor who prefers less motion get no particles; what would have been in the air meanwhile is
 * not made up for.
 */

import { numParticles, planBurst } from "./burst.js";
import { nameOf } from "./names.js";
import { CAPACITY, MEAN_LIFE, ParticlePool } from "./particles.js";
import { SpriteSheet } from "./sprites.js";

/**
 * @typedef {object} SceneOptions
 * @property {(emoji: string) => string} [nameOf] What stands in for an emoji that the system's font does not have; default: its
 *   name where it is one of the newest, else its code point.
 */

/** Sharper than this is not seen on moving emojis and costs fill rate. */
const MAX_PIXEL_RATIO = 2;
/** Area in CSS pixels, at a zoom of 1, that the whole pool fills well, and the share of the pool that the smallest canvas still gets. */
const FULL_AREA = 1_000_000;
const SMALLEST_SHARE = 0.2;
/** Canvas in CSS pixels on which emojis have their own size; where it is smaller or larger, they follow within bounds. */
const ZOOM_1 = { width: 440, height: 720 };
const MIN_ZOOM = 0.55;
const MAX_ZOOM = 2;
/** Zoom changes in steps, since each one draws the sprites anew. */
const ZOOM_STEPS = 8;
/** Particles per second at which a few people have become a crowd. */
const CROWD_RATE = 30;
/** How much earlier particles come for each doubling of the crowd's rate since the window before. */
const SURGE_PER_DOUBLING = 0.16;
const MAX_SURGE = 2;
/** Resolution at which the canvas is read back. */
const GRID_COLUMNS = 160;
const GRID_ROWS = 90;

export class Scene {
  #canvas;
  #context;
  #sprites;
  #pool;
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {import("./particles.js").View} */ #view = { width: 1, height: 1, pixelRatio: 1, zoom: 1 };
  /** Reactions per second in the window before. */
  #lastRate = 0;
  /** Handle of the frame that was asked for; 0 for none. */
  #nextFrame = 0;
  #resizing = new ResizeObserver(() => this.#fit());
  /** False while the canvas is scrolled out of sight. */
  #inView = true;
  #scrolling = new IntersectionObserver((entries) => {
    this.#inView = entries[entries.length - 1].isIntersecting;
    this.#rest();
  });

  /** @param {HTMLCanvasElement} canvas @param {SceneOptions} [options] */
  constructor(canvas, options = {}) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#sprites = new SpriteSheet(options.nameOf ?? nameOf);
    this.#pool = new ParticlePool(this.#sprites);
    this.#fit();
    this.#resizing.observe(canvas);
    this.#scrolling.observe(canvas);
    document.addEventListener("visibilitychange", this.#rest);
    this.#lessMotion.addEventListener("change", this.#rest);
  }

  get capacity() { return CAPACITY; }
  get size() { return this.#pool.size; }
  /** True while nobody would see anything move, or wants to. */
  get still() { return this.#lessMotion.matches || document.hidden || !this.#inView; }

  /** Particles in the air, by emoji. */
  alive() { return this.#pool.alive(performance.now() / 1000); }

  /** How many of the cells of a coarse grid over the canvas have something painted in them. */
  paintedCells() {
    const grid = document.createElement("canvas");
    grid.width = GRID_COLUMNS;
    grid.height = GRID_ROWS;
    const context = /** @type {CanvasRenderingContext2D} */ (grid.getContext("2d", { willReadFrequently: true }));
    context.drawImage(this.#canvas, 0, 0, GRID_COLUMNS, GRID_ROWS);
    const { data } = context.getImageData(0, 0, GRID_COLUMNS, GRID_ROWS);
    let painted = 0;
    for (let alpha = 3; alpha < data.length; alpha += 4) {
      if (data[alpha] !== 0) painted += 1;
    }
    return painted;
  }

  /**
   * Spreads the counts of one window over the time until the next one.
   *
   * @param {Iterable<[emoji: string, count: number]>} counts
   * @param {number} windowMs
   * @param {number} [span] How many windows the counts sum.
   */
  burst(counts, windowMs, span = 1) {
    if (this.still) return;
    const seconds = windowMs / 1000;
    // At this rate as many fade as are born, however long the crowd keeps on.
    const budget = Math.max(1, Math.floor((this.#room() * seconds) / (MEAN_LIFE + seconds)));
    const entries = [...counts];
    const bursts = planBurst(entries, seconds, budget, span);
    const rate = entries.reduce((sum, [, count]) => sum + count, 0) / (seconds * span);
    const surge = 1 + SURGE_PER_DOUBLING * Math.log2((1 + rate) / (1 + this.#lastRate));
    this.#lastRate = rate;
    const rise = {
      now: performance.now() / 1000,
      seconds,
      crowding: Math.min(1, numParticles(bursts) / seconds / CROWD_RATE),
      surge: Math.min(MAX_SURGE, Math.max(1, surge)),
    };
    for (const burst of bursts) this.#pool.scatter(burst, rise);
    this.#run();
  }

  /**
   * One emoji at once, from a point of the canvas in CSS pixels.
   *
   * @param {string} emoji @param {number} x @param {number} y
   */
  launch(emoji, x, y) {
    if (this.still) return;
    this.#pool.launch(emoji, performance.now() / 1000, x / this.#view.width, y / this.#view.height);
    this.#run();
  }

  /** Lets go of the page: nothing moves or listens any more, and the canvas is empty. */
  destroy() {
    this.#resizing.disconnect();
    this.#scrolling.disconnect();
    document.removeEventListener("visibilitychange", this.#rest);
    this.#lessMotion.removeEventListener("change", this.#rest);
    cancelAnimationFrame(this.#nextFrame);
    this.#pool.clear();
    this.#wipe();
  }

  /** Particles that look good on a canvas of this size: a phone is full with fewer. */
  #room() {
    const { width, height, zoom } = this.#view;
    const share = (width * height) / zoom ** 2 / FULL_AREA;
    return CAPACITY * Math.min(1, Math.max(SMALLEST_SHARE, share));
  }

  #fit() {
    const view = this.#view;
    view.pixelRatio = Math.min(devicePixelRatio, MAX_PIXEL_RATIO);
    view.width = Math.max(1, this.#canvas.clientWidth);
    view.height = Math.max(1, this.#canvas.clientHeight);
    const zoom = Math.min(view.width / ZOOM_1.width, view.height / ZOOM_1.height);
    view.zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, Math.round(zoom * ZOOM_STEPS) / ZOOM_STEPS));
    this.#sprites.rescale(view.zoom * view.pixelRatio);
    const [width, height] = [view.width, view.height].map((length) => Math.round(length * view.pixelRatio));
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    // A canvas of a new size is empty, and this frame is on the screen before the next one is drawn.
    this.#draw(performance.now() / 1000);
  }

  #rest = () => {
    if (!this.still) return;
    this.#pool.clear();
    this.#wipe();
  };

  #run() {
    if (this.#nextFrame === 0) this.#nextFrame = requestAnimationFrame(this.#frame);
  }

  /** @param {number} timeMs */
  #frame = (timeMs) => {
    const now = timeMs / 1000;
    this.#pool.expire(now);
    this.#sprites.prepare();
    this.#draw(now);
    this.#nextFrame = this.#pool.size > 0 ? requestAnimationFrame(this.#frame) : 0;
  };

  /** @param {number} now In seconds, as of `performance.now`. */
  #draw(now) {
    this.#wipe();
    this.#pool.draw(this.#context, now, this.#view);
  }

  #wipe() {
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }
}
