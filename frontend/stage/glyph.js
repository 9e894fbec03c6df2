/** Emojis as text of the page: drawn by the system's font, or by name where the font lacks them. */

import { hasGlyph } from "/sdk/scene/glyphs.js";
import { shownName } from "./names.js";

/** @param {string} emoji */
export function glyph(emoji) {
  const element = document.createElement("span");
  const isDrawn = hasGlyph(emoji);
  element.className = isDrawn ? "glyph" : "glyph named";
  element.textContent = isDrawn ? emoji : shownName(emoji);
  return element;
}
