/** Short animations of buttons, which style sheets know by `data-played`. */

/**
 * Plays one from its start, also where it is still under way.
 *
 * @param {HTMLElement} element @param {string} name
 */
export function play(element, name) {
  delete element.dataset.played;
  // Reading a layout value ends the old animation before the new one begins.
  void element.offsetWidth;
  element.dataset.played = name;
}
