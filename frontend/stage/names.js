/** What emojis are called. The whole list is long, and fetched only for an emoji that cannot be shown otherwise. */

/** Also the picker's data. */
export const EMOJI_DATA = "/vendor/emoji-picker-element-data-1.8.0/en/emojibase/data.json";

/** @type {Map<string, string>} */
const names = new Map();
/** @type {Promise<void> | undefined} */
let fetched;

/**
 * The form that the server counts under: a selector that only repeats how a character looks anyway is left out.
 *
 * @param {string} emoji
 */
export const canonical = (emoji) => emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, "$1");

/** An emoji's form in the list: without selectors and skin tones. @param {string} emoji */
const plain = (emoji) => emoji.replace(/[\uFE0F\u{1F3FB}-\u{1F3FF}]/gu, "");

/** @param {string} emoji @param {string} name */
export function learnName(emoji, name) { names.set(plain(emoji), name); }

/** The emoji itself where its name is not known: a screen reader has a word for it. @param {string} emoji */
export const nameOf = (emoji) => names.get(plain(emoji)) ?? emoji;

/** @param {string} emoji @returns {Promise<string>} */
export async function whenNamed(emoji) {
  if (!names.has(plain(emoji))) await (fetched ??= fetchNames());
  return nameOf(emoji);
}

async function fetchNames() {
  try {
    const response = await fetch(EMOJI_DATA);
    /** @type {{ emoji: string, annotation: string }[]} */
    const list = await response.json();
    for (const { emoji, annotation } of list) learnName(emoji, annotation);
  } catch {
    // The server is away; the next emoji in need of a name tries again.
    fetched = undefined;
  }
}
