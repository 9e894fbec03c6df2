/** What emojis are called, and the form in which they are compared. */

import { nameOf as newestNameOf } from "/sdk/scene/names.js";

/** @type {Map<string, string>} */
const names = new Map();

/**
 * The form that the server counts under: a selector that only repeats how a character looks anyway is left out.
 *
 * @param {string} emoji
 */
export const canonical = (emoji) => emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, "$1");

/** @param {string} emoji @param {string} name */
export function learnName(emoji, name) { names.set(emoji, name); }

/** The emoji itself where its name is not known: a screen reader has a word for it. @param {string} emoji */
export const spokenName = (emoji) => names.get(emoji) ?? emoji;

/** Stands in for an emoji that the system's font lacks. @param {string} emoji */
export const shownName = (emoji) => names.get(emoji) ?? newestNameOf(emoji);
