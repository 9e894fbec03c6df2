/** The chart: counts per window in layers, drawn with uPlot, whose axis and cursor it borrows. */

import { BAND_COLOURS, REST_COLOUR } from "./colours.js";
import { compact } from "./format.js";
import { NUM_BANDS } from "./stacking.js";

/** @typedef {import("uplot")} Plot */
/** @typedef {import("./history.js").Entry} Entry */

const uPlot = /** @type {typeof import("uplot")} */ (Reflect.get(globalThis, "uPlot"));

/** Reactions do not come in parts. */
const COUNT_STEPS = Array.from({ length: 12 }, (_, decade) => [1, 2, 5].map((step) => step * 10 ** decade)).flat();
const AXIS_COLOUR = "#b4a9d0";
const GRID_COLOUR = "rgba(255, 255, 255, 0.08)";
const HATCH_COLOUR = "rgba(10, 7, 22, 0.5)";
/** Of the page's letters. */
const AXIS_LETTERS = 0.8;
/** Between hatch lines, in canvas pixels. */
const HATCH_PX = 9;
/** An empty chart has this many reactions as its height. */
const LEAST_HEIGHT = 4;
/** What a label of either axis needs, in letters. */
const [TIME_LETTERS, COUNT_LETTERS] = [7, 4.4];

const minuteFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const secondFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/**
 * @typedef {object} Picture
 * @property {import("./stacking.js").Layers} layers
 * @property {readonly import("./stacking.js").Band[]} bands From the lowest layer.
 * @property {readonly Entry[]} entries Those in its range.
 * @property {number} fromMs
 * @property {number} toMs
 */

export class Chart {
  #parent;
  #pointed;
  #plot;
  /** @type {Picture} */ #picture = { layers: { xs: [], tops: [] }, bands: [], entries: [], fromMs: 0, toMs: 1 };
  /** Reached by the keyboard; the chart moves on under it. @type {number | null} */ #chosenSeq = null;

  /**
   * @param {HTMLElement} parent
   * @param {(entry: Entry | null, atPx: number, byKey: boolean) => void} pointed What the cursor is on, and where.
   */
  constructor(parent, pointed) {
    this.#parent = parent;
    this.#pointed = pointed;
    this.#plot = new uPlot(this.#options(), [[], ...layerData([])], parent);
    new ResizeObserver(() => this.#plot.setSize(sizeOf(parent))).observe(parent);
    parent.addEventListener("keydown", (event) => this.#onKey(event));
    parent.addEventListener("blur", () => this.#choose(null));
    // Whoever takes the mouse has left the keyboard.
    parent.addEventListener("pointermove", () => { this.#chosenSeq = null; });
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    this.#plot.setData([picture.layers.xs, ...layerData(picture.layers.tops)]);
    if (this.#chosenSeq !== null) this.#choose(this.#chosenSeq);
  }

  /** @returns {import("uplot").Options} */
  #options() {
    const letter = parseFloat(getComputedStyle(this.#parent).fontSize) * AXIS_LETTERS;
    const font = `${letter}px system-ui, sans-serif`;
    const axis = { stroke: AXIS_COLOUR, font, grid: { stroke: GRID_COLOUR, width: 1 }, ticks: { show: false } };
    return {
      ...sizeOf(this.#parent),
      padding: [12, 30, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: () => [this.#picture.fromMs / 1000, this.#picture.toMs / 1000] },
        y: { range: (_plot, _least, most) => [0, Math.max(LEAST_HEIGHT, (most ?? 0) * 1.06)] },
      },
      axes: [
        { ...axis, space: TIME_LETTERS * letter, size: 2.5 * letter, values: (_plot, splits) => timeLabels(splits) },
        { ...axis, incrs: COUNT_STEPS, size: COUNT_LETTERS * letter, values: (_plot, splits) => splits.map(compact) },
      ],
      series: [{}, ...layersFromTop().map((layer) => this.#series(layer))],
      hooks: { draw: [(plot) => this.#hatch(plot)], setCursor: [(plot) => this.#onCursor(plot)] },
    };
  }

  /** @param {number} layer @returns {import("uplot").Series} */
  #series(layer) {
    const fill = () => {
      const band = this.#picture.bands[layer];
      return band ? BAND_COLOURS[band.slot] : REST_COLOUR;
    };
    return { fill, width: 0, points: { show: false }, paths: uPlot.paths.stepped?.({ align: 1 }) };
  }

  /** Lines over what came as one frame and is drawn as a mean. @param {Plot} plot */
  #hatch(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = HATCH_COLOUR;
    ctx.lineWidth = 2;
    for (const entry of this.#picture.entries.filter(({ span }) => span > 1)) {
      const left = Math.max(bbox.left, plot.valToPos(entry.startMs / 1000, "x", true));
      const right = plot.valToPos(entry.endMs / 1000, "x", true);
      const top = plot.valToPos(this.#topOf(entry), "y", true);
      if (right <= left) continue;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, right - left, bbox.top + bbox.height - top);
      ctx.clip();
      ctx.beginPath();
      for (let x = left - bbox.height; x < right; x += HATCH_PX) {
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x + bbox.height, bbox.top);
      }
      ctx.stroke();
      ctx.restore();
    }
    ctx.restore();
  }

  /** @param {Entry} entry */
  #topOf(entry) {
    const { xs, tops } = this.#picture.layers;
    return tops.at(-1)?.[xs.indexOf(entry.startMs / 1000)] ?? 0;
  }

  /** @param {Plot} plot */
  #onCursor(plot) {
    const left = plot.cursor.left ?? -1;
    if (left < 0) return this.#pointed(null, 0, false);
    const atMs = plot.posToVal(left, "x") * 1000;
    const entry = this.#picture.entries.find(({ startMs, endMs }) => atMs >= startMs && atMs < endMs) ?? null;
    this.#pointed(entry, left + plot.bbox.left / devicePixelRatio, this.#chosenSeq !== null);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") this.#choose(null);
    if (!step) return;
    event.preventDefault();
    const { entries } = this.#picture;
    const place = entries.findIndex(({ seq }) => seq === this.#chosenSeq);
    const next = place < 0 ? entries.length - 1 : Math.min(entries.length - 1, Math.max(0, place + step));
    this.#choose(entries[next]?.seq ?? null);
  }

  /** @param {number | null} seq */
  #choose(seq) {
    const entry = this.#picture.entries.find((each) => each.seq === seq);
    if (!entry && this.#chosenSeq === null) return;
    this.#chosenSeq = entry?.seq ?? null;
    const left = entry ? this.#plot.valToPos((entry.startMs + entry.endMs) / 2000, "x") : -10;
    this.#plot.setCursor({ left, top: entry ? 0 : -10 });
  }
}

/** uPlot draws in order and fills down to zero, so the highest layer comes first and lower ones go over it. */
const layersFromTop = () => Array.from({ length: NUM_BANDS + 1 }, (_, index) => NUM_BANDS - index);

/** @param {number[][]} tops @returns {number[][]} */
const layerData = (tops) => layersFromTop().map((layer) => tops[layer] ?? []);

/** @param {HTMLElement} parent */
const sizeOf = (parent) => ({ width: parent.clientWidth, height: parent.clientHeight });

/** @param {number[]} splits Unix seconds. */
function timeLabels(splits) {
  const format = splits.every((split) => split % 60 === 0) ? minuteFormat : secondFormat;
  return splits.map((split) => format.format(split * 1000));
}
