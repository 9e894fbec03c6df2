/**
 * Which emojis the bar offers, and where: the page's own first, then the person's, then the crowd's.
 *
 * A place that is taken stays so for the visit, and no other place moves: nothing may jump under a finger. Only the person's own
 * choice takes a place from another: from one of the crowd, or else from the one that was not used for longest. The next visit begins
 * with the last used.
 */

import { keep, recall } from "./storage.js";
import { learnName, spokenName } from "./names.js";

/** @type {[emoji: string, name: string][]} */
const DEFAULTS = [
  ["🔥", "fire"],
  ["❤️", "red heart"],
  ["👏", "clapping hands"],
  ["😂", "face with tears of joy"],
  ["😮", "face with open mouth"],
  ["🎉", "party popper"],
  ["😢", "crying face"],
  ["🏆", "trophy"],
];
/** Places after the defaults: those that the person may fill, and those that are left to the crowd. */
const PERSONAL = 3;
const CROWDED = 2;
/** An emoji that was sent less often is one person's whim. */
const CROWD_LEAST = 5;
const KEY = "emostream.favourites";
/** Longest emoji and longest name that are taken from storage, in UTF-16 units. */
const MAX_EMOJI = 40;
const MAX_NAME = 100;

/** @typedef {{ emoji: string, name: string }} Favourite */

export class Slots {
  /** @type {(string | undefined)[]} */ #emojis;
  /** The person's, last used first. @type {Favourite[]} */ #favourites = recallFavourites();

  constructor() {
    for (const [emoji, name] of DEFAULTS) learnName(emoji, name);
    for (const { emoji, name } of this.#favourites) learnName(emoji, name);
    this.#emojis = [...DEFAULTS.map(([emoji]) => emoji), ...Array(PERSONAL + CROWDED).fill(undefined)];
    this.#favourites.forEach(({ emoji }, index) => { this.#emojis[DEFAULTS.length + index] = emoji; });
  }

  /** By place; undefined where nothing is yet. */
  get emojis() { return /** @type {readonly (string | undefined)[]} */ (this.#emojis); }

  /** Gives the crowd's emojis the places that are free, its own before the person's. @param {[emoji: string, count: number][]} ranked Highest first. */
  offer(ranked) {
    for (const [emoji, count] of ranked) {
      const free = this.#emojis.lastIndexOf(undefined);
      if (free < 0) return;
      if (count >= CROWD_LEAST && !this.#emojis.includes(emoji)) this.#emojis[free] = emoji;
    }
  }

  /**
   * The person chose an emoji: it has a place from here on.
   *
   * @param {string} emoji
   * @returns {number} Its place.
   */
  choose(emoji) {
    const present = this.#emojis.indexOf(emoji);
    const place = present >= 0 ? present : this.#roomFor();
    this.#emojis[place] = emoji;
    this.used(emoji);
    return place;
  }

  /** The person sent an emoji. It keeps its place now, and is a favourite at the next visit. @param {string} emoji */
  used(emoji) {
    if (this.#emojis.indexOf(emoji) >= DEFAULTS.length && this.#favourites[0]?.emoji !== emoji) this.#remember(emoji);
  }

  #roomFor() {
    const personal = this.#emojis.slice(DEFAULTS.length, DEFAULTS.length + PERSONAL);
    const free = personal.indexOf(undefined);
    if (free >= 0) return DEFAULTS.length + free;
    const age = (/** @type {string | undefined} */ emoji) => {
      const rank = this.#favourites.findIndex((favourite) => favourite.emoji === emoji);
      return rank < 0 ? Infinity : rank;
    };
    const oldest = personal.reduce((left, right) => (age(right) > age(left) ? right : left));
    return DEFAULTS.length + personal.indexOf(oldest);
  }

  /** @param {string} emoji */
  #remember(emoji) {
    const others = this.#favourites.filter((favourite) => favourite.emoji !== emoji);
    this.#favourites = [{ emoji, name: spokenName(emoji) }, ...others].slice(0, PERSONAL);
    keep(KEY, this.#favourites);
  }
}

/** @returns {Favourite[]} */
function recallFavourites() {
  const kept = recall(KEY);
  if (!Array.isArray(kept)) return [];
  const taken = new Set(DEFAULTS.map(([emoji]) => emoji));
  return kept.filter(isFavourite).filter(({ emoji }) => !taken.has(emoji) && taken.add(emoji)).slice(0, PERSONAL);
}

/** @param {any} value @returns {value is Favourite} */
const isFavourite = (value) => isText(value?.emoji, MAX_EMOJI) && /\p{Emoji}/u.test(value.emoji) && isText(value.name, MAX_NAME);

/** @param {unknown} value @param {number} longest */
const isText = (value, longest) => typeof value === "string" && value.length > 0 && value.length <= longest;
