/** How windows become a chart, whatever was merged, missed, cut or hidden. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../frontend/dashboard/history.js";
import { Bands, NUM_BANDS, perWindow, stack } from "../../frontend/dashboard/stacking.js";

const WINDOW_MS = 2_000;
const KEEP_MS = 60_000;
const ALL = { isHidden: () => false, hidesRest: false };

/** @param {[string, number][]} counts */
const listed = (counts) => counts.map(([emoji_type, count]) => ({ emoji_type, count, final_count: 1 }));

/** A frame of the windows from `seq - span + 1` to `seq`. @param {number} seq @param {[string, number][]} counts */
const frame = (seq, counts, { span = 1, total = counts.reduce((sum, [, count]) => sum + count, 0) } = {}) => ({
  stream: "main", cluster: 1, seq, span, start_ms: (seq - span + 1) * WINDOW_MS, end_ms: (seq + 1) * WINDOW_MS, total, counts: listed(counts),
});

/** @param {ReturnType<typeof frame>[]} frames */
function historyOf(frames) {
  const history = new History(KEEP_MS);
  for (const each of frames) history.add(each);
  return history;
}

/** @param {History} history */
const seqs = (history) => history.entries.map(({ seq }) => seq);

/** Heights of the layers from each x on, the rest last. @param {import("../../frontend/dashboard/stacking.js").Layers} layers */
const heights = ({ tops }) => tops[0].map((_, place) => {
  const each = tops.map((layer, index) => layer[place] - (tops[index - 1]?.[place] ?? 0));
  return each.filter((height) => height > 0);
});

/** @param {History} history */
function stacked(history, choice = ALL) {
  const { bands } = new Bands().rank(history.entries);
  return stack(history.entries, bands, WINDOW_MS, choice);
}

test("windows that are past come before those that come, and none is there twice", () => {
  const history = historyOf([frame(12, [["🔥", 1]], { total: 3 }), frame(13, [["🔥", 2]])]);
  history.fill([frame(10, [["🔥", 5]]), frame(11, []), frame(12, [["🔥", 1], ["😀", 2]])]);
  assert.deepEqual(seqs(history), [10, 11, 12, 13]);
  // A policy has cut the frame, and nothing cuts what is past.
  assert.equal(history.entries[2].counts.get("😀"), 2);
  assert.equal(history.newest?.total, 2);
});

test("a frame that sums windows beats them", () => {
  const history = historyOf([frame(13, [["🔥", 9]], { span: 3 })]);
  history.fill([frame(9, [["🔥", 1]]), frame(10, [["🔥", 1]]), frame(11, [["🔥", 3]]), frame(12, [["🔥", 3]])]);
  assert.deepEqual(seqs(history), [9, 10, 13]);
});

test("a frame that comes after its windows were listed is not there twice", () => {
  const history = new History(KEEP_MS);
  history.fill([frame(10, [["🔥", 1]]), frame(11, [["🔥", 2]]), frame(12, [["🔥", 3]])]);
  history.add(frame(11, [["🔥", 2]]));
  history.add(frame(12, [["🔥", 5]], { span: 2 }));
  assert.deepEqual(seqs(history), [10, 11, 12]);
  history.add(frame(13, [["🔥", 9]], { span: 3 }));
  assert.deepEqual(seqs(history), [10, 13]);
});

test("what was missed is drawn window by window once it is listed", () => {
  const history = historyOf([frame(10, [["🔥", 1]]), frame(13, [["🔥", 9]], { span: 3 })]);
  history.fill([10, 11, 12, 13].map((seq) => frame(seq, [["🔥", seq]])));
  assert.deepEqual(history.entries.map(({ span, total }) => [span, total]), [[1, 10], [1, 11], [1, 12], [1, 13]]);
});

test("a history forgets what is too old, and can be cleared", () => {
  const history = historyOf(Array.from({ length: 40 }, (_, index) => frame(index, [])));
  assert.equal(history.entries.length, KEEP_MS / WINDOW_MS);
  history.clear();
  assert.equal(history.newest, undefined);
});

test("the rate is that of the newest windows, over long enough", () => {
  const history = historyOf([frame(10, [["🔥", 100]]), frame(11, [["🔥", 30]])]);
  assert.equal(history.rate(2_000), 15);
  assert.equal(history.rate(4_000), 32.5);
  assert.equal(historyOf([frame(14, [["🔥", 100]], { span: 5 })]).rate(2_000), 10);
  assert.equal(new History(KEEP_MS).rate(2_000), 0);
});

test("layers lie on each other, the most frequent emoji lowest and what no policy lists on top", () => {
  const layers = stacked(historyOf([frame(1, [["😀", 2], ["🔥", 5]], { total: 10 })]));
  assert.deepEqual(layers.xs, [2, 4]);
  assert.equal(layers.tops.length, NUM_BANDS + 1);
  assert.deepEqual(heights(layers)[0], [5, 2, 3]);
  assert.equal(layers.tops.at(-1)?.[0], 10);
});

test("a merged frame is drawn as wide as its windows, at their mean, so that its area is right", () => {
  const layers = stacked(historyOf([frame(1, [["🔥", 4]]), frame(6, [["🔥", 50]], { span: 5 })]));
  assert.deepEqual(layers.xs, [2, 4, 14]);
  assert.deepEqual(heights(layers).slice(0, 2), [[4], [10]]);
});

test("windows without reactions are zero, and so is the time in which none was published", () => {
  const layers = stacked(historyOf([frame(1, [["🔥", 4]]), frame(2, []), frame(3, [["🔥", 4]]), frame(20, [["🔥", 1]])]));
  assert.deepEqual(layers.xs, [2, 4, 6, 8, 40, 42]);
  assert.deepEqual(layers.tops[0], [4, 0, 4, 0, 1, 1]);
});

test("an empty history has nothing to draw", () => {
  assert.deepEqual(stacked(new History(KEEP_MS)).xs, []);
});

test("what is hidden is left out of the stack", () => {
  const history = historyOf([frame(1, [["🔥", 5], ["😀", 2]], { total: 10 })]);
  assert.deepEqual(heights(stacked(history, { isHidden: (/** @type {string} */ emoji) => emoji === "🔥", hidesRest: false }))[0], [2, 3]);
  assert.deepEqual(heights(stacked(history, { ...ALL, hidesRest: true }))[0], [5, 2]);
});

test("only the most frequent emojis have a layer, and the others are one", () => {
  /** @type {[string, number][]} */
  const counts = Array.from({ length: NUM_BANDS + 4 }, (_, index) => [`e${index}`, 100 - index]);
  const { bands, rest } = new Bands().rank(historyOf([frame(1, counts)]).entries);
  assert.deepEqual(bands.map(({ emoji }) => emoji), counts.slice(0, NUM_BANDS).map(([emoji]) => emoji));
  assert.equal(new Set(bands.map(({ slot }) => slot)).size, NUM_BANDS);
  assert.equal(rest, counts.slice(NUM_BANDS).reduce((sum, [, count]) => sum + count, 0));
});

test("an emoji keeps its colour for as long as it has a layer, and a near tie keeps the order", () => {
  const ranking = new Bands();
  const of = (/** @type {[string, number][]} */ counts) => ranking.rank(historyOf([frame(1, counts)]).entries).bands;
  const before = of([["a", 50], ["b", 40], ["c", 30]]);
  const after = of([["b", 52], ["a", 50], ["d", 45]]);
  assert.deepEqual(after.map(({ emoji }) => emoji), ["a", "b", "d"]);
  assert.deepEqual(after.slice(0, 2).map(({ slot }) => slot), before.slice(0, 2).map(({ slot }) => slot));
  assert.deepEqual(of([["b", 90], ["a", 50]]).map(({ emoji }) => emoji), ["b", "a"]);
});

test("what a window is made of adds up to its total", () => {
  const [entry] = historyOf([frame(6, [["🔥", 50], ["😀", 5]], { span: 5, total: 60 })]).entries;
  const { bands } = new Bands().rank([entry]);
  const { own, rest, numWindows } = perWindow(entry, bands, WINDOW_MS);
  assert.deepEqual([own, rest, numWindows], [[10, 1], 1, 5]);
});
