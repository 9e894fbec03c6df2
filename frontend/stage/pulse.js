/** The pulse of the last minute as a line: how loud it was, up to now at its right end. */

/** The drawing's own units, as in the view box. */
const WIDTH = 600;
const HEIGHT = 60;
const TOP = 5;
const SPAN_MS = 60_000;
/** Windows further apart than this have silence between them. */
const GAP_MS = 1_000;

/** @typedef {import("./recent.js").Recent} Recent */

export class Pulse {
  #group;
  #fill;
  #line;
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {Element} group Holds the path of the area and that of the line. */
  constructor(group) {
    this.#group = group;
    [this.#fill, this.#line] = group.children;
  }

  /** @param {Recent} recent @param {number} windowMs */
  show(recent, windowMs) {
    if (recent.total() === 0) return this.clear();
    const points = pointsOf(recent);
    const path = curve(points);
    this.#line.setAttribute("d", path);
    this.#fill.setAttribute("d", `${path}L${WIDTH} ${HEIGHT}L${points[0].x} ${HEIGHT}Z`);
    if (this.#lessMotion.matches || document.hidden) return;
    // The line drifts while the next window is on its way, instead of jumping when it is there.
    const step = (windowMs / SPAN_MS) * WIDTH;
    this.#group.animate([{ transform: `translateX(${step}px)` }, { transform: "none" }], { duration: windowMs });
  }

  clear() {
    this.#line.removeAttribute("d");
    this.#fill.removeAttribute("d");
  }
}

/** @typedef {{ x: number, y: number }} Point */

/** @param {Recent} recent */
function pointsOf(recent) {
  /** @type {{ atMs: number, rate: number }[]} */
  const rates = [];
  let silentSince = recent.endMs - SPAN_MS;
  for (const { start_ms, end_ms, total } of recent.frames) {
    if (start_ms - silentSince > GAP_MS) rates.push({ atMs: silentSince, rate: 0 }, { atMs: start_ms, rate: 0 });
    rates.push({ atMs: end_ms, rate: total / (end_ms - start_ms) });
    silentSince = end_ms;
  }
  // The root keeps a quiet passage visible beside a loud one.
  const loudest = Math.sqrt(Math.max(...rates.map(({ rate }) => rate)));
  return rates.map(({ atMs, rate }) => ({
    x: (1 - (recent.endMs - atMs) / SPAN_MS) * WIDTH,
    y: HEIGHT - TOP - (Math.sqrt(rate) / loudest) * (HEIGHT - 2 * TOP),
  }));
}

/** A smooth line through the middles between the points. @param {Point[]} points */
function curve(points) {
  const [first] = points;
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`;
  for (let index = 1; index < points.length; index += 1) {
    const { x, y } = points[index - 1];
    const next = points[index];
    path += `Q${x.toFixed(1)} ${y.toFixed(1)} ${((x + next.x) / 2).toFixed(1)} ${((y + next.y) / 2).toFixed(1)}`;
  }
  const last = points[points.length - 1];
  return `${path}L${last.x.toFixed(1)} ${last.y.toFixed(1)}`;
}
