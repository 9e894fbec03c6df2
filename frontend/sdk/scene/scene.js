/**
 * A canvas for the crowd: turns windows into particles and runs the animation loop while anything is in the air. It is as large as
 * the page lays the canvas out.
 *
 * A hidden page and a visitor who prefers less motion get no particles; what would have been in the air meanwhile is not made up for.
 */

import { planBurst } from "./burst.js";
import { CAPACITY, MEAN_LIFE, ParticlePool } from "./particles.js";
import { SpriteSheet } from "./sprites.js";

/** Sharper than this is not seen on moving emojis and costs fill rate. */
const MAX_PIXEL_RATIO = 2;
/** Area in CSS pixels that the whole pool fills well, and the share of the pool that the smallest canvas still gets. */
const FULL_AREA = 900_000;
const SMALLEST_SHARE = 0.45;
/** Resolution at which the canvas is read back. */
const GRID_COLUMNS = 160;
const GRID_ROWS = 90;

export class Scene {
  #canvas;
  #context;
  #sprites = new SpriteSheet();
  #pool = new ParticlePool(this.#sprites);
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
  /** Size in CSS pixels. */
  #width = 1;
  #height = 1;
  #running = false;
  #resizing = new ResizeObserver(() => this.#fit());

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#fit();
    this.#resizing.observe(canvas);
    document.addEventListener("visibilitychange", () => this.#rest());
    this.#lessMotion.addEventListener("change", () => this.#rest());
  }

  get capacity() { return CAPACITY; }
  get size() { return this.#pool.size; }
  get still() { return this.#lessMotion.matches || document.hidden; }

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
   */
  burst(counts, windowMs) {
    if (this.still) return;
    const seconds = windowMs / 1000;
    // At this rate as many fade as are born, however long the crowd keeps on.
    const budget = Math.max(1, Math.floor((this.#room() * seconds) / (MEAN_LIFE + seconds)));
    const now = performance.now() / 1000;
    for (const { emoji, particles } of planBurst(counts, seconds, budget)) {
      this.#pool.scatter(emoji, particles, now, seconds);
    }
    this.#run();
  }

  /**
   * One emoji at once, from a point of the canvas in CSS pixels.
   *
   * @param {string} emoji @param {number} x @param {number} y
   */
  launch(emoji, x, y) {
    if (this.still) return;
    this.#pool.launch(emoji, performance.now() / 1000, x / this.#width, y / this.#height);
    this.#run();
  }

  /** Particles that look good on a canvas of this size: a phone is full with fewer. */
  #room() {
    const share = (this.#width * this.#height) / FULL_AREA;
    return CAPACITY * Math.min(1, Math.max(SMALLEST_SHARE, share));
  }

  #fit() {
    const scale = Math.min(devicePixelRatio, MAX_PIXEL_RATIO);
    this.#width = Math.max(1, this.#canvas.clientWidth);
    this.#height = Math.max(1, this.#canvas.clientHeight);
    this.#canvas.width = Math.round(this.#width * scale);
    this.#canvas.height = Math.round(this.#height * scale);
    this.#sprites.rescale(scale);
  }

  #rest() {
    if (!this.still) return;
    this.#pool.clear();
    this.#wipe();
  }

  #run() {
    if (this.#running) return;
    this.#running = true;
    requestAnimationFrame(this.#frame);
  }

  /** @param {number} timeMs */
  #frame = (timeMs) => {
    const now = timeMs / 1000;
    this.#pool.expire(now);
    this.#wipe();
    this.#pool.draw(this.#context, now, this.#width, this.#height);
    this.#running = this.#pool.size > 0;
    if (this.#running) requestAnimationFrame(this.#frame);
  };

  #wipe() {
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }
}
