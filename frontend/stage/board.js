/** The numbers: a total that counts up, the most frequent emojis, and what a screen reader is told of them. */

const TOP = 5;
/** Time constant of the count-up; the shown number is within 5 % after three of them. */
const COUNT_UP_MS = 220;
/** A screen reader hears the total at most this often. */
const ANNOUNCE_EVERY_MS = 30_000;

const number = new Intl.NumberFormat("en");

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Board {
  #total = byId("total");
  #label = byId("total-label");
  #rows = Array.from({ length: TOP }, createRow);
  #lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
  #target = 0;
  #shown = 0;
  #lastFrameMs = 0;
  #counting = false;
  #announcer;
  #announcedAt = 0;
  #announcedTotal = 0;

  /** @param {Announcer} announcer */
  constructor(announcer) {
    this.#announcer = announcer;
    byId("top").append(...this.#rows.map((row) => row.item));
  }

  /** @param {number} total @param {ReadonlyMap<string, number>} totals */
  show(total, totals) {
    this.#target = total;
    this.#label.textContent = total === 1 ? "reaction" : "reactions";
    // Totals that shrink belong to a server that began anew: nothing to count up.
    if (total < this.#shown || this.#lessMotion.matches || document.hidden) this.#write(total);
    else this.#countUp();
    const top = [...totals].sort((left, right) => right[1] - left[1]).slice(0, TOP);
    this.#rows.forEach((row, rank) => fillRow(row, top[rank], top[0]));
    this.#announce(total, top[0]);
  }

  #countUp() {
    if (this.#counting || this.#shown === this.#target) return;
    this.#counting = true;
    this.#lastFrameMs = performance.now();
    requestAnimationFrame(this.#frame);
  }

  /** @param {number} timeMs */
  #frame = (timeMs) => {
    const elapsed = Math.max(timeMs - this.#lastFrameMs, 0);
    this.#lastFrameMs = timeMs;
    const rest = (this.#target - this.#shown) * Math.exp(-elapsed / COUNT_UP_MS);
    this.#write(rest < 0.5 ? this.#target : this.#target - rest);
    this.#counting = this.#shown !== this.#target;
    if (this.#counting) requestAnimationFrame(this.#frame);
  };

  /** @param {number} value */
  #write(value) {
    this.#shown = value;
    const text = number.format(Math.floor(value));
    if (this.#total.textContent !== text) this.#total.textContent = text;
  }

  /** @param {number} total @param {[string, number] | undefined} first */
  #announce(total, first) {
    const now = performance.now();
    if (!first || total === this.#announcedTotal || now - this.#announcedAt < ANNOUNCE_EVERY_MS) return;
    this.#announcedAt = now;
    this.#announcedTotal = total;
    this.#announcer.say(`${number.format(total)} reactions so far, most of them ${first[0]}`);
  }
}

/** One polite voice for all that is worth saying, so that messages do not cut each other off. */
export class Announcer {
  #element = byId("announcer");

  /** @param {string} text */
  say(text) {
    this.#element.textContent = text;
  }
}

function createRow() {
  const item = document.createElement("li");
  const emoji = document.createElement("span");
  const bar = document.createElement("span");
  const count = document.createElement("span");
  item.hidden = true;
  emoji.className = "emoji";
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  count.className = "count";
  item.append(emoji, bar, count);
  return { item, emoji, bar, count };
}

/** @param {ReturnType<typeof createRow>} row @param {[string, number] | undefined} entry @param {[string, number]} first */
function fillRow(row, entry, first) {
  row.item.hidden = entry === undefined;
  if (!entry) return;
  const [emoji, count] = entry;
  row.emoji.textContent = emoji;
  row.count.textContent = number.format(count);
  row.bar.style.setProperty("--share", String(count / first[1]));
}
