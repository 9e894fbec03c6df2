/** Prometheus' text format as a node speaks it: one sample per line, without time stamps. */

/** @typedef {Readonly<Record<string, string>>} Labels */
/** @typedef {{ labels: Labels, value: number }} Sample */

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
/** @type {Record<string, string>} */
const ESCAPED = { n: "\n", '"': '"', "\\": "\\" };

/** What a node shows of itself at one moment. */
export class Exposition {
  /** @type {Map<string, Sample[]>} */ #families = new Map();

  /** @param {string} text */
  constructor(text) {
    for (const line of text.split("\n")) {
      const match = SAMPLE.exec(line);
      if (!match) continue;
      const [, name, labels = "", value] = match;
      const family = this.#families.get(name) ?? [];
      family.push({ labels: parseLabels(labels), value: parseValue(value) });
      this.#families.set(name, family);
    }
  }

  /** Every sample of this name that bears these labels. @param {string} name @param {Labels} [labels] */
  samples(name, labels = {}) {
    const wanted = Object.entries(labels);
    return (this.#families.get(name) ?? []).filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
  }

  /** Their sum. A series is there from its first event on, so what is missing is 0. @param {string} name @param {Labels} [labels] */
  sum(name, labels) {
    return this.samples(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** True if the node has such a metric at all. @param {string} name */
  has(name) {
    return this.#families.has(name);
  }
}

/** @param {string} text @returns {Labels} */
function parseLabels(text) {
  const pairs = [...text.matchAll(LABEL)];
  return Object.fromEntries(pairs.map(([, key, value]) => [key, value.replace(/\\(.)/g, (_, letter) => ESCAPED[letter] ?? letter)]));
}

/** @param {string} text */
function parseValue(text) {
  return text.endsWith("Inf") ? Number(text.replace("Inf", "Infinity")) : Number(text);
}
